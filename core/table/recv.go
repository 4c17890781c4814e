package table

import (
	"context"
	"errors"
	"sync"
	"syscall"

	"github.com/sosh-shell/sosh/core/socket"
)

// readSize is the most that one read takes from the kernel.
const readSize = 64 << 10

// bulkRead is from where on a read is part of a flow and not an answer, in bytes.
const bulkRead = 8 << 10

// scratch holds buffers for reads: an idle socket owns none.
var scratch = sync.Pool{New: func() any { return new([readSize]byte) }}

// Turn is the right to consume a socket's bytes, until Done. One goroutine
// uses it at a time.
type Turn struct {
	s   *Socket
	ctx context.Context // of the call that took it, for the journal
	// Bound, when it is not 0, takes the place of the socket's own in Fill.
	Bound int64
	inbox bool // what was taken last was of the inbox
}

// Read takes the socket's reading turn, waiting for whoever has it.
func (s *Socket) Read(ctx context.Context) (*Turn, error) {
	if err := s.reading.take(ctx); err != nil {
		return nil, s.fail("recv", err)
	}
	return &Turn{s: s, ctx: ctx}, nil
}

// Done gives the turn back. Unconsumed bytes stay for the next.
func (t *Turn) Done() {
	s := t.s
	t.s = nil
	s.endReading()
	s.readAhead()
}

// endReading gives the reading turn back. The bytes of a socket that was closed
// meanwhile are given up by whoever has the turn last: the close, or its holder.
func (s *Socket) endReading() {
	s.reading.give()
	if s.hold.isClosed() && s.reading.try() {
		s.consumed(len(s.in.unread()))
		s.dropped(len(s.mq.list))
		s.reading.give()
	}
}

// Unread returns all bytes that are read and not consumed. The slice is valid
// until the next call of a method of the turn.
func (t *Turn) Unread() []byte { return t.s.in.unread() }

// Before is the last consumed byte, -1 when there is none.
func (t *Turn) Before() int { return t.s.in.before }

// Consume takes the first n unread bytes away, n at most len(Unread()).
func (t *Turn) Consume(n int) {
	t.s.tellConsumed(t.ctx, n)
	t.s.consumed(n)
}

func (s *Socket) consumed(n int) {
	s.in.consume(n)
	s.released(int64(n))
}

// released gives back room that unread input had taken.
func (s *Socket) released(n int64) {
	s.table.unread.Add(-n)
	if d := min(n, s.ahead); d > 0 {
		s.ahead -= d
		if now := s.table.ahead.Add(-d); now < aheadTable && now+d >= aheadTable {
			s.table.readAhead() // others may have been refused room
		}
	}
}

// Inbox is the bound of unread bytes of the socket.
func (s *Socket) Inbox() int64 { return s.bound.Load() }

// SetInbox changes that bound; bytes already beyond it stay.
func (s *Socket) SetInbox(bytes int64) { s.bound.Store(bytes) }

// Fill waits for more bytes and returns those that it added to the unread
// ones, valid as Unread's. Its error is a fault: [socket.Full] when the inbox
// has no room, [socket.Timeout], [socket.Interrupted], [socket.Ended],
// [socket.Reset], [socket.Truncated], [socket.Lost], or an errno.
func (t *Turn) Fill(ctx context.Context) ([]byte, error) {
	s := t.s
	held := len(s.in.unread())
	bound := t.bound()
	room := min(bound-int64(held), MaxInboxes-s.table.unread.Load(), readSize)
	if room <= 0 {
		return nil, socket.Full
	}
	b := scratch.Get().(*[readSize]byte)
	defer scratch.Put(b)
	n, err := s.receive(ctx, b[:room])
	if err != nil {
		return nil, err
	}
	s.keep(b[:n], bound)
	return s.in.unread()[held:], nil
}

func (t *Turn) bound() int64 {
	if t.Bound != 0 {
		return t.Bound
	}
	return t.s.bound.Load()
}

func (s *Socket) keep(p []byte, bound int64) {
	s.in.add(p, int(bound))
	s.table.unread.Add(int64(len(p)))
	s.journaled(func(j Journal) { j.Bytes(s, p) })
}

