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
		return s.busy("wrap", place, err)
	}
	defer s.doneBoth()
	ctx, done := s.change(ctx)
	defer done()
	s.popLost()
	if err := s.wrappable(place, spec); err != nil {
		return err
	}
	l, err := s.wrapLevel(ctx, proto, desc, spec)
	if err == nil {
		err = s.push(l)
	}
	if err != nil {
		return withLayerHint(failAt("wrap", place, err))
	}
	s.tellConsumed(ctx, len(s.in.unread()))
	s.consumed(len(s.in.unread())) // the layer has them
	s.in.before = -1
	return nil
}

// change is ctx for a change of layers, which a close of the socket ends.
func (s *Socket) change(ctx context.Context) (context.Context, func()) {
	c, cancel := context.WithCancelCause(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		cancel(errClosed)
	}
	s.changing = cancel
	return c, func() {
		s.mu.Lock()
		s.changing = nil
		s.mu.Unlock()
		cancel(nil)
	}
}

// bothTurns takes the reading and the writing turn.
func (s *Socket) bothTurns(ctx context.Context) error {
	if err := s.reading.take(ctx); err != nil {
		return err
	}
	err := s.writing.take(ctx)
	if err == nil {
		if err = waitError(ctx); err == nil { // else the time went by in the queue
			return nil
		}
		s.writing.give()
	}
	s.endReading()
	return err
}

// busy is the error of a change of layers that did not begin.
func (s *Socket) busy(op, place string, err error) error {
	return &socket.Error{Op: op, Place: place, Err: err, Hint: "another command was receiving from " + s.name + ", or sending: nothing was begun"}
}

func (s *Socket) doneBoth() {
	s.writing.give()
	s.endReading()
	s.readAhead()
}

// wrappable refuses what cannot be wrapped, before anything is done.
func (s *Socket) wrappable(place string, spec WrapSpec) error {
	s.mu.Lock()
	end, n, shut := s.end, len(s.layers), s.shutWr
	s.mu.Unlock()
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
	case shut:
		return failAt("wrap", place, socket.Faultf(socket.Unsupported, "its write side is shut down"))
	case len(s.mq.list) > 0:
		return &socket.Error{Op: "wrap", Place: place, Err: unreadMessages(len(s.mq.list)), Hint: "receive them first"}
	case !spec.WithUnread && len(s.in.unread()) > 0:
		return &Unread{Op: "wrap", Place: place, Bytes: slices.Clone(s.in.unread())}
	}
	return nil
}

// unreadMessages says how many there are.
func unreadMessages(n int) error {
	if n == 1 {
		return errors.New("a message is unread")
	}
	return fmt.Errorf("%d messages are unread", n)
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

// push puts a level on top; errClosed where a close has come first.
func (s *Socket) push(l *level) error {
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		l.close(s.table)
		return errClosed
	}
	l.name = l.desc.Name
	for n := 2; slices.ContainsFunc(s.layers, func(o *level) bool { return o.name == l.name }); n++ {
		l.name = fmt.Sprint(l.desc.Name, n)
	}
	s.layers = append(slices.Clone(s.layers), l)
	s.end, s.shutWr = nil, false
	s.mu.Unlock()
	s.top.Store(l)
	return nil
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
	if errors.As(err, &e) && e.Hint == "" && !errors.Is(err, socket.NoSocket) && !errors.Is(err, socket.Usage) && !errors.Is(err, socket.Unsupported) {
		e.Hint = "the socket beneath lives, its stream at an unknown place"
	}
	return err
}

// Unwrap takes the highest layer off in order: what it had read from beneath and was
// not its own is unread again.
func (s *Socket) Unwrap(ctx context.Context) error {
	if err := s.bothTurns(ctx); err != nil {
		return s.busy("unwrap", s.name, err)
	}
	defer s.doneBoth()
	ctx, done := s.change(ctx)
	defer done()
	l := s.top.Load()
	switch {
	case l == &s.level:
		return &socket.Error{Op: "unwrap", Place: s.name, Err: socket.Faultf(socket.Usage, "%s has no layer", s.name), Hint: "wrap " + s.name + " LAYER puts one around it"}
	case len(s.mq.list) > 0:
		return &socket.Error{Op: "unwrap", Place: s.name, Err: unreadMessages(len(s.mq.list)), Hint: "receive them first"}
	case l.lost():
		s.popLost()
		return nil
	}
	if !l.off {
		l.left, l.failed = s.unwrapLevel(ctx, l)
		if l.failed != nil && !l.gone() {
			return s.fail("unwrap", asFault(ctx, l.failed))
		}
		l.off = true
	}
	err := s.drainAll(l)
	switch n := len(s.mq.list); {
	case errors.Is(err, socket.Full):
		return &socket.Error{Op: "unwrap", Place: s.name, Err: err, Hint: "receive what has come, then unwrap again; option " + s.name + " inbox=SIZE makes room"}
	case n > 0:
		return &socket.Error{Op: "unwrap", Place: s.name, Err: unreadMessages(n), Hint: "they came meanwhile: receive them, then unwrap again"}
	}
	left, failed := l.left, l.failed
	s.pop()
	s.in.add(left, len(s.in.unread())+len(left))
	s.table.unread.Add(int64(len(left)))
	if len(left) > 0 {
		s.tapped(func(t Tap) { t.Bytes(false, left) })
		s.journaled(func(j Journal) { j.Bytes(s, left) })
	}
	if failed != nil && !errors.Is(failed, socket.Full) {
		return withLayerHint(s.fail("unwrap", asFault(ctx, failed)))
	}
	return nil
}

// drainAll takes in what a level that has ended still holds.
func (s *Socket) drainAll(l *level) error {
	for {
		if err := s.drain(l); err != nil {
			return err
		}
	}
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
	asked, stopUnwrap := context.WithCancel(ctx)
	defer stopUnwrap()
	go func() {
		unread, err := l.proto.Unwrap(asked, socket.Lent{FD: -1, Mark: l.mark, Carrier: l.carrier})
		answers <- answer{unread, err}
		stop()
	}()
	for {
		err := s.drain(l)
		if errors.Is(err, socket.Full) {
			stopUnwrap()
			a := <-answers
			return a.unread, socket.Full
		}
		if err != nil && err != syscall.EAGAIN {
			break
		}
		if err == nil && waiting.Err() == nil {
			continue
		}
		if s.table.poll.wait(waiting, l.watch, toRead) != nil {
			break
		}
	}
	a := <-answers
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
	bound := s.bound.Load()
	room := min(bound-int64(len(s.in.unread())), MaxInboxes-s.table.unread.Load(), readSize)
	if room <= 0 {
		return socket.Full
	}
	b := scratch.Get().(*[readSize]byte)
	defer scratch.Put(b)
	n, err := s.tryReceive(l, b[:room])
	if n > 0 {
		s.keep(b[:n], bound)
	}
	return err
}
