package sdk

import (
	"context"
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/plugins/internal/wire/fdchan"
	"github.com/sosh-shell/sosh/plugins/internal/wire/pb"
)

func TestReportReadsAsStraceWould(t *testing.T) {
	var c Calls
	fd, err := c.Socket(FamilyIP4, unix.SOCK_STREAM, unix.IPPROTO_TCP)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	as, err := ResolveHostPort(t.Context(), "tcp", ResolveRequest{Text: "127.0.0.1:1", Passive: true})
	if err != nil {
		t.Fatal(err)
	}
	c.Shutdown(fd, ShutdownWrite)
	c.SetInt(fd, "IPPROTO_TCP, TCP_NODELAY", unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	c.Listen(fd, 5)
	c.Accept(fd)
	c.Bind(fd, as[0])
	want := []Syscall{
		{Call: "socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, IPPROTO_TCP)", Result: "fd"},
		{Call: "shutdown(fd, SHUT_WR)", Result: "ENOTCONN (transport endpoint is not connected)"},
		{Call: "setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, [1])", Result: "0"},
		{Call: "listen(fd, 5)", Result: "0"},
		{Call: "accept4(fd, NULL, SOCK_CLOEXEC|SOCK_NONBLOCK)", Result: "EAGAIN (resource temporarily unavailable)"},
		{Call: "bind(fd, {AF_INET, 127.0.0.1:1})", Result: "EINVAL (invalid argument)"},
	}
	for i, w := range want {
		if i >= len(c.Report) || c.Report[i] != w {
			t.Fatalf("got %+v\nwant %+v", c.Report, want)
		}
	}
}

// TestLentDescriptorsAreClaimedOnceAndDropped: in whatever order a descriptor, its
// call and its drop come, it is used by its call or closed.
func TestLentDescriptorsAreClaimedOnceAndDropped(t *testing.T) {
	host, theirs, err := fdchan.Pair()
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	number, err := unix.FcntlInt(theirs.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	theirs.Close()
	if err != nil {
		t.Fatal(err)
	}
	ch, err := fdchan.New(number)
	if err != nil {
		t.Fatal(err)
	}
	p := newPassing(ch)
	defer ch.Close()
	lend := func(call uint64) {
		t.Helper()
		if err := host.Send(t.Context(), fdchan.Message{Kind: fdchan.Lend, Call: call, FD: 0}); err != nil {
			t.Fatal(err)
		}
	}
	used := func(call uint64, ctx context.Context) (int, error) {
		fd := -1
		err := p.with(ctx, &pb.Lent{Call: call}, func(l Lent) error { fd = l.FD; return nil })
		if fd >= 0 {
			if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil {
				t.Error("still open after its call")
			}
		}
		return fd, err
	}
	lend(1) // before its call
	ch.Drain(p.take)
	if fd, err := used(1, t.Context()); fd < 0 || err != nil {
		t.Errorf("got %d, %v", fd, err)
	}
	done := make(chan error, 1) // after it
	go func() { _, err := used(2, t.Context()); done <- err }()
	for waiting := false; !waiting; {
		p.mu.Lock()
		waiting = len(p.waiting) == 1
		p.mu.Unlock()
	}
	lend(2)
	ch.Drain(p.take)
	if err := <-done; err != nil {
		t.Error(err)
	}
	lend(3) // a call that never comes
	host.Send(t.Context(), fdchan.Message{Kind: fdchan.Drop, Call: 3, FD: -1})
	ch.Drain(p.take)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := used(3, ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if len(p.lent)+len(p.waiting) > 0 {
		t.Errorf("left: %v, %v", p.lent, p.waiting)
	}
}
