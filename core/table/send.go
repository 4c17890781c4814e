package table

import (
	"context"
	"io"
	"os"
	"syscall"

	"github.com/sosh-shell/sosh/core/socket"
)

// Send gives all of p to the kernel, waiting for room. On failure it tells how
// many bytes the kernel had taken.
func (s *Socket) Send(ctx context.Context, p []byte) (int, error) {
	if err := s.writing.take(ctx); err != nil {
		return 0, s.fail("send", err)
	}
	defer s.writing.give()
	if !s.hasPeer() {
		return 0, s.NotConnected("send")
	}
	n, err := s.sendAll(ctx, p)
	return n, s.sendError(err)
}

func (s *Socket) sendAll(ctx context.Context, p []byte) (int, error) {
	sent := 0
	for sent < len(p) {
		n, err := s.step(func(fd int) (int, error) { return sysSend(fd, p[sent:]) })
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
	if !s.hasPeer() {
		return 0, s.NotConnected("send")
	}
	var sent int64
	if s.carrier == nil && sysIsRegular(f) {
		rc, err := f.SyscallConn()
		if err != nil {
			return 0, s.fail("send", err)
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
				return sent, s.sendError(err)
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
			return sent, s.sendError(err)
		}
		if rerr == io.EOF {
			return sent, nil
		}
		if rerr != nil {
			return sent, s.fail("send", rerr)
		}
	}
}

// step makes one system call that sends.
func (s *Socket) step(call func(fd int) (int, error)) (int, error) {
	fd, err := s.hold.use()
	if err != nil {
		return 0, err
	}
	defer s.hold.done()
	n, err := call(fd)
	s.sent.Add(int64(n))
	return n, err
}

// afterStep waits where the kernel had no room.
func (s *Socket) afterStep(ctx context.Context, err error) error {
	if err == syscall.EAGAIN {
		return s.table.poll.wait(ctx, s.watch, toWrite)
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
		if s.carrier != nil {
			if r := s.reason(); r != socket.Ended {
				reason = r
			}
		}
		return s.fail("send", reason)
	case syscall.ECONNRESET:
		return s.fail("send", s.ended(socket.Reset))
	case syscall.ENOTCONN, syscall.EDESTADDRREQ:
		return s.NotConnected("send")
	}
	return s.fail("send", err)
}

// NotConnected is the error of an operation that needs a peer, ENOTCONN, with
// what to do about it.
func (s *Socket) NotConnected(op string) error {
	hint := "connect it first: connect " + s.name + " ADDR"
	if s.isPassive() {
		hint = s.name + " listens: accept " + s.name + " gives a connection"
	}
	return &socket.Error{Op: op, Place: s.name, Err: syscall.ENOTCONN, Hint: hint}
}
