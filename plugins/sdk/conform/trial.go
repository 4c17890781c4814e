package conform

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"
)

// trial is one run of one check: what testing.T is to a test, where there is no test.
// Its methods may be called from several goroutines; Fatal and Fatalf from the
// check's own alone.
type trial struct {
	ctx      context.Context
	patience time.Duration
	tasks    sync.WaitGroup // what the check does beside itself

	mu      sync.Mutex
	reasons []string
	skip    string // why the check does not apply after all
	cleanup []func()
	over    bool
}

// maxReasons bounds what one check tells.
const maxReasons = 10

// Context is done when the check's time is over.
func (t *trial) Context() context.Context { return t.ctx }

func (t *trial) Errorf(format string, args ...any) { t.fault(fmt.Sprintf(format, args...)) }
func (t *trial) Error(args ...any)                 { t.fault(fmt.Sprint(args...)) }

func (t *trial) Fatalf(format string, args ...any) {
	t.Errorf(format, args...)
	runtime.Goexit()
}

func (t *trial) Fatal(args ...any) {
	t.Error(args...)
	runtime.Goexit()
}

// notApplicable ends the check: what it looks at is not to be had here.
func (t *trial) notApplicable(format string, args ...any) {
	t.mu.Lock()
	t.skip = fmt.Sprintf(format, args...)
	t.mu.Unlock()
	runtime.Goexit()
}

// Cleanup has f called when the check is over, the last one first.
func (t *trial) Cleanup(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cleanup = append(t.cleanup, f)
}

func (t *trial) fault(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.over:
	case len(t.reasons) < maxReasons:
		text = strings.ReplaceAll(text, "<nil>", "no error") // the author need not know Go
		t.reasons = append(t.reasons, oneLine(text))
	case len(t.reasons) == maxReasons:
		t.reasons = append(t.reasons, "and more")
	}
}

func oneLine(s string) string {
	const longest = 1000
	s = strings.TrimSpace(s)
	if len(s) > longest {
		s = s[:longest] + "..."
	}
	return strings.ReplaceAll(s, "\n", "; ")
}

// errHung is the end of a check that did not end by itself.
var errHung = errors.New("the check's time is over")

// try runs f as one trial, for at most limit. What it waits for then is freed by
// free, which may be called in any case. A check that does not end even so is left
// behind.
func try(ctx context.Context, limit, patience time.Duration, f func(*trial), free func()) (outcome Outcome, reasons []string) {
	limited, cancel := context.WithTimeoutCause(ctx, limit, errHung)
	defer cancel()
	own, stop := context.WithCancel(limited)
	defer stop()
	t := &trial{ctx: own, patience: patience}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			t.end()
			stop() // what still waits for a peer that is gone ends now
			t.tasks.Wait()
			t.clean()
		}()
		defer t.recovered()
		f(t)
	}()
	select {
	case <-done:
	case <-limited.Done():
		free()
		grace := time.NewTimer(2 * patience)
		defer grace.Stop()
		select {
		case <-done:
		case <-grace.C:
		}
	}
	t.end()
	t.mu.Lock()
	defer t.mu.Unlock()
	if context.Cause(limited) == errHung {
		free() // it may have ended just so, by what the end of its time made fail
		t.reasons = slices.Insert(t.reasons, 0, fmt.Sprintf("did not end within %v, and was ended", limit))
	}
	switch {
	case len(t.reasons) > 0:
		return Broken, t.reasons
	case t.skip != "":
		return NotApplicable, []string{t.skip}
	}
	return Kept, nil
}

// Go runs f beside the check, which ends when it has. A panic is the check's failure.
func (t *trial) Go(f func()) {
	t.tasks.Go(func() {
		defer t.recovered()
		f()
	})
}

// group is several that are waited for.
type group struct {
	t *trial
	sync.WaitGroup
}

func (t *trial) group() *group { return &group{t: t} }

// Go is [trial.Go], and one more to wait for.
func (g *group) Go(f func()) {
	g.Add(1)
	g.t.Go(func() {
		defer g.Done()
		f()
	})
}

func (t *trial) recovered() {
	if r := recover(); r != nil {
		t.Errorf("panic: %v at %s", r, where(debug.Stack()))
	}
}

// end has nothing more told: what fails from now on fails because the check is over.
func (t *trial) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = true
}

func (t *trial) clean() {
	for {
		t.mu.Lock()
		n := len(t.cleanup)
		if n == 0 {
			t.mu.Unlock()
			return
		}
		f := t.cleanup[n-1]
		t.cleanup = t.cleanup[:n-1]
		t.mu.Unlock()
		f()
	}
}

// where is the place of a panic in its stack: the first line of a file after
// runtime's own.
func where(stack []byte) string {
	_, after, _ := strings.Cut(string(stack), "panic(")
	lines := strings.Split(after, "\n")
	for i := 3; i < len(lines); i += 2 {
		if place, _, ok := strings.Cut(strings.TrimSpace(lines[i]), " +0x"); ok {
			return place
		}
	}
	return "an unknown place"
}
