package repl

import (
	"fmt"
	"strings"

	"github.com/chzyer/readline"

	"github.com/sosh-shell/sosh/shell/render"
)

// completion is what Tab gives.
type completion struct {
	Insert     string      // what is inserted at the cursor
	Candidates []candidate // what it could be, when there are several
}

type candidate struct{ Text, Help string }

// maxCandidates bounds the list that Tab shows.
const maxCandidates = 40

// tab answers readline. Readline never gets more than one candidate: its own
// menu panics on wide ones and scrolls the prompt away on many. The list is
// printed above the prompt instead.
type tab struct {
	c        *console
	complete completer
}

// Do runs in readline's loop.
func (t *tab) Do(line []rune, pos int) ([][]rune, int) {
	text := string(line[:pos])
	got := t.complete(text, len(text))
	if got.Insert != "" {
		return [][]rune{[]rune(got.Insert)}, 0
	}
	if len(got.Candidates) < 2 {
		return nil, 0
	}
	t.c.rl.Write([]byte(list(got.Candidates, readline.GetScreenWidth())))
	return nil, 0
}

// list shows candidates, each on a line that fits the screen.
func list(all []candidate, width int) string {
	if width <= 0 {
		width = 80
	}
	longest := 0
	for _, c := range all {
		longest = max(longest, len(c.Text))
	}
	longest = min(longest, 30)
	var b strings.Builder
	for i, c := range all {
		if i == maxCandidates {
			fmt.Fprintf(&b, "  ... and %d more\n", len(all)-i)
			break
		}
		line := []rune(render.Line(fmt.Sprintf("  %-*s  %s", longest, c.Text, c.Help)))
		if len(line) >= width {
			line = line[:width-1]
		}
		b.WriteString(strings.TrimRight(string(line), " ") + "\n")
	}
	return b.String()
}
