package table

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"syscall"

	"github.com/sosh-shell/sosh/core/socket"
)

// Messages reports whether the socket keeps the bounds of messages: then a turn
// has [Turn.Message] and [Turn.Drop], and its methods for bytes give none.
func (s *Socket) Messages() bool { return s.top.Load().messages() }

// Message returns the i-th unread message, the first being 0, waiting until it is
// there. It stays unread. Errors are as Fill's.
func (t *Turn) Message(ctx context.Context, i int) (socket.Message, error) {
	s := t.s
	for len(s.mq.list) <= i {
		if errors.Is(ctx.Err(), context.Canceled) {
			return socket.Message{}, waitError(ctx)
		}
		l := s.top.Load()
		m, err := s.tryMessage(l, t.bound())
		switch {
		case err == nil:
			s.keepMessage(m)
		case err == syscall.EAGAIN:
			if err := s.table.poll.wait(ctx, l.watch, toRead); err != nil {
				return socket.Message{}, err
			}
		default:
			return socket.Message{}, err
		}
	}
	return s.mq.list[i], nil
}

// UnreadMessages are the messages that are read and not consumed, valid until
// the next call of a method of the turn.
func (t *Turn) UnreadMessages() []socket.Message { return t.s.mq.list }

// Drop consumes the first n unread messages.
func (t *Turn) Drop(n int) {
	t.s.tellConsumed(t.ctx, n)
	t.s.dropped(n)
}

func (s *Socket) dropped(n int) {
	if n > 0 {
		s.released(s.mq.drop(n))
	}
}

func (s *Socket) keepMessage(m socket.Message) {
	s.mq.add(m)
	s.table.unread.Add(cost(m))
	s.journaled(func(j Journal) { j.Message(s, m) })
}

// fits reports whether the inbox has room for a message of that length. One that
// is alone may fill it.
func (s *Socket) fits(bytes int, bound int64) bool {
	if len(s.mq.list) == 0 {
		return int64(bytes) <= bound && s.table.unread.Load()+int64(bytes) <= MaxInboxes
	}
	n := int64(bytes) + messageCost
	return s.mq.size+n <= bound && s.table.unread.Load()+n <= MaxInboxes
}

// tryMessage reads one message that is there: EAGAIN when none is.
func (s *Socket) tryMessage(l *level, bound int64) (socket.Message, error) {
	if !s.hasPeer() {
		return socket.Message{}, syscall.ENOTCONN
	}
	fd, err := l.hold.use()
	if err != nil {
		return socket.Message{}, err
	}
	defer l.hold.done()
	if l.framed {
		return s.tryFrame(l, fd, bound)
	}
	if !s.fits(min(readSize, int(bound)), bound) { // how long the next is shows only when it is read
		return socket.Message{}, socket.Full
	}
	for {
		m, err := s.takeMessage(fd)
		switch {
		case err == nil:
			s.received.Add(int64(len(m.Data)))
			return m, nil
		case err == errEnd: // of a connection with messages
			return m, s.ended(socket.Ended)
		case err == syscall.ECONNRESET && l.kind == socket.Seqpacket:
			return m, s.ended(socket.Reset)
		case err == syscall.EAGAIN || comesBack(err):
			told := s.takeReturned(fd)
			switch {
			case s.isConnected() && told != nil:
				return m, told
			case !s.isConnected() && err != syscall.EAGAIN:
				continue // it was about one of several peers; the next message may be there
			}
		}
		return m, err
	}
}

// tryFrame is tryMessage for frames: of a layer, or of who carries the socket.
func (s *Socket) tryFrame(l *level, fd int, bound int64) (socket.Message, error) {
	m, err := s.nextFrame(l, fd, bound)
	for isReturn(err) {
		told := s.remember(err)
		if s.isConnected() {
			return m, told
		}
		m, err = s.nextFrame(l, fd, bound) // it was about one of several peers
	}
	if err == nil {
		s.received.Add(int64(len(m.Data)))
		s.tapped(func(t Tap) { t.Message(false, m) })
	}
	return m, err
}

func (s *Socket) nextFrame(l *level, fd int, bound int64) (socket.Message, error) {
	return l.frames.next(func(p []byte) (int, error) {
		n, err := sysRecv(fd, p)
		switch {
		case err == nil && n == 0, err == syscall.ECONNRESET, err == syscall.EPIPE:
			reason := s.reason()
			if l.frames.broken() != nil && errors.Is(reason, socket.Ended) {
				reason = socket.Faultf(socket.Lost, "the %s plugin left in the middle of a message", l.desc.Name)
			}
			return 0, s.ended(reason)
		}
		return n, err
	}, func(n int) bool { return s.fits(n, bound) })
}

// Decode makes fields of messages of the socket's, by its protocol or its last layer. A
// number that its field has a word for is that word.
func (s *Socket) Decode(ctx context.Context, ms []socket.Message) ([][]socket.Setting, error) {
	l := s.top.Load()
	c, cancel := control(ctx)
	defer cancel()
	all, err := l.proto.Decode(c, l.mark, ms)
	for _, fields := range all {
		inWords(l.fields(), fields)
	}
	return all, ofPlugin(l, asFault(ctx, err))
}

// ofPlugin names the plugin in an error that does not say whose it is.
func ofPlugin(l *level, err error) error {
	var e *socket.Error
	if err == nil || errors.As(err, &e) || errors.Is(err, socket.Timeout) || errors.Is(err, socket.Interrupted) || errors.Is(err, socket.Unsupported) {
		return err
	}
	return &socket.Error{Op: "the " + l.desc.Name + " plugin", Err: err}
}

// Encode makes a message of fields.
func (s *Socket) Encode(ctx context.Context, fields []socket.Setting) (socket.Message, error) {
	l := s.top.Load()
	c, cancel := control(ctx)
	defer cancel()
	m, err := l.proto.Encode(c, l.mark, fields)
	return m, asFault(ctx, err)
}

// inWords puts words in the place of the numbers that they stand for.
func inWords(declared []socket.Field, fields []socket.Setting) {
	for i, f := range fields {
		d, _ := socket.FieldNamed(declared, f.Name)
		if d.Type != socket.IntField || len(d.Names) == 0 {
			continue
		}
		n, err := strconv.ParseInt(f.Value, 0, 64)
		if at := slices.IndexFunc(d.Names, func(w socket.FieldName) bool { return w.Value == n }); err == nil && at >= 0 {
			fields[i].Value = d.Names[at].Name
		}
	}
}
