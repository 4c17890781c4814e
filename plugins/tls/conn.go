package tls

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"time"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// conn is what is above.
type conn struct {
	*records
	tls       *tls.Conn
	state     tls.ConnectionState // after the handshake
	server    bool
	unchecked bool
	note      string
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.tls.Read(p)
	return n, c.later(err)
}

// WriteTo implements io.WriterTo: it waits with a small buffer, and then takes
// all records that are there.
func (c *conn) WriteTo(w io.Writer) (int64, error) {
	var few [little]byte
	for {
		n, err := c.tls.Read(few[:])
		if err == nil && (n == len(few) || c.records.r < c.records.w) {
			err = c.many(w, few[:n])
		} else if n > 0 {
			w.Write(few[:n])
		}
		if err != nil {
			return 0, c.later(err)
		}
	}
}

// many writes few and what can be read without waiting.
func (c *conn) many(w io.Writer, few []byte) error {
	buf := bulks.Get().(*[bulk]byte)
	defer bulks.Put(buf)
	n := copy(buf[:], few)
	c.records.hold = true
	var err error
	for n < len(buf) && err == nil {
		var m int
		m, err = c.tls.Read(buf[n:])
		n += m
	}
	c.records.hold = false
	w.Write(buf[:n])
	if errors.Is(err, errWait) {
		return nil
	}
	return err
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (int, error) {
	if len(p) <= little {
		return c.tls.Write(p)
	}
	return c.records.gathered(func() (int, error) { return c.tls.Write(p) })
}

// CloseWrite implements sdk.CloseWriter: a close_notify (RFC 8446, section 6.1).
func (c *conn) CloseWrite() error { return c.tls.CloseWrite() }

// AnswersEnd implements sdk.EndAnswerer: the peer sends its close_notify, too. TLS
// 1.3 lets it go on sending first.
func (c *conn) AnswersEnd() bool { return true }

// Unwrap implements sdk.Unwrapper: what came after the peer's close_notify.
func (c *conn) Unwrap(context.Context) ([]byte, error) { return c.records.buffered(), nil }

// Close does nothing: there is nothing to free, and the end was sent before.
func (c *conn) Close() error { return nil }

// SetDeadline implements net.Conn.
func (c *conn) SetDeadline(t time.Time) error { return c.records.SetReadDeadline(t) }

var (
	_ net.Conn        = (*conn)(nil)
	_ sdk.EndAnswerer = (*conn)(nil)
	_ sdk.FactTeller  = (*conn)(nil)
	_ io.WriterTo     = (*conn)(nil)
)
