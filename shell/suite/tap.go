package suite

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/sosh-shell/sosh/shell/render"
)

// TAP tells in the Test Anything Protocol, version 14, in the order in which tests end.
type TAP struct{ W io.Writer }

// Begin implements Reporter.
func (t TAP) Begin(tests int) { fmt.Fprintf(t.W, "TAP version 14\n1..%d\n", tests) }

// Start implements Reporter.
func (TAP) Start(string) {}

// Result implements Reporter.
func (t TAP) Result(r Result) {
	name := strings.ReplaceAll(render.Line(r.Name), "#", `\#`)
	word := "ok"
	if !r.Passed() {
		word = "not ok"
	}
	fmt.Fprintf(t.W, "%s %d - %s", word, r.Number, name)
	if r.Skip != "" {
		fmt.Fprintf(t.W, " # SKIP %s", render.Line(r.Skip))
	}
	fmt.Fprintf(t.W, "\n  ---\n  duration_ms: %.3f\n", float64(r.Took)/float64(time.Millisecond))
	if r.Attempts > 1 {
		fmt.Fprintf(t.W, "  attempts: %d\n", r.Attempts)
	}
	if !r.Passed() {
		fmt.Fprintf(t.W, "  status: %d\n  output: |\n", r.Status)
		for line := range strings.Lines(r.Output) {
			fmt.Fprintf(t.W, "    %s\n", render.Line(strings.TrimRight(line, "\r\n")))
		}
	}
	io.WriteString(t.W, "  ...\n")
}

// End implements Reporter.
func (t TAP) End(Sums) error { return nil }
