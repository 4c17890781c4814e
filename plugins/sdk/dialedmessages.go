package sdk

import (
	"errors"
	"io"
	"net"
	"syscall"

	"github.com/sosh-shell/sosh/core/socket"
)

// messages implements far.
func (d *dialed) messages(f func(Message) error, back func(socket.Return) error) error {
	select {
	case <-d.there:
	case <-d.gone:
		return net.ErrClosed
	}
	conn := d.connection()
	if m, ok := conn.(MessageConn); ok {
		for {
			msg, err := m.ReadMessage()
			if err != nil {
				return d.ended(err)
			}
			if deaf, err := d.hears(); err != nil {
				return err
			} else if deaf {
				continue
			}
			if err := f(msg); err != nil {
				return err
			}
		}
	}
	return d.packets(conn.(net.PacketConn), f, back)
}

// packets reads until the connection ends. While nothing comes it holds the buffer of
// one message: who gives it to ReadFrom does not know when one comes.
func (d *dialed) packets(conn net.PacketConn, f func(Message) error, back func(socket.Return) error) error {
	buf := make([]byte, middling)
	for failures := 0; ; failures++ {
		n, from, err := conn.ReadFrom(buf)
		if err == nil {
			failures = 0
			if n < 0 || n > len(buf) {
				return Faultf(Failed, "ReadFrom says that it read %d bytes into %d", n, len(buf))
			}
			peer := addressOf(from)
			if d.wants(peer) {
				err = f(Message{Data: buf[:n], Peer: peer})
			} else {
				_, err = d.hears()
			}
			if err != nil {
				return err
			}
			continue
		}
		var errno syscall.Errno
		if d.isClosed() || failures >= maxFailures || !errors.As(err, &errno) || d.sort() == Seqpacket {
			return d.ended(err)
		}
		if err := back(socket.Return{Errno: errno}); err != nil { // it is about one that was sent
			return err
		}
	}
}

// wants reports whether a message of that peer is for the socket: one that is bound and
// connected takes those of its peer alone.
func (d *dialed) wants(peer Address) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.deaf && (!d.bound || d.remote.IsZero() || d.remote == peer)
}

// maxFailures bounds how many errors may come in a row without a message between: what
// comes back for messages ends with what was sent.
const maxFailures = 1000

// send implements far.
func (d *dialed) send(m Message, back func(socket.Return) error) error {
	d.mu.Lock()
	conn, remote := d.conn, d.remote
	d.mu.Unlock()
	if conn == nil {
		return back(socket.Return{Errno: syscall.ENOTCONN, To: m.Peer})
	}
	var err error
	switch c := conn.(type) {
	case MessageConn:
		err = c.WriteMessage(m)
	case net.PacketConn:
		err = d.writeTo(c, m, remote)
	}
	var errno syscall.Errno
	switch {
	case err == nil || d.isClosed():
		return nil
	case refuses(err):
		return back(socket.Return{Errno: syscall.EINVAL, To: m.Peer, Text: words(err)})
	case !connectionless(d.sort()) || errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe):
		return readError(err)
	case errors.As(err, &errno):
	default:
		return back(socket.Return{Errno: syscall.EIO, To: m.Peer, Text: words(err)})
	}
	return back(socket.Return{Errno: errno, To: m.Peer})
}

// words is why a message was not sent, as its author says it: no errno does.
func words(err error) string {
	if text := dialError(err).Error(); text != "" {
		return text
	}
	return "it was not sent, without a reason"
}

// writeTo sends to the message's peer, or to the socket's.
func (d *dialed) writeTo(c net.PacketConn, m Message, remote Address) error {
	to := m.Peer
	if to.IsZero() {
		if w, ok := c.(net.Conn); ok && !d.isBound() {
			_, err := w.Write(m.Data)
			return err
		}
		to = remote
	}
	if to.IsZero() {
		return syscall.EDESTADDRREQ
	}
	_, err := c.WriteTo(m.Data, netAddr(to, d.p.desc.Address))
	return err
}

func (d *dialed) isBound() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.bound
}
