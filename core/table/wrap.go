package table

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"

	"github.com/sosh-shell/sosh/core/socket"
)

// WrapSpec says which layer is wrapped around a socket, and how.
type WrapSpec struct {
	Layer   string
	Options []socket.Setting
	// WithUnread hands unread bytes to the layer; without it they are refused.
	WithUnread bool
}

// maxLayers bounds the layers of one socket.
const maxLayers = 16

// Wrap puts a layer around a live socket, which keeps its name. Layers of a plugin
// that has died are taken off first. When it fails the socket is as it was, but for
// what the layer has read and written: then its stream is at an unknown place.
func (s *Socket) Wrap(ctx context.Context, spec WrapSpec) error {
	place := s.name + " " + spec.Layer
	proto, err := s.table.providers.Protocol(spec.Layer)
	if err != nil {
		return failAt("wrap", place, err)
	}
	desc := proto.Describe()
	if !desc.Layer {
		return &socket.Error{Op: "wrap", Place: place, Err: socket.Faultf(socket.Usage, "%s is no layer", spec.Layer),
			Hint: "show protocols lists the layers"}
	}
	if err := s.bothTurns(ctx); err != nil {
		return failAt("wrap", place, err)
	}
	defer s.doneBoth()
	s.popLost()
	if err := s.wrappable(place, spec); err != nil {
		return err
	}
	l, err := s.wrapLevel(ctx, proto, desc, spec)
	if err != nil {
		return withLayerHint(failAt("wrap", place, err))
	}
	s.consumed(len(s.in.unread())) // the layer has them
	s.in.before = -1
	s.push(l)
	return nil
}

// bothTurns takes the reading and the writing turn.
func (s *Socket) bothTurns(ctx context.Context) error {
	if err := s.reading.take(ctx); err != nil {
		return err
	}
	if err := s.writing.take(ctx); err != nil {
		s.endReading()
		return err
	}
	return nil
}

func (s *Socket) doneBoth() {
	s.writing.give()
	s.endReading()
	s.readAhead()
}

// wrappable refuses what cannot be wrapped, before anything is done.
func (s *Socket) wrappable(place string, spec WrapSpec) error {
	s.mu.Lock()
	end, n := s.end, len(s.layers)
	s.mu.Unlock()
	top := s.top.Load()
	switch {
	case s.isPassive():
		return &socket.Error{Op: "wrap", Place: place, Err: socket.Faultf(socket.Unsupported, "%s listens", s.name),
			Hint: "accept " + s.name + " gives a connection, which can be wrapped"}
	case !s.hasPeer():
		return s.NotConnected("wrap")
	case end != nil:
		return failAt("wrap", place, end)
	case n == maxLayers:
		return failAt("wrap", place, socket.Faultf(socket.Usage, "%d layers are the most", maxLayers))
	case top.messages() && len(s.mq.list) > 0:
		return &socket.Error{Op: "wrap", Place: place, Err: fmt.Errorf("%d messages are unread", len(s.mq.list)), Hint: "receive them first"}
	case !spec.WithUnread && len(s.in.unread()) > 0:
		return &Unread{Op: "wrap", Place: place, Bytes: slices.Clone(s.in.unread())}
	}
	return nil
}

// Unread is the error of a change of layers that would leave bytes on the wrong side.
type Unread struct {
	Op, Place string
	Bytes     []byte
}

func (e *Unread) Error() string {
	return fmt.Sprintf("%s %s: %d bytes are unread", e.Op, e.Place, len(e.Bytes))
}

// wrapLevel lends the highest level's descriptor for good and gets the next level.
func (s *Socket) wrapLevel(ctx context.Context, proto socket.Complete, desc socket.Description, spec WrapSpec) (*level, error) {
	below := s.top.Load()
	fd, err := below.hold.use()
	if err != nil {
		return nil, err
	}
	defer below.hold.done()
	fd, err = sysCopy(fd)
	if err != nil {
		return nil, err
	}
	s.table.poll.renew(below.watch) // from now on only the layer waits on it
	facts, _ := s.Facts()
	s.mu.Lock()
	req := socket.WrapRequest{FD: fd, Kind: below.kind, Framed: below.framed, Host: s.host, Remote: facts.Remote,
		Accepted: s.accepted, Options: spec.Options, Unread: slices.Clone(s.in.unread())}
	s.mu.Unlock()
	h, err := proto.Wrap(ctx, req) // closes fd
	if err != nil {
		return nil, asFault(ctx, err)
	}
	l := &level{proto: proto, desc: desc, mark: h.Mark, carrier: h.Carrier, kind: desc.Kind}
	if below.messages() && desc.Gives(below.kind) { // what comes in as messages goes out as such
		l.kind = below.kind
	}
	l.framed = l.messages()
	l.hold.fd = h.FD
	l.watch = s.table.poll.watch(&l.hold)
	return l, nil
}