// Take consumes at most len(p) bytes into p: unread ones, else what one read
// of the kernel gives, for which it waits. Errors are as Fill's, never Full.
func (t *Turn) Take(ctx context.Context, p []byte) (int, error) {
	s := t.s
	if have := s.in.unread(); len(have) > 0 {
		n := copy(p, have)
		t.Consume(n)
		t.inbox = true
		return n, nil
	}
	t.inbox = false
	n, err := s.receive(ctx, p)
	if n > 0 {
		s.in.before = int(p[n-1])
	}
	return n, err
}

// PutBack makes p, which was the last to be taken, unread again: what could not
// be delivered is not lost.
func (t *Turn) PutBack(p []byte) {
	if t.inbox {
		t.s.tellConsumed(t.ctx, -len(p))
		t.s.unconsume(p)
		return
	}
	t.s.putBack(p)
}

// putBack is for what came from the kernel past the inbox, which is empty then.
func (s *Socket) putBack(p []byte) {
	if len(p) > 0 {
		s.unconsume(p)
		s.journaled(func(j Journal) { j.Bytes(s, p) })
	}
}

func (s *Socket) unconsume(p []byte) {
	s.in.buf = append(append([]byte(nil), p...), s.in.unread()...)
	s.in.off = 0
	s.table.unread.Add(int64(len(p)))
}

// receive reads from the kernel, waiting for at least one byte.
//
// A peer that sends without end gives no occasion to wait, so a cancel is
// looked for first; a deadline is not, as what is there needs no time.
func (s *Socket) receive(ctx context.Context, p []byte) (int, error) {
	if errors.Is(ctx.Err(), context.Canceled) {
		return 0, waitError(ctx)
	}
	l := s.top.Load()
	for {
		n, err := s.tryReceive(l, p)
		if err != syscall.EAGAIN {
			return n, err
		}
		if err := s.table.poll.wait(ctx, l.watch, toRead); err != nil {
			return 0, err
		}
	}
}

// tryReceive reads what is there: EAGAIN when nothing is. It turns the ends of
// the stream into faults and remembers them, as the kernel tells a reset once.
//
// A stream that was never connected is not asked: recv(2) would take the error
// of a connect under way.
func (s *Socket) tryReceive(l *level, p []byte) (int, error) {
	if !s.hasPeer() {
		return 0, syscall.ENOTCONN
	}
	fd, err := l.hold.use()
	if err != nil {
		return 0, err
	}
	defer l.hold.done()
	n, err := s.moved(false, fd, p, sysRecv)
	return s.readResult(l, n, err)
}

// readResult is what a read of a stream has come to.
func (s *Socket) readResult(l *level, n int, err error) (int, error) {
	switch {
	case n > 0:
		s.received.Add(int64(n))
		l.hold.bulk.Store(n >= bulkRead)
		return n, nil
	case err == nil:
		return 0, s.ended(s.reason())
	case err == syscall.ECONNRESET || err == syscall.EPIPE:
		if l.carrier != nil { // a socketpair's own reset is no word of the peer's
			return 0, s.ended(s.reason())
		}
		return 0, s.ended(socket.Reset)
	case err == syscall.ETIMEDOUT || err == syscall.EHOSTUNREACH || err == syscall.ENETUNREACH:
		return 0, s.ended(err)
	}
	return 0, err
}

// hasPeer reports whether data can pass: what has connections has no peer before one.
func (s *Socket) hasPeer() bool {
	if s.kind == socket.Datagram || s.kind == socket.Raw {
		return true
	}
	return s.isConnected()
}

// isConnected reports whether the socket is, or was, connected.
func (s *Socket) isConnected() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.begun
}

// reason is why the data came to its end. A layer without an end of its own takes
// every end beneath for an orderly one, so the layers further down that have ended
// are asked, too: what died, was reset or cut short there counts.
func (s *Socket) reason() error {
	levels := s.levels()
	top := levels[len(levels)-1].why()
	for _, l := range levels[:len(levels)-1] {
		if l.carrier == nil || !l.hasEnded() {
			continue
		}
		if err := l.why(); !errors.Is(err, socket.Ended) {
			return err
		}
	}
	return top
}

// ended remembers the first reason of the end and returns it.
func (s *Socket) ended(reason error) error {
	s.mu.Lock()
	news := s.end == nil || (errors.Is(s.end, socket.Ended) && !errors.Is(reason, socket.Ended))
	if news {
		s.end = reason
	}
	reason = s.end
	s.mu.Unlock()
	if news {
		s.tapped(func(t Tap) { t.End(false, errors.Is(reason, socket.Reset)) })
		s.journaled(func(j Journal) { j.Ended(s, reason) })
	}
	return reason
}
