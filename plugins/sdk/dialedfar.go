package sdk

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"github.com/sosh-shell/sosh/core/socket"
)

var _ far = (*dialed)(nil)

func (d *dialed) sort() Kind { return d.p.desc.Kind }

func (d *dialed) lend(mark Mark, f func(Lent) error) error {
	return f(Lent{FD: -1, Mark: mark, Carrier: d})
}

func (d *dialed) look() (socket.Facts, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := socket.Facts{Local: d.local, Remote: d.remote, State: d.state}
	if d.closed {
		f.State = "closed"
	}
	return f, !d.closed
}

func (d *dialed) connected() bool { return d.connection() != nil }

// waitConnected has nothing to wait for: connect does.
func (d *dialed) waitConnected(context.Context) error { return nil }

// bytes implements far.
func (d *dialed) bytes(f func([]byte) error) error {
	conn := d.connection().(net.Conn)
	err := moveBytes(conn, func(p []byte) error {
		if deaf, err := d.hears(); deaf || err != nil {
			return err
		}
		return f(p)
	})
	return d.ended(err)
}

// hears says what becomes of what was read: nothing where reading has been ended, and
// once the socket is closed its connection is read no more.
func (d *dialed) hears() (deaf bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return true, net.ErrClosed
	}
	return d.deaf, nil
}

// ended is a read's error: what this side ended is no word of the peer's.
func (d *dialed) ended(err error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.closed:
		return net.ErrClosed
	case d.deaf:
		return io.EOF
	case err != io.EOF && err != errStream:
		d.state = "closed"
	}
	return readError(err)
}

// readError gives a read's or a write's error the word that the user knows.
func readError(err error) error {
	switch {
	case err == io.EOF, err == errStream:
		return err
	case errors.Is(err, net.ErrClosed):
		// The author's code closed it: who reads it must hear of an end, not of silence.
		return Faultf(Truncated, "the connection was closed here")
	}
	return dialError(err)
}

// write implements far.
func (d *dialed) write(p []byte) error {
	err := writeWhole(d.connection().(net.Conn), p)
	if err == nil || d.isClosed() {
		return nil
	}
	return readError(err)
}

// canEnd implements far.
func (d *dialed) canEnd(how How) error {
	conn := d.connection()
	if conn == nil {
		return syscall.ENOTCONN
	}
	if _, ok := conn.(CloseWriter); !ok && how == ShutdownWrite {
		return Faultf(Unsupported, "a connection of %s has no half ends: close ends it", d.p.desc.Name)
	}
	return nil
}

// endReading makes what comes go nowhere.
func (d *dialed) endReading() {
	d.mu.Lock()
	d.deaf = true
	conn := d.conn
	d.mu.Unlock()
	if c, ok := conn.(net.Conn); ok {
		caught("SetReadDeadline", func() error { return c.SetReadDeadline(past) }) // what waits sees that it is deaf
	}
}

// endWriting implements far. Without half ends it comes only when reading has been
// ended, too.
func (d *dialed) endWriting(Protocol, Mark) error {
	conn := d.connection()
	c, ok := conn.(CloseWriter)
	if !ok {
		d.shut(conn)
		return nil
	}
	err := caught("CloseWrite", c.CloseWrite)
	if err == nil || d.isClosed() || errors.Is(err, syscall.ENOTCONN) { // the reader tells of a connection that has gone
		return nil
	}
	return readError(err)
}

// reset implements far.
func (d *dialed) reset() {
	conn := d.connection()
	caught("SetLinger", func() error {
		// Beneath layers such as TLS, which would send their own end first.
		for depth := 0; conn != nil && depth < 16; depth++ {
			if l, ok := conn.(interface{ SetLinger(int) error }); ok {
				l.SetLinger(0)
				if depth == 0 {
					d.shut(conn)
				} else {
					shut(conn)
				}
				return nil
			}
			n, ok := conn.(interface{ NetConn() net.Conn })
			if !ok {
				return nil
			}
			conn = n.NetConn()
		}
		return nil
	})
}

func (d *dialed) interrupt() { d.close() }

// close implements far.
func (d *dialed) close() {
	d.mu.Lock()
	done := d.closed
	d.closed = true
	conn, listener, client, cancel := d.conn, d.listener, d.client, d.dialing
	d.client = nil
	d.mu.Unlock()
	if done {
		return
	}
	close(d.gone)
	if cancel != nil {
		cancel()
	}
	d.shut(conn)
	if listener != nil {
		caught("Close", listener.Close)
	}
	if client != nil {
		shut(client)
	}
}

// dialError gives the error of a dialer its identity, without the words of package net
// that repeat what the host says.
func dialError(err error) error {
	var fault Fault
	var dns *net.DNSError
	switch {
	case err == nil, errors.As(err, &fault):
		return err
	case errors.As(err, &dns):
		if dns.IsTimeout {
			return Faultf(Unresolved, "%s does not resolve: the name server did not answer", dns.Name)
		}
		return Faultf(Unresolved, "%s does not resolve: %s", dns.Name, dns.Err)
	}
	var op *net.OpError
	if err, ok := err.(*net.OpError); ok {
		op = err
	}
	if op != nil {
		switch op.Op {
		case "dial", "listen", "accept", "read", "write":
			return dialError(op.Err)
		}
	}
	if sys, ok := err.(*os.SyscallError); ok {
		return sys.Err
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return Faultf(Timeout, "%v", err)
	}
	return err
}