func (s *Socket) push(l *level) {
	s.mu.Lock()
	s.layers = append(slices.Clone(s.layers), l)
	s.end, s.shutWr = nil, false
	s.mu.Unlock()
	s.top.Store(l)
	if s.hold.isClosed() { // meanwhile
		l.close(s.table)
	}
}

// pop takes the highest layer off and closes its descriptor.
func (s *Socket) pop() {
	s.mu.Lock()
	l := s.layers[len(s.layers)-1]
	s.layers = slices.Clone(s.layers[:len(s.layers)-1])
	next := &s.level
	if n := len(s.layers); n > 0 {
		next = s.layers[n-1]
	}
	s.end, s.shutWr = nil, false
	s.mu.Unlock()
	s.top.Store(next)
	l.close(s.table)
}

// popLost takes off the layers from the lowest that is lost.
func (s *Socket) popLost() {
	s.mu.Lock()
	first := slices.IndexFunc(s.layers, (*level).lost)
	n := len(s.layers)
	s.mu.Unlock()
	for ; first >= 0 && n > first; n-- {
		s.pop()
	}
}

func (l *level) close(t *Table) {
	t.poll.drop(l.watch)
	l.hold.close(func(fd int) { sysClose(fd) })
}

// withLayerHint says where a failed wrap leaves the socket.
func withLayerHint(err error) error {
	var e *socket.Error
	if errors.As(err, &e) && e.Hint == "" && !errors.Is(err, socket.Usage) && !errors.Is(err, socket.Unsupported) {
		e.Hint = "the socket beneath lives, its stream at an unknown place"
	}
	return err
}

// Unwrap takes the highest layer off in order: what it had read from beneath and was
// not its own is unread again.
func (s *Socket) Unwrap(ctx context.Context) error {
	if err := s.bothTurns(ctx); err != nil {
		return s.fail("unwrap", err)
	}
	defer s.doneBoth()
	s.mu.Lock()
	n := len(s.layers)
	s.mu.Unlock()
	l := s.top.Load()
	switch {
	case n == 0:
		return &socket.Error{Op: "unwrap", Place: s.name, Err: socket.Faultf(socket.Usage, "%s has no layer", s.name), Hint: "wrap " + s.name + " LAYER puts one around it"}
	case len(s.mq.list) > 0:
		return &socket.Error{Op: "unwrap", Place: s.name, Err: fmt.Errorf("%d messages are unread", len(s.mq.list)), Hint: "receive them first"}
	case l.lost():
		s.popLost()
		return nil
	}
	var err error
	if !l.off {
		l.left, err = s.unwrapLevel(ctx, l)
		if err != nil && !l.gone() {
			return s.fail("unwrap", asFault(ctx, err))
		}
		l.off = true
		if n := len(s.mq.list); n > 0 {
			return &socket.Error{Op: "unwrap", Place: s.name, Err: fmt.Errorf("%d messages came meanwhile and are unread", n),
				Hint: "receive them, then unwrap again"}
		}
	}
	s.pop()
	s.in.add(l.left, len(s.in.unread())+len(l.left))
	s.table.unread.Add(int64(len(l.left)))
	if len(l.left) > 0 {
		s.tapped(func(t Tap) { t.Bytes(false, l.left) })
	}
	if err != nil {
		return withLayerHint(s.fail("unwrap", asFault(ctx, err)))
	}
	return nil
}

// gone reports whether nothing of the layer is left.
func (l *level) gone() bool {
	c, ok := l.carrier.(socket.LayerCarrier)
	if !ok {
		return true
	}
	ctx, cancel := context.WithTimeout(context.Background(), endWait)
	defer cancel()
	return c.Gone(ctx) == nil
}

// unwrapLevel asks the layer to end, and meanwhile takes in what it still delivers:
// it could not end while nobody reads.
func (s *Socket) unwrapLevel(ctx context.Context, l *level) ([]byte, error) {
	type answer struct {
		unread []byte
		err    error
	}
	answers := make(chan answer, 1)
	waiting, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		unread, err := l.proto.Unwrap(ctx, socket.Lent{FD: -1, Mark: l.mark, Carrier: l.carrier})
		answers <- answer{unread, err}
		stop()
	}()
	for {
		err := s.drain(l)
		if err != nil && err != syscall.EAGAIN {
			break
		}
		if s.table.poll.wait(waiting, l.watch, toRead) != nil {
			break
		}
	}
	a := <-answers
	if a.err == nil {
		for s.drain(l) == nil { // what came in the last moment
		}
	}
	return a.unread, a.err
}

// drain takes in what the level has now.
func (s *Socket) drain(l *level) error {
	if l.messages() {
		m, err := s.tryMessage(l, s.bound.Load())
		if err == nil {
			s.keepMessage(m)
		}
		return err
	}
	b := scratch.Get().(*[readSize]byte)
	defer scratch.Put(b)
	n, err := s.tryReceive(l, b[:])
	if n > 0 {
		s.keep(b[:n], s.bound.Load())
	}
	return err
}
