package sdk

import (
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
	connected bool
	held      *[bulk]byte // of the last message
}

// ReadMessage implements MessageConn.
func (b *belowPackets) ReadMessage() (Message, error) {
	b.release()
	var from syscall.Sockaddr
	n, err := b.read(func(fd int) (int, error) {
		for {
			buf := bulks.Get().(*[bulk]byte)
			// MSG_TRUNC makes the length the whole message's (recv(2)).
			n, sa, err := syscall.Recvfrom(fd, buf[:], unix.MSG_TRUNC)
			if err != nil {
				bulks.Put(buf)
				if transient(err) {
					continue // it was about another message
				}
				return 0, err
			}
			b.held, from = buf, sa
			return n, nil
		}
	})
	switch {
	case err != nil:
		return Message{}, err
	case n == 0 && b.kind == Seqpacket: // an empty message cannot be told from it
		return Message{}, b.ended()
	case n > bulk:
		return Message{}, Faultf(Malformed, "a message of %d bytes came; %d fit", n, bulk)
	}
	b.received.Add(uint64(n))
	m := Message{Data: b.held[:n]}
	if !b.connected {
		m.Peer = socket.FromSockaddr(from)
	}
	return m, nil
}

// release lets the last message's buffer go.
func (b *belowPackets) release() {
	if b.held != nil {
		bulks.Put(b.held)
		b.held = nil
	}
}

// transient reports an error that an earlier message caused on its way, and that says
// nothing of the socket (udp(7), ip(7)).
func transient(err error) bool {
	switch err {
	case unix.ECONNREFUSED, unix.EHOSTUNREACH, unix.ENETUNREACH, unix.EHOSTDOWN, unix.ENETDOWN, unix.EPROTO, unix.ENOPROTOOPT:
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
	if !m.Peer.IsZero() && !b.connected {
		var err error
		if to, err = m.Peer.Sockaddr(); err != nil {
			return err
		}
	}
	if b.closing.Load() {
		b.SetWriteDeadline(time.Now().Add(closeWait))
	}
	for try := 0; ; try++ {
		n, err := b.write(func(fd int) (int, error) {
			return syscall.SendmsgN(fd, m.Data, nil, to, unix.MSG_NOSIGNAL)
		})
		if err == nil {
			b.wrote(n)
			return nil
		}
		if !transient(err) || try == transientTries {
			return b.failed(os.NewSyscallError("sendmsg", err))
		}
	}
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
