package table

import (
	"context"
	"io"
	"os"
	"syscall"

	"github.com/sosh-shell/sosh/core/socket"
)

// SendMessage sends one message: to m.Peer, or to the socket's peer when that is
// zero. It is taken whole or not at all. A layer's message whose sending is given up
// half-way goes on with the next one: it cannot be taken back.
func (s *Socket) SendMessage(ctx context.Context, m socket.Message) error {
	if err := s.writing.take(ctx); err != nil {
		return s.fail("send", err)
	}
	defer s.writing.give()
	return s.sendMessage(ctx, m)
}

func (s *Socket) sendMessage(ctx context.Context, m socket.Message) error {
	place := s.name
	if !m.Peer.IsZero() {
		place += " " + m.Peer.Text(s.desc.Address)
	}
	if err := s.sendable(); err != nil {
		return err
	}
	l := s.top.Load()
	err := error(nil)
	switch {
	case len(m.Data) > socket.MaxMessage:
		err = socket.Faultf(socket.Usage, "a message of %d bytes; %d are the most", len(m.Data), socket.MaxMessage)
	case l == &s.level && l.framed && m.Peer.IsZero() && !s.isConnected(): // who carries it could only drop it
		return s.NotConnected("send")
	case l.framed:
		err = s.sendFrame(ctx, l, m)
	case !l.messages():
		err = socket.Faultf(socket.Unsupported, "%s is a stream: it has one peer and no messages", s.name)
	default:
		err = s.sendDatagram(ctx, m)
	}
	if err != nil {
		err = s.sendError(err)
		if e, ok := err.(*socket.Error); ok {
			e.Place = place
		}
		return err
	}
	s.sent.Add(int64(len(m.Data)))
	return nil
}

// sendDatagram sends a message of the kernel's own.
func (s *Socket) sendDatagram(ctx context.Context, m socket.Message) error {
	for {
		_, err := s.step(func(fd int) (int, error) {
			err := s.giveMessage(fd, m)
			if !comesBack(err) {
				return 0, err
			}
			told := s.takeReturned(fd)
			if told == nil {
				return 0, err
			}
			if s.isConnected() {
				return 0, told
			}
			return 0, s.giveMessage(fd, m) // it was about an earlier one, perhaps to another peer
		})
		if err != syscall.EAGAIN {
			return err
		}
		if err := s.table.poll.wait(ctx, s.top.Load().watch, toWrite); err != nil {
			return err
		}
	}
}

// sendFrame sends a message to a layer, after what is left of an earlier one.
func (s *Socket) sendFrame(ctx context.Context, l *level, m socket.Message) error {
	if len(l.tail) > 0 {
		n, err := s.sendAll(ctx, l.tail)
		if l.tail = l.tail[n:]; err != nil {
			return err
		}
	}
	frame := socket.AppendFrame(make([]byte, 0, socket.FrameHeader+len(m.Data)+64), m)
	n, err := s.sendAll(ctx, frame)
	if err != nil && n > 0 {
		l.tail = frame[n:]
	}
	if n > 0 {
		s.tapped(func(t Tap) { t.Message(true, m) })
	}
	return err
}

// sendFileMessage sends all of a file as one message.
func (s *Socket) sendFileMessage(ctx context.Context, f *os.File) (int64, error) {
	b, err := io.ReadAll(io.LimitReader(f, socket.MaxMessage+1))
	if err != nil {
		return 0, s.fail("send", err)
	}
	if err := s.sendMessage(ctx, socket.Message{Data: b}); err != nil {
		return 0, err
	}
	return int64(len(b)), nil
}

// Address turns words into the address of a peer to send to.
func (s *Socket) Address(ctx context.Context, text string) (socket.Address, error) {
	if s.kind == socket.Stream || s.kind == socket.Seqpacket {
		return socket.Address{}, &socket.Error{Op: "send", Place: s.name + " --to " + text, Err: syscall.EISCONN,
			Hint: s.name + " has one peer: only datagram and raw sockets send to others"}
	}
	req := socket.ResolveRequest{Text: text, Family: s.currentFamily()}
	if req.Family == socket.FamilyNone {
		req.Family = socket.FamilyIP4
	}
	switch s.desc.Address {
	case socket.PathForm:
		req.Family = socket.FamilyUnix
	case socket.TextForm:
		req.Family = socket.FamilyText
	}
	list, err := resolve(ctx, s.proto, req)
	if err != nil {
		return socket.Address{}, failAt("send", s.name+" --to "+text, err)
	}
	return list[0], nil
}
