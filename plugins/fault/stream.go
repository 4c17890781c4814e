package fault

import (
	"context"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// conn is the layer on a stream.
type conn struct {
	sdk.Below
	*fault
	rest []byte // of the piece that Read gives
	err  error
}

// chunk reads what is there from below.
func (c *conn) chunk() func() (sdk.Message, error) {
	buf := make([]byte, 16<<10)
	return func() (sdk.Message, error) {
		n, err := c.Below.Read(buf)
		if n > 0 {
			err = nil // it comes again
		}
		return sdk.Message{Data: buf[:n]}, err
	}
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	for len(c.rest) == 0 {
		m, err := c.fault.next(&c.err)
		if err != nil {
			return 0, err
		}
		c.rest = m.Data
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// next is what comes next from below. The end stays.
func (f *fault) next(end *error) (sdk.Message, error) {
	if *end != nil {
		return sdk.Message{}, *end
	}
	p, ok := f.recv.queue.take()
	switch {
	case !ok:
		*end = net.ErrClosed
	case p.reset:
		f.abort()
		*end = syscall.ECONNRESET
	case p.err != nil:
		*end = p.err
	default:
		return p.m, nil
	}
	return sdk.Message{}, *end
}

// Write implements net.Conn. What is on its way is sent later; that it failed a
// later Write says.
func (c *conn) Write(p []byte) (int, error) {
	for done := 0; done < len(p); {
		if err := c.send.failure(); err != nil {
			return done, err
		}
		n := min(len(p)-done, 64<<10)
		c.send.pass(sdk.Message{Data: p[done : done+n]})
		done += n
	}
	return len(p), nil
}

// pieces writes b as split says.
func (c *conn) pieces(b []byte) error {
	for len(b) > 0 {
		n := len(b)
		if h := c.harm.Load(); h.split > 0 && h.send {
			n = min(n, h.split)
		}
		if _, err := c.Below.Write(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// Unwrap implements sdk.Unwrapper: nothing is kept back. What was sent is on its way
// until it is out.
func (f *fault) Unwrap(context.Context) ([]byte, error) {
	f.send.queue.hurry()
	f.send.queue.put(piece{end: true})
	<-f.send.queue.done
	return nil, f.send.failure()
}

// These are of the layer, not of below.

func (c *conn) CloseWrite() error                  { return c.fault.CloseWrite() }
func (c *conn) Reset() error                       { return c.Below.Reset() }
func (c *conn) Close() error                       { return c.fault.Close() }
func (c *conn) SetDeadline(t time.Time) error      { return c.fault.SetDeadline(t) }
func (c *conn) SetReadDeadline(t time.Time) error  { return c.fault.SetReadDeadline(t) }
func (c *conn) SetWriteDeadline(t time.Time) error { return nil }

// messages is the layer on messages.
type messages struct{ *fault }

// ReadMessage implements sdk.MessageConn.
func (m *messages) ReadMessage() (sdk.Message, error) {
	var end error
	return m.next(&end)
}

// WriteMessage implements sdk.MessageConn.
func (m *messages) WriteMessage(msg sdk.Message) error {
	if err := m.send.failure(); err != nil {
		return err
	}
	m.send.pass(msg)
	return nil
}

var (
	_ net.Conn         = (*conn)(nil)
	_ sdk.CloseWriter  = (*conn)(nil)
	_ sdk.Unwrapper    = (*conn)(nil)
	_ sdk.OptionSetter = (*conn)(nil)
	_ sdk.FactTeller   = (*conn)(nil)
	_ sdk.MessageConn  = (*messages)(nil)
	_ io.Closer        = (*messages)(nil)
)
