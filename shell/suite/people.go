package suite

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/sosh-shell/sosh/shell/render"
)

// People tells a person: a line for each test, the output of those that failed, the
// sums; at a terminal also how far it is.
type People struct {
	W io.Writer
	// Live draws a line of progress, which each thing printed replaces.
	Live bool

	tests, done, failed int
	running             []string
	drawn               bool
}

// Begin implements Reporter.
func (p *People) Begin(tests int) { p.tests = tests }

// Start implements Reporter.
func (p *People) Start(name string) {
	p.running = append(p.running, name)
	p.draw()
}

// Result implements Reporter.
func (p *People) Result(r Result) {
	p.erase()
	p.done++
	for i, name := range p.running {
		if name == r.Name {
			p.running = append(p.running[:i], p.running[i+1:]...)
			break
		}
	}
	took := r.Took.Round(time.Millisecond)
	switch {
	case r.Skip != "":
		fmt.Fprintf(p.W, "skip %s: %s\n", render.Line(r.Name), render.Line(r.Skip))
	case r.Flaky():
		fmt.Fprintf(p.W, "ok   %s (%v, at the %d. attempt)\n", render.Line(r.Name), took, r.Attempts)
	case r.Passed():
		fmt.Fprintf(p.W, "ok   %s (%v)\n", render.Line(r.Name), took)
	default:
		p.failed++
		fmt.Fprintf(p.W, "FAIL %s (%v, status %d)\n", render.Line(r.Name), took, r.Status)
		if r.Cut {
			io.WriteString(p.W, "    ...\n")
		}
		for line := range strings.Lines(r.Output) {
			io.WriteString(p.W, "    "+render.Line(strings.TrimRight(line, "\r\n"))+"\n")
		}
	}
	p.draw()
}

// End implements Reporter.
func (p *People) End(s Sums) error {
	p.erase()
	text := fmt.Sprintf("%d passed, %d failed", s.Passed, s.Failed)
	if s.Skipped > 0 {
		text += fmt.Sprintf(", %d skipped", s.Skipped)
	}
	if s.Flaky > 0 {
		text += fmt.Sprintf(", %d passed only when run again", s.Flaky)
	}
	_, err := fmt.Fprintf(p.W, "%s in %v\n", text, s.Took.Round(time.Millisecond))
	return err
}

// progressWidth bounds the line of progress: one that wraps could not be erased.
const progressWidth = 78

func (p *People) draw() {
	if !p.Live || p.done == p.tests {
		return
	}
	p.erase()
	text := fmt.Sprintf("%d of %d", p.done, p.tests)
	if p.failed > 0 {
		text += fmt.Sprintf(", %d failed", p.failed)
	}
	text = render.Line(text + ": " + strings.Join(p.running, ", "))
	if len(text) > progressWidth {
		text = strings.ToValidUTF8(text[:progressWidth-3], "") + "..."
	}
	io.WriteString(p.W, text)
	p.drawn = true
}

func (p *People) erase() {
	if p.drawn {
		io.WriteString(p.W, "\r\x1b[K")
		p.drawn = false
	}
}
