package sdk

import (
	"context"
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/internal/wire"
	"github.com/sosh-shell/sosh/plugins/internal/wire/pb"
)

// wasReset is a connection whose write got the reset: its read sees no more than the end.
type wasReset struct{ far }

func (wasReset) sort() Kind                       { return Stream }
func (wasReset) look() (f socket.Facts, ok bool)  { return f, false }
func (wasReset) bytes(f func([]byte) error) error { return io.EOF }

// told is a stream that keeps what the host is told of the end.
type told struct {
	pb.Plugin_StreamServer
	ends []error
}

func (s *told) Send(m *pb.FromSocket) error { // carrying's mutex makes it one at a time
	if f := m.GetFinish(); f != nil {
		s.ends = append(s.ends, wire.ToError(f.GetError()))
	}
	return nil
}

// full is a connection whose reader still has bytes to deliver when its write gets the
// reset.
type full struct {
	wasReset
	room   chan struct{}
	writes atomic.Int32
}

func (f *full) bytes(func([]byte) error) error { <-f.room; return io.EOF }

func (f *full) write([]byte) error { f.writes.Add(1); return syscall.ECONNRESET }

func (s *told) Context() context.Context { return context.Background() }

// What is written after the reset goes nowhere: a write that seems to be taken would say
// that it went out.
func TestWriteAfterAResetWaitsUntilTheHostIsTold(t *testing.T) {
	s, f := &told{}, &full{room: make(chan struct{})}
	c := &carrying{st: s, heard: make(chan struct{}), held: &held{far: f, begun: newOnce(), passive: newOnce(), closed: newOnce()}}
	c.begun.happened()
	go func() { defer close(c.heard); c.up() }()
	put := func() { c.put(1, func() error { return c.write(nil) }) }
	put() // gets the reset
	over := make(chan struct{})
	go func() { defer close(over); put() }()
	for buf := make([]byte, 1<<20); ; runtime.Gosched() {
		stacks := strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n")
		if slices.ContainsFunc(stacks, func(g string) bool {
			return strings.Contains(g, "[select") && strings.Contains(g, ".(*carrying).put")
		}) {
			break
		}
		select {
		case <-over:
			t.Fatal("a write was taken that went nowhere")
		default:
		}
	}
	close(f.room) // the caller reads
	<-over
	if f.writes.Load() != 1 || len(s.ends) != 1 || !errors.Is(s.ends[0], Reset) {
		t.Errorf("%d writes, ends %v", f.writes.Load(), s.ends)
	}
	f.writes.Store(0)
	c = &carrying{st: &told{}, heard: make(chan struct{}), held: c.held}
	c.writeErr = Reset
	go c.closed.happened()
	put() // a close ends the waiting
}

// Were it told by neither, it would write on into nothing, for ever.
func TestResetThatTheWriterGotIsToldHoweverItMeetsTheReadersEnd(t *testing.T) {
	for i := range 100 {
		s := &told{}
		c := &carrying{st: s, held: &held{far: wasReset{}, begun: newOnce(), passive: newOnce(), closed: newOnce()}}
		c.begun.happened()
		var both sync.WaitGroup
		c.mu.Lock() // both shall be at it at once, and take it in turns
		both.Go(c.up)
		wait(".(*carrying).up")
		both.Go(func() { c.broke(syscall.ECONNRESET) })
		wait(".(*carrying).broke")
		for range 10000 { // who has waited for long is handed it by the one before
			c.mu.Unlock()
			c.mu.Lock()
		}
		c.mu.Unlock()
		both.Wait()
		if !slices.ContainsFunc(s.ends, func(err error) bool { return errors.Is(err, Reset) }) {
			t.Fatalf("round %d: the host is told of the ends %v", i, s.ends)
		}
	}
}

// wait returns when a goroutine with that call in its stack waits for a mutex.
func wait(call string) {
	for buf := make([]byte, 1<<20); ; runtime.Gosched() {
		for g := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			if head, rest, _ := strings.Cut(g, "\n"); strings.Contains(head, "[sync.Mutex.Lock") && strings.Contains(rest, call) {
				return
			}
		}
	}
}
