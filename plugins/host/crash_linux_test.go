package host_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/host"
	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
	"github.com/sosh-shell/sosh/plugins/tcp"
	"github.com/sosh-shell/sosh/plugins/unruly"
)

// crashing is a host with a clock of its own, and the protocol. 0 is the usual limit
// of a call.
func crashing(t *testing.T, construct func() socket.Protocol, limit time.Duration) (*host.Host, socket.Complete, *atomic.Int64) {
	t.Helper()
	leaksNothing(t)
	h := plugintest.Host(t, host.Descriptors, func(c *host.Config) { c.Log, c.CallTimeout = nil, limit }, construct, tcp.New)
	passed := new(atomic.Int64)
	begin := time.Date(2030, 1, 1, 12, 0, 0, 0, time.Local)
	host.SetClock(h, func() time.Time { return begin.Add(time.Duration(passed.Load())) })
	p, err := h.Protocol(construct().Describe().Name)
	must(t, err)
	return h, p, passed
}

// do opens, and closes what came.
func do(p socket.Complete, how string) error {
	k, err := p.Open(context.Background(), socket.OpenRequest{Options: []socket.Setting{{Name: "do", Value: how}}})
	if err == nil {
		unix.Close(k.FD)
	}
	return err
}

// begun counts the processes that have printed their last words.
func begun(h *host.Host, name string) int {
	return strings.Count(strings.Join(h.Log(name), "\n"), "cannot go on")
}

func TestCrashLoopIsStoppedWithAClearWord(t *testing.T) {
	h, p, passed := crashing(t, unruly.Named("unruly-dies"), 0)
	const name = "unruly-dies"
	fiveTimes := func() {
		t.Helper()
		before := begun(h, name)
		for range 5 {
			if err := do(p, ""); err == nil || !strings.Contains(err.Error(), "ended before it was ready: it exited with status 3") {
				t.Fatalf("got %v", err)
			}
		}
		for range 10 {
			err := do(p, "")
			clear(t, err, "the unruly-dies plugin: ended 5 times within a minute, the last time because it exited with status 3; it is not started again before ")
			var at *socket.Error
			if errors.As(err, &at); !strings.Contains(at.Hint, "plugin reload unruly-dies tries at once") {
				t.Errorf("hint %q", at.Hint)
			}
		}
		if n := begun(h, name) - before; n != 5 {
			t.Errorf("started %d times", n)
		}
	}
	fiveTimes()
	if err := do(p, ""); !strings.HasSuffix(err.Error(), " 12:01:00") {
		t.Errorf("got %v", err)
	}
	if s := stateOf(t, h, name); s.State != "failed" || !strings.HasPrefix(s.Reason, "ended 5 times within a minute") {
		t.Errorf("state %+v", s)
	}
	tcp, err := h.Protocol("tcp")
	must(t, err)
	open(t, tcp) // another plugin is another matter

	passed.Add(int64(time.Minute - time.Second))
	if err := do(p, ""); !strings.Contains(err.Error(), "it is not started again") {
		t.Errorf("a second too early: %v", err)
	}
	passed.Add(int64(time.Second))
	fiveTimes()

	must(t, h.TryAgain(name))
	fiveTimes()
	if err := h.TryAgain("nobody"); !errors.Is(err, socket.Usage) {
		t.Errorf("got %v", err)
	}
}

// Whatever a call's plugin ends by: five in a minute are enough.
func TestCrashesInCallsAreCounted(t *testing.T) {
	for how, want := range map[string]string{
		"exit":     "because it exited with status 0",
		"segfault": "because it exited with status 2",
		"hang":     "because it did not answer within 300ms",
		"file":     "because it gave a bad descriptor: no socket",
		"garbage":  "because it sent garbage on the descriptor channel",
	} {
		t.Run(how, func(t *testing.T) {
			limit := time.Duration(0)
			if how == "hang" { // the others end by themselves, on a busy machine later
				limit = 300 * time.Millisecond
			}
			h, p, _ := crashing(t, unruly.New, limit)
			for n := 0; ; n++ {
				err := do(p, how)
				s := stateOf(t, h, unruly.Name)
				if err != nil && strings.Contains(err.Error(), "ended 5 times within a minute") {
					clear(t, err, want)
					if s.Starts != 5 {
						t.Errorf("%d starts", s.Starts)
					}
					return
				}
				if n > 20 {
					t.Fatalf("it goes on and on: %v, %+v", err, s)
				}
				if how == "garbage" { // is found out beside the call
					eventually(t, "it is ended", func() bool { return stateOf(t, h, unruly.Name).PID != s.PID || s.PID == 0 })
				}
			}
		})
	}
}

func TestCrashesThatAreFarApartAreNoLoop(t *testing.T) {
	_, p, passed := crashing(t, unruly.Named("unruly-dies"), 0)
	for range 20 {
		if err := do(p, ""); !strings.Contains(err.Error(), "ended before it was ready") {
			t.Fatalf("got %v", err)
		}
		passed.Add(int64(16 * time.Second)) // four in a minute
	}
}

// Who is killed by somebody else has not crashed: an administrator, a test, or the
// kernel when memory runs out.
func TestKilledFromOutsideIsNoCrash(t *testing.T) {
	h, p, _ := crashing(t, unruly.New, 0)
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		for range 8 {
			if err := do(p, ""); err != nil {
				t.Fatal(err)
			}
			pid := stateOf(t, h, unruly.Name).PID
			signal(t, pid, sig)
			eventually(t, "it has ended", func() bool { return gone(pid) })
		}
	}
	eventually(t, "its end is noted", func() bool { return stateOf(t, h, unruly.Name).State == "failed" })
	if s := stateOf(t, h, unruly.Name); s.Reason != "was ended by signal 15 (terminated)" {
		t.Errorf("%+v", s)
	}
}

// However often it is tried, the user hears what to do.
func TestRefusedVersionIsNoCrash(t *testing.T) {
	h, p, _ := crashing(t, unruly.Named("unruly-version"), 0)
	for range 8 {
		err := do(p, "")
		clear(t, err, "speaks version 9 of the contract")
		var at *socket.Error
		if errors.As(err, &at); !strings.Contains(at.Hint, "it needs a newer sosh") {
			t.Errorf("hint %q", at.Hint)
		}
	}
	if s := stateOf(t, h, "unruly-version"); s.State != "failed" || !strings.HasPrefix(s.Reason, "speaks version 9") {
		t.Errorf("state %+v", s)
	}
}
