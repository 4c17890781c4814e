package suite

import (
	"io"
	"time"

	"github.com/sosh-shell/sosh/shell/render"
)

// JSON tells an object for each test, and one with the sums at the end.
type JSON struct{ W io.Writer }

// Begin implements Reporter.
func (JSON) Begin(int) {}

// Start implements Reporter.
func (JSON) Start(string) {}

// Result implements Reporter.
func (j JSON) Result(r Result) {
	outcome := "passed"
	switch {
	case r.Skip != "":
		outcome = "skipped"
	case !r.Passed():
		outcome = "failed"
	}
	o := render.Object{{Key: "test", Value: r.Name}, {Key: "outcome", Value: outcome}, {Key: "status", Value: r.Status},
		{Key: "ms", Value: float64(r.Took) / float64(time.Millisecond)}, {Key: "attempts", Value: r.Attempts}}
	if r.Skip != "" {
		o = append(o, render.Member{Key: "reason", Value: r.Skip})
	}
	if !r.Passed() {
		o = append(o, render.Member{Key: "output", Value: r.Output})
	}
	render.JSON(j.W, o)
}

// End implements Reporter.
func (j JSON) End(s Sums) error {
	return render.JSON(j.W, render.Object{{Key: "passed", Value: s.Passed}, {Key: "failed", Value: s.Failed},
		{Key: "skipped", Value: s.Skipped}, {Key: "flaky", Value: s.Flaky}, {Key: "ms", Value: float64(s.Took) / float64(time.Millisecond)}})
}
