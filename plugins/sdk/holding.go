package sdk

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/sosh-shell/sosh/plugins/internal/wire"
	"github.com/sosh-shell/sosh/plugins/internal/wire/pb"
)

// streamWait is how long a new socket waits for its stream. The host opens it as
// soon as it has the handle; when it does not, it never got the answer.
const streamWait = 10 * time.Second

// holding is the sockets of a host that descriptors cannot reach, and of protocols
// whose sockets are no descriptors. They live and die with this process. It calls the
// protocol's methods as a host would, and does what the core does elsewhere: it waits,
// and moves the bytes.
type holding struct {
	p Protocol

	mu   sync.Mutex
	last uint64
	held map[uint64]*held
}

// held is one socket.
type held struct {
	far
	id    uint64
	mark  Mark
	moved atomic.Uint64 // bytes that it was given

	streamed bool        // a stream has this socket; under holding.mu
	abandon  *time.Timer // closes a socket that no stream has come for
	begun    once        // data can pass
	passive  once        // it listens
	closed   once
	asking   sync.Mutex
	asked    uint64
	again    chan struct{} // an accept was tried: look whether more wait
}

// once is an event that happens once.
type once struct {
	sync.Once
	ch chan struct{}
}

func newOnce() once                 { return once{ch: make(chan struct{})} }
func (o *once) happened()           { o.Do(func() { close(o.ch) }) }
func newHolding(p Protocol) sockets { return &holding{p: p, held: map[uint64]*held{}} }

func (h *holding) find(l *pb.Lent) (*held, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s, ok := h.held[l.GetHandle()]
	if !ok {
		return nil, syscall.ENOTCONN // both sides have ended, and the socket with them
	}
	return s, nil
}

func (h *holding) with(_ context.Context, l *pb.Lent, f func(Lent) error) error {
	s, err := h.find(l)
	if err != nil {
		return err
	}
	return s.lend(Mark(l.GetMark()), f)
}

func (h *holding) keep(context.Context, uint64) (int, error) {
	return -1, Faultf(Unsupported, "layers need descriptors, which cannot travel here")
}

func (h *holding) give(_ context.Context, _ uint64, from Handle) (*pb.Opened, error) {
	f, ok := from.Carrier.(far)
	if !ok {
		var err error
		if f, err = newKernelSocket(from.FD); err != nil {
			return nil, err
		}
	}
	s := &held{far: f, mark: from.Mark, begun: newOnce(), passive: newOnce(), closed: newOnce(), again: make(chan struct{}, 1)}
	if f.connected() {
		s.begun.happened() // it was accepted, or needs no connection
	}
	h.mu.Lock()
	h.last++
	s.id = h.last
	h.held[s.id] = s
	s.abandon = time.AfterFunc(streamWait, func() {
		h.mu.Lock()
		unclaimed := !s.streamed
		h.mu.Unlock()
		if unclaimed {
			h.forget(s)
		}
	})
	h.mu.Unlock()
	return &pb.Opened{Handle: s.id, Facts: s.facts(), Kind: string(f.sort())}, nil
}

// forget closes the socket.
func (h *holding) forget(s *held) {
	h.mu.Lock()
	delete(h.held, s.id)
	h.mu.Unlock()
	s.closed.happened()
	s.close()
}

func (h *holding) facts(l *pb.Lent) *pb.Facts {
	s, err := h.find(l)
	if err != nil {
		return nil
	}
	return s.facts()
}

func (s *held) facts() *pb.Facts {
	s.asking.Lock() // so that a higher number is a later look
	defer s.asking.Unlock()
	f, ok := s.look()
	if !ok {
		return nil
	}
	f.Moved = s.moved.Load()
	s.asked++
	m := wire.FromFacts(f)
	m.Order = s.asked
	return m
}

func (h *holding) canEnd(l *pb.Lent, how How) error {
	s, err := h.find(l)
	if err != nil {
		return err
	}
	return s.canEnd(how)
}

func (h *holding) listening(l *pb.Lent) {
	if s, err := h.find(l); err == nil {
		s.passive.happened()
	}
}

func (h *holding) accepted(l *pb.Lent) {
	if s, err := h.find(l); err == nil {
		select {
		case s.again <- struct{}{}:
		default: // is told already
		}
	}
}

// connecting waits for the connection that the protocol has begun: the host has
// no descriptor to wait on.
func (h *holding) connecting(ctx context.Context, l *pb.Lent, err error) error {
	if err != nil && !errors.Is(err, syscall.EINPROGRESS) {
		return err
	}
	s, ferr := h.find(l)
	if ferr != nil {
		return ferr
	}
	if err != nil {
		if err := s.waitConnected(ctx); err != nil {
			return err
		}
	}
	s.begun.happened()
	return nil
}
