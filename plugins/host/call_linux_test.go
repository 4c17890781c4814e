package host_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/host"
	"github.com/sosh-shell/sosh/plugins/tcp"
	"github.com/sosh-shell/sosh/plugins/unruly"
)

func TestMisbehaviourIsAClearErrorAndTheNextCallWorks(t *testing.T) {
	for do, want := range map[string]string{
		"die":     "died in open, 3 times in a row",
		"hang":    "did not answer within 1s and was ended",
		"panic":   "panic: as you wish",
		"file":    "gave a bad descriptor: no socket",
		"udp":     "gave a bad descriptor: not a stream socket",
		"mark":    "mark of 257 bytes",
		"garbage": "the unruly plugin",
	} {
		t.Run(do, func(t *testing.T) {
			h, p := start(t, host.Descriptors, quick, unruly.New)
			open(t, p)
			before := h.Plugins()[0].PID
			k, err := p.Open(t.Context(), socket.OpenRequest{Options: []socket.Setting{{Name: "do", Value: do}}})
			if err == nil {
				unix.Close(k.FD)
			}
			if do == "garbage" {
				eventually(t, "it is ended", func() bool { return h.Plugins()[0].PID != before })
			}
			if err == nil || want != "" && !strings.Contains(err.Error(), want) || want != "" && !errors.Is(err, socket.Failed) {
				t.Errorf("got %v", err)
			}
			open(t, p)
			if s := h.Plugins()[0]; do == "panic" && s.PID != before {
				t.Error("a panic in one call ended the plugin")
			}
		})
	}
}

func TestStoppedPluginIsEndedAndStartedAgain(t *testing.T) {
	h, p := start(t, host.Descriptors, quick, tcp.New)
	k := open(t, p)
	signal(t, h.Plugins()[0].PID, syscall.SIGSTOP)
	_, _, err := p.Option(t.Context(), lent(k), nil, []string{"nodelay"})
	var at *socket.Error
	if !errors.Is(err, socket.Failed) || !errors.As(err, &at) || at.Hint != "the next command starts it again" {
		t.Errorf("got %v", err)
	}
	if _, _, err := p.Option(t.Context(), lent(k), nil, []string{"nodelay"}); err != nil {
		t.Errorf("after it: %v", err)
	}
	if s := h.Plugins()[0]; s.Starts != 2 {
		t.Errorf("%+v", s)
	}
}

func TestCallersEndIsNotThePlugins(t *testing.T) {
	h, p := start(t, host.Descriptors, nil, tcp.New)
	k := open(t, p)
	pid := h.Plugins()[0].PID
	signal(t, pid, syscall.SIGSTOP)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	begin := time.Now()
	_, _, err := p.Option(ctx, lent(k), nil, []string{"nodelay"})
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) > time.Second {
		t.Errorf("got %v after %v", err, time.Since(begin))
	}
	signal(t, pid, syscall.SIGCONT)
	if _, _, err := p.Option(t.Context(), lent(k), nil, []string{"nodelay"}); err != nil {
		t.Error(err)
	}
	if got := h.Plugins()[0].PID; got != pid {
		t.Error("it was ended")
	}
}

func TestCancelledOpenLeaksNothing(t *testing.T) {
	_, p := start(t, host.Descriptors, nil, tcp.New)
	open(t, p)
	for range 300 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(400))*time.Microsecond)
		if k, err := p.Open(ctx, socket.OpenRequest{}); err == nil {
			unix.Close(k.FD)
		} else if !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		cancel()
	}
}

func TestAcceptThatIsAskedForIsNotGivenUp(t *testing.T) {
	h, p := start(t, host.Descriptors, nil, tcp.New)
	l, a := listen(t, p)
	c := dial(t, a)
	readable(t, l.FD)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Accept(gone, lent(l)); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	pid := h.Plugins()[0].PID
	signal(t, pid, syscall.SIGSTOP)
	ctx, cancel := context.WithCancel(t.Context())
	timer := time.AfterFunc(10*time.Millisecond, func() { cancel(); syscall.Kill(pid, syscall.SIGCONT) })
	defer timer.Stop()
	k, err := p.Accept(ctx, lent(l))
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(k.FD)
	talk(t, c, k.FD)
}

// talk sends a byte from one end to the other.
func talk(t testing.TB, from, to int) {
	t.Helper()
	if _, err := unix.Write(from, []byte{42}); err != nil {
		t.Fatalf("writing: %v", err)
	}
	readable(t, to)
	var b [1]byte
	if n, err := unix.Read(to, b[:]); n != 1 || b[0] != 42 {
		t.Fatalf("reading: %d bytes, %v", n, err)
	}
}

