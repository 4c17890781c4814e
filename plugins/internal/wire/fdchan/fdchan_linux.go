package fdchan

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Conn is one end of the channel. Safe for concurrent use.
type Conn struct {
	f    *os.File
	raw  syscall.RawConn
	turn chan struct{} // whose turn it is to send; a channel, as a wait must end with a context

	mu    sync.Mutex // receiving, and slots
	slots []int      // free descriptor numbers, held open by duplicates of f
	shut  bool       // no more slots are taken
	bad   bool       // garbage came: nothing after it is believed
}

// Pair makes a channel. The second end is for the plugin process.
func Pair() (*Conn, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	c, err := New(fds[0])
	if err != nil {
		unix.Close(fds[1])
		return nil, nil, err
	}
	return c, os.NewFile(uintptr(fds[1]), "descriptors"), nil
}

// New takes over fd, which must be a SOCK_SEQPACKET socket. It closes fd when it fails.
func New(fd int) (*Conn, error) {
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err == nil && kind != unix.SOCK_SEQPACKET {
		err = unix.EPROTOTYPE
	}
	if err == nil {
		unix.CloseOnExec(fd)
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("descriptor channel: %w", err)
	}
	c := &Conn{f: os.NewFile(uintptr(fd), "descriptors"), turn: make(chan struct{}, 1)}
	c.raw, err = c.f.SyscallConn()
	if err != nil {
		c.f.Close()
		return nil, err
	}
	return c, nil
}

// Close closes the channel and ends Serve. What has not been received is closed.
func (c *Conn) Close() error {
	err := c.f.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, fd := range c.slots {
		unix.Close(fd)
	}
	c.slots, c.shut = nil, true
	return err
}

// Send sends one message and, when m.FD is not negative, a copy of that
// descriptor; m.FD stays the caller's. A full channel is waited for until ctx is done.
func (c *Conn) Send(ctx context.Context, m Message) error {
	select {
	case c.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-c.turn }()

	buf := append(binary.BigEndian.AppendUint64([]byte{byte(m.Kind)}, m.Call), m.Mark...)
	var rights []byte
	if m.FD >= 0 {
		rights = unix.UnixRights(m.FD)
	}
	var err error
	try := func(fd uintptr) bool {
		for {
			err = unix.Sendmsg(int(fd), buf, rights, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
			if err != unix.EINTR {
				return err != unix.EAGAIN
			}
		}
	}
	full := false
	if werr := c.raw.Write(func(fd uintptr) bool { full = !try(fd); return true }); werr != nil {
		return os.ErrClosed
	}
	if !full {
		return err
	}
	// Only now is a deadline worth its cost.
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { c.f.SetWriteDeadline(time.Unix(1, 0)); close(ended) })
	werr := c.raw.Write(try)
	if !stop() {
		<-ended
		c.f.SetWriteDeadline(time.Time{})
	}
	switch {
	case werr == nil:
		return err
	case ctx.Err() != nil && errors.Is(werr, os.ErrDeadlineExceeded):
		return ctx.Err()
	}
	return os.ErrClosed // a RawConn has no other way to fail
}

// Serve receives until the other end is gone (io.EOF), the channel is closed or
// garbage comes. take is called for each message, one at a time, and reports
// whether it took the descriptor; one that it did not take is closed.
func (c *Conn) Serve(take func(Message) bool) error {
	var err error
	rerr := c.raw.Read(func(fd uintptr) bool {
		err = c.receive(int(fd), take)
		return err != unix.EAGAIN
	})
	if rerr != nil {
		return os.ErrClosed
	}
	return err
}

// Drain receives what is there and does not wait: also what a process sent that
// has died since. Serve may run at the same time.
func (c *Conn) Drain(take func(Message) bool) error {
	var err error
	if cerr := c.raw.Control(func(fd uintptr) { err = c.receive(int(fd), take) }); cerr != nil {
		return os.ErrClosed
	}
	if err == unix.EAGAIN {
		return nil
	}
	return err
}

