package repl

import (
	"fmt"
	"strings"

	"github.com/mattn/go-runewidth"

	"github.com/sosh-shell/sosh/shell/render"
)

// completer gives what Tab does in a line with the cursor at pos, in bytes.
type completer func(line string, pos int) completion

// completion is what Tab gives.
type completion struct {
	Insert     string      // what is inserted at the cursor
	Candidates []candidate // what it could be, when there are several
}

type candidate struct{ Text, Help string }

// maxCandidates bounds the list that Tab shows; a low screen bounds it further.
const maxCandidates = 40

// tab answers readline. Readline never gets more than one candidate: its own
// menu panics on wide ones and scrolls the prompt away on many. The list is
// printed above the line instead.
type tab struct {
	c        *console
	complete completer
}

// Do runs in readline's loop.
func (t *tab) Do(line []rune, pos int) ([][]rune, int) {
	got := t.complete(string(line), len(string(line[:pos])))
	switch {
	case got.Insert != "":
		return [][]rune{[]rune(got.Insert)}, 0
	case len(got.Candidates) < 2:
		bell{t.c}.Write([]byte("\a"))
	default:
		cols, rows := t.c.size()
		t.c.above([]byte(list(got.Candidates, cols, rows)))
	}
	return nil, 0
}

// list shows candidates, each on a line that fits the screen, and no more than
// leave room for the prompt.
func list(all []candidate, cols, rows int) string {
	most := max(1, min(maxCandidates, rows-4))
	longest := 0
	for _, c := range all {
		longest = max(longest, runewidth.StringWidth(c.Text))
	}
	longest = min(longest, 30)
	var b strings.Builder
	for i, c := range all {
		line := fmt.Sprintf("  ... and %d more", len(all)-i)
		if i < most {
			line = "  " + runewidth.FillRight(render.Line(c.Text), longest) + "  " + render.Line(c.Help)
		}
		b.WriteString(strings.TrimRight(runewidth.Truncate(line, cols-1, ""), " ") + "\n")
		if i == most {
			break
		}
	}
	return b.String()
}
