package sdk

import (
	"errors"
	"io"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
)

// belowPackets is a socket whose reads and writes are messages.
type belowPackets struct {
	beneath
	kind      Kind
	unix      bool // a message may be longer than any buffer kept for it
	connected bool
	held      *[bulk]byte // of the last message
}

// look asks the kernel what socket it is.
func (b *belowPackets) look() {
	b.now(func(fd int) (int, error) {
		_, err := unix.Getpeername(fd)
		b.connected = err == nil
		domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
		b.unix = err == nil && domain == unix.AF_UNIX
		return 0, nil
	})
}

// errNoMore is the end of a connection with messages.
var errNoMore = errors.New("end")

// ReadMessage implements MessageConn.
func (b *belowPackets) ReadMessage() (Message, error) {
	b.release()
	var m Message
	n, err := b.read(func(fd int) (int, error) {
		for {
			var err error
			if m, err = b.receive(fd); err == nil || !transient(err) {
				return len(m.Data), err
			} // else it was about another message
		}
	})
	if err == errNoMore {
		err = b.ended()
	}
	if err != nil {
		return Message{}, err
	}
	b.received.Add(uint64(n))
	return m, nil
}

// receive takes one message off the socket, whole.
func (b *belowPackets) receive(fd int) (Message, error) {
	length := 0
	if b.unix {
		var err error
		if length, _, err = syscall.Recvfrom(fd, nil, unix.MSG_PEEK|unix.MSG_TRUNC); err != nil {
			return Message{}, err
		}
		if length > socket.MaxMessage {
			return Message{}, Faultf(Malformed, "a message of %d bytes came; %d are the most", length, socket.MaxMessage)
		}
	}
	var p []byte
	if length > bulk {
		p = make([]byte, length)
	} else {
		b.held = bulks.Get().(*[bulk]byte)
		p = b.held[:]
	}
	// MSG_TRUNC makes the length the whole message's (recv(2)).
	n, from, err := syscall.Recvfrom(fd, p, unix.MSG_TRUNC)
	switch {
	case err != nil:
	case n > len(p):
		err = Faultf(Malformed, "a message of %d bytes came; %d fit", n, len(p))
	case n == 0 && b.kind == Seqpacket && hasEnded(fd):
		err = errNoMore
	}
	if err != nil {
		b.release()
		return Message{}, err
	}
	m := Message{Data: p[:n]}
	if !b.connected {
		m.Peer = socket.FromSockaddr(from)
	}
	return m, nil
}

// hasEnded tells the end from an empty message: the peer has ended its direction, and
// nothing is left. An empty message that is the last before the end cannot be told
// from it.
func hasEnded(fd int) bool {
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
	n, _ := unix.Poll(p, 0)
	if n == 0 || p[0].Revents&(unix.POLLRDHUP|unix.POLLHUP) == 0 {
		return false
	}
	left, err := unix.IoctlGetInt(fd, unix.SIOCINQ)
	return err != nil || left == 0
}

// release lets the last message's buffer go.
func (b *belowPackets) release() {
	if b.held != nil {
		bulks.Put(b.held)
		b.held = nil
	}
}

// transient reports an error that an earlier message caused on its way, and that says
// nothing of the socket (udp(7), ip(7); icmp_err_convert of the kernel).
func transient(err error) bool {
	switch err {
	case unix.ECONNREFUSED, unix.EHOSTUNREACH, unix.ENETUNREACH, unix.EHOSTDOWN, unix.ENETDOWN, unix.EPROTO, unix.ENOPROTOOPT,
		unix.EMSGSIZE, unix.EACCES, unix.ENONET, unix.EOPNOTSUPP:
		return true
	}
	return false
}

// transientTries bounds how often a message is written again after such an error: each
// try takes one that is queued.
const transientTries = 8

// WriteMessage implements MessageConn.
func (b *belowPackets) WriteMessage(m Message) error {
	var to syscall.Sockaddr
	if !m.Peer.IsZero() {
		var err error
		if to, err = m.Peer.Sockaddr(); err != nil {
			b.refused.note("a peer's address", err)
			return nil
		}
	}
	if b.closing.Load() {
		b.SetWriteDeadline(time.Now().Add(closeWait))
	}
	for try := 0; ; try++ {
		n, err := b.write(func(fd int) (int, error) {
			return syscall.SendmsgN(fd, m.Data, nil, to, unix.MSG_NOSIGNAL)
		})
		switch {
		case err == nil:
			b.wrote(n)
			return nil
		case transient(err) && try < transientTries:
		case b.concernsOne(err):
			b.refused.note("the socket beneath", os.NewSyscallError("sendmsg", err))
			return nil
		default:
			return b.failed(os.NewSyscallError("sendmsg", err))
		}
	}
}

// concernsOne reports whether a write's error is about its message alone. A datagram
// socket has nothing that could have broken but its direction (EPIPE) and the
// descriptor itself.
func (b *belowPackets) concernsOne(err error) bool {
	errno, ok := err.(syscall.Errno)
	switch {
	case !ok, errno == unix.EPIPE, errno == unix.EBADF, errno == unix.ENOTSOCK:
		return false
	}
	return b.kind != Seqpacket || errno == unix.EMSGSIZE
}

// belowFrames is a layer that gives messages, as frames over a socketpair.
type belowFrames struct {
	beneath
	in   frameReader
	head []byte
}

// ReadMessage implements MessageConn.
func (b *belowFrames) ReadMessage() (Message, error) {
	m, err := b.in.next(b.read)
	if err == io.EOF {
		err = b.ended()
	}
	err = b.pairError(err)
	b.received.Add(uint64(len(m.Data)))
	return m, err
}

// WriteMessage implements MessageConn.
func (b *belowFrames) WriteMessage(m Message) error {
	if b.closing.Load() {
		b.SetWriteDeadline(time.Now().Add(closeWait))
	}
	head, err := frameHead(b.head, m)
	if err != nil {
		return err
	}
	b.head = head
	if _, err = writeFrame(b.polled, head, m.Data); err == nil {
		b.wrote(len(m.Data))
	}
	return b.failed(err)
}
