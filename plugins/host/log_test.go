package host

import (
	"fmt"
	"strings"
	"testing"
)

func TestLogIsBoundedAndKeepsTheLastLines(t *testing.T) {
	sunk := 0
	r := newRing("x", func(string) { sunk++ })
	w := r.writer(nil)
	for i := range ringLines + 7 {
		fmt.Fprintf(w, "line ")
		fmt.Fprintf(w, "%d\n\n", i)
	}
	fmt.Fprint(w, strings.Repeat("y", 10*ringWidth)) // no end of line
	w.flush()
	got := r.lines()
	if len(got) != ringLines || got[0] != "line 8" || got[ringLines-2] != fmt.Sprintf("line %d", ringLines+6) {
		t.Errorf("%d lines, from %q to %q", len(got), got[0], got[len(got)-2])
	}
	if last := got[ringLines-1]; len(last) != ringWidth || cap(w.part) > 4*ringWidth {
		t.Errorf("%d bytes of the long line, %d held", len(last), cap(w.part))
	}
	if sunk != ringLines+8 {
		t.Errorf("%d lines in the sink", sunk)
	}
}