func TestDeathInAcceptIsToldAndNotRetried(t *testing.T) {
	h, p := start(t, host.Descriptors, quick, unruly.New)
	for _, how := range []string{"die", "hang"} {
		l, a := listen(t, p, socket.Setting{Name: "later", Value: how})
		dial(t, a)
		readable(t, l.FD)
		starts := h.Plugins()[0].Starts
		k, err := p.Accept(t.Context(), lent(l))
		if !errors.Is(err, socket.Failed) {
			t.Errorf("%s: fd %d, %v", how, k.FD, err)
		}
		if how == "die" && !strings.Contains(err.Error(), "may be gone") {
			t.Errorf("got %v", err)
		}
		if got := h.Plugins()[0].Starts; got != starts {
			t.Errorf("%s: tried again", how)
		}
	}
}

func TestAcceptedMarkTravels(t *testing.T) {
	for _, form := range []host.Form{host.Descriptors, host.Stream} {
		_, p := start(t, form, nil, unruly.New)
		l, a := listen(t, p)
		dial(t, a)
		readable(t, l.FD)
		k, err := p.Accept(t.Context(), lent(l))
		if err != nil || string(k.Mark) != "accepted" {
			t.Fatalf("mark %q, %v", k.Mark, err)
		}
		unix.Close(k.FD)
	}
}

func TestUsedUpDescriptorsLoseNoConnection(t *testing.T) {
	_, p := start(t, host.Descriptors, nil, tcp.New)
	l, a := listen(t, p)
	c := dial(t, a)
	readable(t, l.FD)
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	few := old
	few.Cur = 100
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	var fill []int
	for {
		fd, err := unix.FcntlInt(uintptr(l.FD), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			break
		}
		fill = append(fill, fd)
	}
	_, aerr := p.Accept(t.Context(), lent(l))
	_, oerr := p.Open(t.Context(), socket.OpenRequest{})
	for _, fd := range fill {
		unix.Close(fd)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(aerr, syscall.EMFILE) || !errors.Is(oerr, syscall.EMFILE) {
		t.Errorf("accept: %v; open: %v", aerr, oerr)
	}
	k, err := p.Accept(t.Context(), lent(l))
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(k.FD)
	talk(t, c, k.FD)
}

// TestKilledPluginLosesNoConnection kills the plugin at random moments while
// connections are made through it. Every connection that was handed out lives; one
// that was being accepted may be gone, and then that was said.
func TestKilledPluginLosesNoConnection(t *testing.T) {
	const kills = 30
	h, p := start(t, host.Descriptors, nil, tcp.New)
	var calls atomic.Int64
	stop := make(chan struct{})
	go func() {
		defer close(stop)
		for range kills {
			for goal := calls.Load() + rand.Int64N(12); calls.Load() < goal; {
				unix.Poll(nil, 1)
			}
			time.Sleep(time.Duration(rand.IntN(600)) * time.Microsecond) // the moment is the test
			signal(t, h.Plugins()[0].PID, syscall.SIGKILL)
		}
	}()
	k := killed{t: t, p: p, calls: &calls}
	for running := true; running; {
		select {
		case <-stop:
			running = false
		default:
			k.connect()
		}
	}
	for _, c := range k.all {
		talk(t, c[0], c[1])
		talk(t, c[1], c[0])
		unix.Close(c[0])
		unix.Close(c[1])
	}
	t.Logf("%d connections made, %d lost in accept and told, %d starts", len(k.all), k.told, h.Plugins()[0].Starts)
	if len(k.all) == 0 {
		t.Error("nothing was tested")
	}
}

// killed makes connections through a plugin that is killed all the time.
type killed struct {
	t     *testing.T
	p     socket.Complete
	calls *atomic.Int64
	all   [][2]int // client and server
	told  int
}

// made reports whether a call succeeded. Three deaths under one call are the
// killer's doing; anything else is a failure.
func (k *killed) made(err error) bool {
	k.t.Helper()
	k.calls.Add(1)
	if err != nil && !errors.Is(err, socket.Failed) && !errors.Is(err, syscall.EINPROGRESS) {
		k.t.Fatal(err)
	}
	return !errors.Is(err, socket.Failed)
}

func (k *killed) connect() {
	ctx := k.t.Context()
	l, err := k.p.Open(ctx, socket.OpenRequest{})
	if !k.made(err) {
		return
	}
	defer unix.Close(l.FD)
	if _, err = k.p.Bind(ctx, lent(l), socket.AddressOf(loopback)); !k.made(err) {
		return
	}
	if _, err = k.p.Listen(ctx, lent(l), 8); !k.made(err) {
		return
	}
	sa, err := syscall.Getsockname(l.FD)
	if err != nil {
		k.t.Fatal(err)
	}
	c, err := k.p.Open(ctx, socket.OpenRequest{})
	if !k.made(err) {
		return
	}
	if _, err = k.p.Connect(ctx, lent(c), socket.FromSockaddr(sa)); !k.made(err) {
		unix.Close(c.FD)
		return
	}
	readable(k.t, l.FD)
	s, err := k.p.Accept(ctx, lent(l))
	if !k.made(err) {
		k.told++
		unix.Close(c.FD)
		return
	}
	k.all = append(k.all, [2]int{c.FD, s.FD})
}
