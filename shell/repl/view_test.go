package repl

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/hinshun/vt10x"
	"pgregory.net/rapid"
)

func TestLayoutKnowsWidths(t *testing.T) {
	for _, c := range []struct {
		line  string
		pos   int
		cols  int
		rows  []string
		atX   int
		below int
	}{
		{"abc", 3, 10, []string{"> abc"}, 5, 0},
		{"abc", 1, 10, []string{"> abc"}, 3, 0},
		{"日本", 1, 10, []string{"> 日本"}, 4, 0},
		{"日本", 2, 5, []string{"> 日 ", "本"}, 2, 1},
		{"日本", 1, 5, []string{"> 日 ", "本"}, 0, 1},
		{"abc", 3, 5, []string{"> abc", ""}, 0, 1},
		{"abc", 2, 5, []string{"> abc", ""}, 4, 0},
		{"abcd", 3, 5, []string{"> abc", "d"}, 0, 1},
		{"a\nb", 3, 20, []string{"> a", more + "b"}, 7, 1},
		{"a\nb", 1, 20, []string{"> a", more + "b"}, 3, 0},
		{"abc\n", 4, 5, []string{"> abc", more[:5], more[5:]}, 1, 2},
		{"e\u0301x", 3, 10, []string{"> e\u0301x"}, 4, 0},
		{"\u202e", 1, 20, []string{`> \u202e`}, 8, 0},
		{"\x01", 1, 20, []string{`> \x01`}, 6, 0},
		{"日", 1, 1, []string{">", " ", "?", ""}, 0, 3},
	} {
		p := layout("> ", []rune(c.line), c.pos, c.cols)
		var rows []string
		for _, r := range p.rows {
			rows = append(rows, string(r.text))
		}
		if fmt.Sprintf("%q", rows) != fmt.Sprintf("%q", c.rows) || p.x != c.atX || p.y != c.below {
			t.Errorf("%q at %d in %d columns: %q with the cursor at %d, %d; not %q at %d, %d",
				c.line, c.pos, c.cols, rows, p.x, p.y, c.rows, c.atX, c.below)
		}
	}
}

// TestDrawnAnewIsDrawnRight draws any line over any other, and compares with the
// layout of the last.
func TestDrawnAnewIsDrawnRight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cols := rapid.IntRange(1, 30).Draw(t, "cols")
		height := rapid.IntRange(1, 12).Draw(t, "height")
		screen := vt10x.New(vt10x.WithSize(cols, height))
		out := &cooked{screen}
		v := view{w: out, size: func() (int, int) { return cols, height }}
		printed := 0
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			v.prompt = rapid.StringMatching(`[a-z]{0,5}> `).Draw(t, "prompt")
			v.line = []rune(rapid.StringMatching(`[a-z \n]{0,80}`).Draw(t, "line"))
			v.pos = rapid.IntRange(0, len(v.line)).Draw(t, "pos")
			var above []byte
			if rapid.Bool().Draw(t, "print") {
				printed++
				above = fmt.Appendf(nil, "%d\n", printed)
			}
			v.draw(above)
			check(t, &v, screen, cols, height)
		}
	})
}

func check(t *rapid.T, v *view, screen vt10x.Terminal, cols, height int) {
	p := layout(v.prompt, v.line, v.pos, cols)
	top := max(0, p.y-height+1)
	rows := strings.Split(screen.String(), "\n")
	cursor := screen.Cursor()
	if cursor.X != p.x || v.row != p.y-top {
		t.Fatalf("the cursor is at %d, row %d; not %d, %d", cursor.X, v.row, p.x, p.y-top)
	}
	first := cursor.Y - v.row
	for i := range min(len(p.rows)-top, height) {
		want := strings.TrimRight(string(p.rows[top+i].text), " ")
		if got := strings.TrimRight(rows[first+i], " \x00"); got != want {
			t.Fatalf("row %d is %q, not %q\n%s", i, got, want, screen)
		}
	}
	for _, row := range rows[min(first+len(p.rows)-top, height):] {
		if strings.TrimRight(row, " \x00") != "" {
			t.Fatalf("%q is left below\n%s", row, screen)
		}
	}
}

// cooked gives a line feed its carriage return, as a terminal's driver does.
type cooked struct{ screen vt10x.Terminal }

func (c *cooked) Write(p []byte) (int, error) {
	c.screen.Write(bytes.ReplaceAll(p, []byte("\n"), []byte("\r\n")))
	return len(p), nil
}

func TestCandidatesFitTheScreen(t *testing.T) {
	var all []candidate
	for i := range 300 {
		all = append(all, candidate{strings.Repeat("日", 40), fmt.Sprint("help ", i)})
	}
	for _, cols := range []int{1, 2, 5, 10, 80, 200} {
		text := list(all, cols, 10)
		if n := strings.Count(text, "\n"); n > 7 {
			t.Errorf("%d lines", n)
		}
		for line := range strings.Lines(text) {
			if w := len(strings.TrimRight(line, "\n")); cols == 1 && w > 0 {
				t.Errorf("%q in one column", line)
			}
		}
	}
}
