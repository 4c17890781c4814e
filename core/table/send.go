package table

import (
	"context"
	"errors"
	"io"
	"os"
	"syscall"

	"github.com/sosh-shell/sosh/core/socket"
)

// Send gives all of p to the kernel, waiting for room. On failure it tells how
// many bytes the kernel had taken. On a socket with messages p is one, to the
// socket's peer.
func (s *Socket) Send(ctx context.Context, p []byte) (int, error) {
	if err := s.writing.take(ctx); err != nil {
		return 0, s.fail("send", err)
	}
	defer s.writing.give()
	if s.Messages() { // asked under the turn: a wrap may have come before
		if err := s.sendMessage(ctx, socket.Message{Data: p}); err != nil {
			return 0, err
		}
		return len(p), nil
	}
	if err := s.sendable(); err != nil {
		return 0, err
	}
	n, err := s.sendAll(ctx, p)
	s.sent.Add(int64(n))
	return n, s.sendError(err)
}

// sendAll writes all of p to the highest level.
func (s *Socket) sendAll(ctx context.Context, p []byte) (int, error) {
	sent := 0
	for sent < len(p) {
		n, err := s.step(func(fd int) (int, error) { return s.moved(true, fd, p[sent:], sysSend) })
		sent += n
		if err = s.afterStep(ctx, err); err != nil {
			return sent, err
		}
	}
	return sent, nil
}

// sendfileSize is what one sendfile(2) may move: long enough that its cost
// does not show, short enough that a cancel is heard.
const sendfileSize = 4 << 20

// SendFile sends f from its offset to its end: without copying where it is a
// regular file, by reading it otherwise.
func (s *Socket) SendFile(ctx context.Context, f *os.File) (int64, error) {
	if err := s.writing.take(ctx); err != nil {
		return 0, s.fail("send", err)
	}
	defer s.writing.give()
	if err := s.sendable(); err != nil {
		return 0, err
	}
	if s.Messages() {
		return s.sendFileMessage(ctx, f)
	}
	sent, err := s.sendFile(ctx, f)
	s.sent.Add(sent)
	return sent, s.sendError(err)
}

func (s *Socket) sendFile(ctx context.Context, f *os.File) (int64, error) {
	var sent int64
	if l := s.top.Load(); l.carrier == nil && s.tap.Load() == nil && sysIsRegular(f) {
		rc, err := f.SyscallConn()
		if err != nil {
			return 0, err
		}
	zerocopy:
		for {
			n, err := s.step(func(fd int) (n int, err error) {
				if e := rc.Control(func(file uintptr) { n, err = sysSendfile(fd, int(file), sendfileSize) }); e != nil {
					return 0, e
				}
				return n, err
			})
			sent += int64(n)
			if n == 0 && err == nil {
				return sent, nil
			}
			if sent == 0 && (err == syscall.EINVAL || err == syscall.ENOSYS) {
				break zerocopy // a file of /proc, which can only be read
			}
			if err = s.afterStep(ctx, err); err != nil {
				return sent, err
			}
			if s.tap.Load() != nil { // from now on the bytes are to be seen
				break zerocopy
			}
		}
	}
	b := scratch.Get().(*[readSize]byte)
	defer scratch.Put(b)
	for {
		n, rerr := f.Read(b[:])
		m, err := s.sendAll(ctx, b[:n])
		sent += int64(m)
		if err != nil {
			return sent, err
		}
		if rerr == io.EOF {
			return sent, nil
		}
		if rerr != nil {
			return sent, rerr
		}
	}
}

// sendable refuses what can reach nobody: no peer yet, or a layer whose end would
// swallow what is written.
func (s *Socket) sendable() error {
	if !s.hasPeer() {
		return s.NotConnected("send")
	}
	if s.top.Load() == &s.level {
		return nil // the kernel tells
	}
	for _, l := range s.levels()[1:] {
		if l.lost() {
			return s.fail("send", l.why())
		}
	}
	s.mu.Lock()
	end := s.end
	s.mu.Unlock()
	if errors.Is(end, socket.Lost) || errors.Is(end, socket.Reset) {
		return s.fail("send", end)
	}
	return nil
}

// step makes one system call that sends.
func (s *Socket) step(call func(fd int) (int, error)) (int, error) {
	l := s.top.Load()
	fd, err := l.hold.use()
	if err != nil {
		return 0, err
	}
	defer l.hold.done()
	return call(fd)
}

// afterStep waits where the kernel had no room.
func (s *Socket) afterStep(ctx context.Context, err error) error {
	if err == syscall.EAGAIN {
		return s.table.poll.wait(ctx, s.top.Load().watch, toWrite)
	}
	if err == nil && ctx.Err() != nil { // a peer that drains for ever must not outlive the time allowed
		return waitError(ctx)
	}
	return err
}

// sendError names what the kernel's answer to a send means.
func (s *Socket) sendError(err error) error {
	switch err {
	case nil:
		return nil
	case syscall.EPIPE:
		s.mu.Lock()
		own := s.shutWr
		s.mu.Unlock()
		if own {
			return s.fail("send", socket.Faultf(socket.Unsupported, "its write side is shut down"))
		}
		reason := socket.Faultf(socket.Reset, "the peer is gone")
		if s.top.Load().carrier != nil {
			if r := s.reason(); r != socket.Ended {
				reason = r
			}
		}
		return s.fail("send", reason)
	case syscall.ECONNREFUSED: // to a datagram socket that is gone
		return s.fail("send", &Returned{Errno: syscall.ECONNREFUSED})
	case syscall.ECONNRESET:
		return s.fail("send", s.ended(socket.Reset))
	case syscall.ENOTCONN, syscall.EDESTADDRREQ:
		return s.NotConnected("send")
	case syscall.EMSGSIZE:
		return &socket.Error{Op: "send", Place: s.name, Err: err, Hint: "one message is longer than the protocol, or the path with its fragmentation off, allows"}
	}
	return s.fail("send", err)
}

// NotConnected is the error of an operation that needs a peer, ENOTCONN, with
// what to do about it.
func (s *Socket) NotConnected(op string) error {
	hint := "connect it first: connect " + s.name + " ADDR"
	if s.kind == socket.Datagram || s.kind == socket.Raw {
		hint = "it has no peer: send --to ADDR " + s.name + " ..., or connect it"
	}
	if s.isPassive() {
		hint = s.name + " listens: accept " + s.name + " gives a connection"
	}
	return &socket.Error{Op: op, Place: s.name, Err: syscall.ENOTCONN, Hint: hint}
}
