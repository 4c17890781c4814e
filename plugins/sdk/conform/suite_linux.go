package conform

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/host"
)

// check is one promise of the contract.
type check struct {
	promise string
	needs   []socket.Call // a protocol without them cannot keep it, and need not
	run     func(*trial, *subject)
}

// Suite is the promises that a protocol makes in one form. Its methods are for one
// goroutine.
type Suite struct {
	Form     string
	Promises []Promise

	s     *subject
	free  func()          // ends the plugin
	anew  func()          // makes the host forget how often it has ended
	log   func() []string // what it printed
	away  bool            // what is left behind here is not looked at: others are busy here, too
	marks marks
	left  []string // what checks left behind, once one did
}

// Promise is one promise of a suite.
type Promise struct {
	Text string
	// Lacks says why it does not apply; "" where it does.
	Lacks string
	run   func(*trial, *subject)
}

// nothingLeft is the promise that is looked at after each of the others.
const nothingLeft = "Nothing is left behind: no descriptor, no goroutine"

// InProcess is a protocol whose methods are called directly.
func InProcess(ctx context.Context, p socket.Protocol, how How) (*Suite, error) {
	x := &Suite{Form: FormProcess, s: inProcess(p, how), free: func() {}, anew: func() {}, log: func() []string { return nil }}
	return x, x.prepare(ctx)
}

// InHost is a protocol of a host, which must be of that form.
func InHost(ctx context.Context, h *host.Host, name string, form host.Form, how How) (*Suite, error) {
	s, err := inHost(h, name, form, how)
	if err != nil {
		return nil, err
	}
	x := &Suite{Form: FormDescriptors, s: s, anew: func() { h.TryAgain(name) }, log: func() []string { return h.Log(name) }}
	if form == host.Stream {
		x.Form = FormStream
	}
	x.free = func() {
		if pid := s.pid(); pid > 0 {
			unix.Kill(pid, unix.SIGKILL)
		}
	}
	return x, x.prepare(ctx)
}

// prepare finds out what the protocol promises. The plugin runs afterwards.
func (x *Suite) prepare(ctx context.Context) error {
	s := x.s
	if s.Limit == 0 {
		s.Limit = 30 * time.Second
	}
	if s.Patience == 0 {
		s.Patience = 10 * time.Second
	}
	if s.desc.Layer {
		s.kind = s.desc.Kind
		try(ctx, s.Limit, s.Patience, s.probe, x.free) // what fails here fails again, as a check
	} else {
		if outcome, _ := try(ctx, s.Limit, s.Patience, s.ask, x.free); outcome == Broken {
			s.noSocket = "no socket could be opened"
		} else if s.desc.Held && s.kind == socket.Stream && s.freeKnown() && s.without(check{needs: needConnect}) == "" {
			try(ctx, s.Limit, s.Patience, s.probeHeld, x.free)
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	x.Promises = append(s.plan(), Promise{Text: nothingLeft})
	return nil
}

// ask finds out the kind of the sockets, and starts the plugin.
func (s *subject) ask(t *trial) {
	s.kind = cmp.Or(s.Kind, s.desc.Kind)
	k := s.open(t)
	if s.carried {
		s.kind = cmp.Or(k.Kind, s.kind)
		return
	}
	n, err := unix.GetsockoptInt(k.FD, unix.SOL_SOCKET, unix.SO_TYPE)
	must(t, err)
	for kind, number := range kinds {
		if n == number {
			s.kind = kind
		}
	}
}

// kinds are the numbers of socket(2).
var kinds = map[socket.Kind]int{socket.Stream: unix.SOCK_STREAM, socket.Datagram: unix.SOCK_DGRAM,
	socket.Seqpacket: unix.SOCK_SEQPACKET, socket.Raw: unix.SOCK_RAW}

// Kind is that of the protocol's sockets, with the options that it is checked with.
func (x *Suite) Kind() socket.Kind { return x.s.kind }

// lastWords is how many lines of the plugin's log go with a broken promise, at most.
const lastWords = 20

// Keep runs the check of one promise.
func (x *Suite) Keep(ctx context.Context, p Promise) Result {
	r := Result{Form: x.Form, Promise: p.Text}
	start, said := time.Now(), len(x.log())
	switch {
	case p.Lacks != "":
		r.Outcome, r.Reasons = NotApplicable, []string{p.Lacks}
	case p.Text == nothingLeft:
		r.Outcome, r.Reasons = Kept, x.left
		if len(x.left) > 0 {
			r.Outcome = Broken
		}
	default:
		x.anew() // each check by itself: a plugin that died in others is started again
		x.marks.set(x.s)
		r.Outcome, r.Reasons = try(ctx, x.s.Limit, x.s.Patience, func(t *trial) { p.run(t, x.s) }, x.free)
		if len(x.left) == 0 && ctx.Err() == nil {
			x.left = x.marks.left(ctx, x, p.Text)
		}
	}
	r.Took = time.Since(start)
	if log := x.log(); r.Outcome == Broken && len(log) != said {
		r.Log = slices.Clone(log[max(said, len(log)-lastWords):])
	}
	return r
}

// marks are what there was before a check.
type marks struct {
	pid                             int
	goroutines, descriptors, theirs int
}

func (m *marks) set(s *subject) { *m = now(s) }

func now(s *subject) marks {
	m := marks{pid: s.pid(), goroutines: runtime.NumGoroutine(), descriptors: allDescriptors()}
	if s.remote && m.pid > 0 {
		m.theirs, _ = socketsOf(m.pid)
	}
	return m
}

// left waits until nothing is left of a check, and says what is.
func (m *marks) left(ctx context.Context, x *Suite, promise string) []string {
	var left []string
	for end := time.Now().Add(x.s.Patience); ; unix.Poll(nil, 2) {
		left = left[:0]
		n := now(x.s)
		if n.pid != m.pid {
			return nil // another process: what it takes here is its start's
		}
		say := func(what string, before, after int) {
			if after > before {
				left = append(left, fmt.Sprintf("%d %s after %q, %d before", after, what, promise, before))
			}
		}
		if !x.away {
			say("open descriptors here", m.descriptors, n.descriptors)
			say("goroutines here", m.goroutines, n.goroutines)
		}
		say("sockets open in the plugin", m.theirs, n.theirs)
		if len(left) == 0 || time.Now().After(end) || ctx.Err() != nil {
			return left
		}
	}
}

func allDescriptors() int {
	d, _ := os.ReadDir("/proc/self/fd")
	return len(d)
}