// receive handles messages until there is none (EAGAIN) or an error.
func (c *Conn) receive(fd int, take func(Message) bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		if c.bad {
			return ErrGarbage
		}
		m, slot, err := c.next(fd)
		if err != nil {
			c.bad = err == ErrGarbage
			return err
		}
		if take(m) {
			continue
		}
		if m.FD >= 0 {
			unix.Close(m.FD)
		}
		if slot {
			c.refill(fd) // the slot was another call's
		}
	}
}

// next receives one message. The descriptor is first looked at (MSG_PEEK), which
// installs a copy here and leaves the message: so when this process has no free
// slot after all, because somebody else was faster, nothing is lost yet.
func (c *Conn) next(fd int) (m Message, slot bool, err error) {
	var buf [headerLen + MaxMark + 1]byte
	var oob [64]byte
	for try := 0; ; try++ {
		var n, oobn, flags int
		if n := len(c.slots); n > 0 {
			unix.Close(c.slots[n-1])
			c.slots, slot = c.slots[:n-1], true
		}
		n, oobn, flags, err = recvmsg(fd, buf[:], oob[:], unix.MSG_PEEK)
		if err != nil || n == 0 {
			if slot {
				c.refill(fd)
			}
			if err == nil {
				err = io.EOF
			}
			return Message{}, false, err
		}
		fds := rights(oob[:oobn])
		if flags&unix.MSG_CTRUNC != 0 && len(fds) == 0 && try < 20 {
			time.Sleep(time.Millisecond) // out of slots for this moment
			continue
		}
		// Without room for rights the kernel lets go of the message's own.
		if _, _, _, err = recvmsg(fd, buf[:], nil, 0); err != nil {
			closeAll(fds)
			return Message{}, slot, err
		}
		m, err = parse(buf[:n], fds, flags)
		if err != nil {
			closeAll(fds)
		}
		return m, slot, err
	}
}

// parse checks a message. On an error the descriptors are still the caller's.
func parse(buf []byte, fds []int, flags int) (Message, error) {
	if len(buf) < headerLen || len(buf) > headerLen+MaxMark || flags&unix.MSG_TRUNC != 0 || len(fds) > 1 ||
		flags&unix.MSG_CTRUNC != 0 && len(fds) > 0 {
		return Message{FD: -1}, ErrGarbage
	}
	m := Message{Kind: Kind(buf[0]), Call: binary.BigEndian.Uint64(buf[1:]), FD: -1}
	if len(fds) == 1 {
		m.FD = fds[0]
	}
	switch m.Kind {
	case Drop:
		if m.FD >= 0 || len(buf) > headerLen {
			return Message{FD: -1}, ErrGarbage
		}
	case Lend, Give:
		// Without a descriptor and without a truncated one it was never meant.
		if m.FD < 0 && flags&unix.MSG_CTRUNC == 0 || m.Kind == Lend && len(buf) > headerLen {
			return Message{FD: -1}, ErrGarbage
		}
		if len(buf) > headerLen {
			m.Mark = append([]byte(nil), buf[headerLen:]...)
		}
	default:
		return Message{FD: -1}, ErrGarbage
	}
	return m, nil
}

// recvmsg is recvmsg(2) that does not wait. A dead peer that left something of
// ours unread makes one call fail with ECONNRESET while its last messages are
// still here: that one is stepped over.
func recvmsg(fd int, p, oob []byte, flags int) (n, oobn, rflags int, err error) {
	reset := false
	for {
		n, oobn, rflags, _, err = unix.Recvmsg(fd, p, oob, flags|unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
		switch {
		case err == unix.EINTR:
		case err == unix.ECONNRESET && !reset:
			reset = true
		default:
			return max(n, 0), oobn, rflags, err
		}
	}
}

// rights are the descriptors in control messages. Whatever else came is ignored.
func rights(oob []byte) []int {
	var fds []int
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil
	}
	for i := range msgs {
		if got, err := unix.ParseUnixRights(&msgs[i]); err == nil {
			fds = append(fds, got...)
		}
	}
	return fds
}

func closeAll(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}
