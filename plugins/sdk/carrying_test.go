package sdk

import (
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
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
