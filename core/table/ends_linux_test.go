package table

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/sosh-shell/sosh/core/socket"
)

func TestGivenUpConnectNeverAnswersForTheNext(t *testing.T) {
	tab, p := newTable(t)
	open := func() (*Socket, string) {
		s := must[*Socket](t)(tab.Open(bounded(t), Spec{Protocol: "tcp", Listen: "127.0.0.1:0"}))
		f, _ := s.Facts()
		return s, f.Local.Text(socket.HostPort)
	}
	_, first := open()
	_, second := open()
	s := must[*Socket](t)(tab.Open(bounded(t), Spec{Protocol: "tcp"}))
	ctx, cancel := context.WithCancel(t.Context())
	p.afterConnect = func() error { // the plugin's answer is lost on its way
		cancel()
		return context.Canceled
	}
	if err := s.Connect(ctx, first); !errors.Is(err, socket.Interrupted) {
		t.Fatalf("got %v", err)
	}
	p.afterConnect = nil
	if err := s.Connect(bounded(t), second); err != nil {
		t.Fatal(err)
	}
	if f, _ := s.Facts(); f.Remote.Text(socket.HostPort) != second {
		t.Errorf("connected to %v, not %s", f.Remote, second)
	}
}

func TestTheEndOfTheTimeIsNotHiddenByAnEarlierFailure(t *testing.T) {
	tab, _ := newTable(t)
	nowhere := silent(t, tab)
	gone := must[*Socket](t)(tab.Open(bounded(t), Spec{Protocol: "tcp", Listen: "127.0.0.1:0"}))
	f, _ := gone.Facts()
	gone.Close(bounded(t), false)
	refused := f.Local.Text(socket.HostPort)
	ctx, cancel := WithLimit(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := tab.Open(ctx, Spec{Protocol: "tcp", Connect: refused + "," + nowhere}); !errors.Is(err, socket.Timeout) {
		t.Errorf("open: %v", err)
	}
	s := must[*Socket](t)(tab.Open(bounded(t), Spec{Protocol: "tcp"}))
	ctx, cancel = WithLimit(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.Connect(ctx, refused+","+nowhere); !errors.Is(err, socket.Timeout) {
		t.Errorf("connect: %v", err)
	}
}

func TestCancelOfTheRunIsHeardWhenTheStepIsOver(t *testing.T) {
	run, cancel := context.WithCancel(t.Context())
	step, done := WithLimit(run, 0)
	defer done()
	c, stop := control(step)
	defer stop()
	if c.Err() != nil {
		t.Fatal("a step without time ends a control call")
	}
	cancel()
	select {
	case <-c.Done():
	case <-bounded(t).Done():
		t.Error("not heard")
	}
}

func TestClosedSocketGivesItsBudgetBack(t *testing.T) {
	tab, _ := newTable(t)
	_, c, s := pair(t, tab)
	must[int](t)(s.Send(bounded(t), make([]byte, 1000)))
	turn := must[*Turn](t)(c.Read(bounded(t)))
	must[[]byte](t)(turn.Fill(bounded(t)))
	must[Closed](t)(c.Close(bounded(t), false))
	turn.Done()
	if n := tab.unread.Load(); n != 0 {
		t.Errorf("%d bytes are counted and nobody has them", n)
	}
}

func TestReadingAheadKeepsTheInboxsBound(t *testing.T) {
	tab, _ := newTable(t)
	more := make(chan struct{}, 100)
	_, c, s := pair(t, tab)
	c.SetInbox(1000)
	tab.Watch(func(a Arrival) {
		if a.Socket == c && a.More {
			more <- struct{}{}
		}
	})
	must[int](t)(s.Send(bounded(t), make([]byte, 30000)))
	select {
	case <-more:
	case <-bounded(t).Done():
		t.Fatal("nothing was said of the rest")
	}
	turn := must[*Turn](t)(c.Read(bounded(t)))
	defer turn.Done()
	if n := len(turn.Unread()); n != 1000 {
		t.Errorf("%d bytes were read ahead", n)
	}
}

func TestReceiveBeforeAConnectTouchesNothing(t *testing.T) {
	tab, _ := newTable(t)
	s := must[*Socket](t)(tab.Open(bounded(t), Spec{Protocol: "tcp"}))
	if err := readEnd(t, s); !errors.Is(err, syscall.ENOTCONN) {
		t.Errorf("got %v", err)
	}
	if _, err := s.Send(bounded(t), []byte("x")); !errors.Is(err, syscall.ENOTCONN) {
		t.Errorf("got %v", err)
	}
}

func TestCancelIsHeardBetweenTheBytesOfAFlood(t *testing.T) {
	tab, _ := newTable(t)
	_, c, s := pair(t, tab)
	must[int](t)(s.Send(bounded(t), make([]byte, 4096)))
	take(t, c, 1)
	ctx, cancel := context.WithCancel(t.Context())
	turn := must[*Turn](t)(c.Read(ctx))
	defer turn.Done()
	turn.Consume(len(turn.Unread()))
	must[int](t)(s.Send(bounded(t), make([]byte, 4096)))
	cancel()
	if _, err := turn.Take(ctx, make([]byte, 16)); !errors.Is(err, socket.Interrupted) {
		t.Errorf("got %v", err)
	}
}
