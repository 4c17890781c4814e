package websocket

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// piece is how much is written at once, in bytes.
const piece = 32 << 10

var pieces = sync.Pool{New: func() any { return new([piece]byte) }}

// WriteMessage implements sdk.MessageConn. After a close frame of either side it is
// EPIPE.
func (c *conn) WriteMessage(m sdk.Message) error {
	c.turn.Lock()
	defer c.turn.Unlock()
	kind, fragment, err := c.kindOf(m)
	if err != nil {
		return err
	}
	buf := pieces.Get().(*[piece]byte)
	defer pieces.Put(buf)
	data := m.Data
	for {
		h := header{opcode: kind, length: uint64(len(data)), fin: true}
		if fragment > 0 && len(data) > fragment {
			h.length, h.fin = uint64(fragment), false
		}
		b, closed := c.due(buf[:0])
		if closed {
			c.put(b)
			return fmt.Errorf("the WebSocket is closed: %w", syscall.EPIPE)
		}
		if err := c.frame(b, h, data[:h.length]); err != nil || h.fin {
			return err
		}
		data, kind = data[h.length:], opContinuation
	}
}

// kindOf is the opcode of a message, as its type or option binary says.
func (c *conn) kindOf(m sdk.Message) (kind byte, fragment int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	text := utf8.Valid(m.Data)
	kind = m.Type
	if kind == 0 {
		switch c.settings["binary"] {
		case "off":
			kind = typeText
		case "on":
			kind = typeBinary
		default:
			kind = typeBinary
			if text {
				kind = typeText
			}
		}
	}
	switch {
	case kind != typeText && kind != typeBinary:
		return 0, 0, sdk.Faultf(sdk.Usage, "a message's type is 1 for text or 2 for binary, not %d", kind)
	case kind == typeText && !text:
		return 0, 0, sdk.Faultf(sdk.Usage, "a text message is UTF-8, and this one is not: it can go as binary")
	}
	return kind, c.fragment, nil
}

// frame writes a frame behind what is in b, which has room for a piece.
func (c *conn) frame(b []byte, h header, payload []byte) error {
	if h.masked = c.client; h.masked {
		rand.Read(h.mask[:]) // never fails
	}
	b = appendHeader(b, h)
	for at := 0; ; {
		n := min(len(payload)-at, piece-min(len(b), piece))
		b = append(b, payload[at:at+n]...)
		if h.masked {
			apply(h.mask, at, b[len(b)-n:])
		}
		if err := c.put(b); err != nil {
			return err
		}
		if at += n; at == len(payload) {
			return nil
		}
		if b = b[:0]; !h.masked {
			return c.put(payload[at:])
		}
	}
}

func (c *conn) put(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	_, err := c.Below.Write(b)
	return err
}

// due appends what is to be sent before anything else, a pong or our close frame,
// and says whether nothing may follow. The caller has the turn.
func (c *conn) due(b []byte) (frames []byte, closed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ponging && !c.closed {
		b = c.appendControl(b, opPong, c.pong)
	}
	c.pong, c.ponging = nil, false
	if c.closing && !c.closed {
		b = c.appendControl(b, opClose, c.answer)
		c.closed = true
	}
	c.closing = false
	return b, c.closed
}

func (c *conn) appendControl(b []byte, opcode byte, payload []byte) []byte {
	h := header{fin: true, opcode: opcode, masked: c.client, length: uint64(len(payload))}
	if h.masked {
		rand.Read(h.mask[:])
	}
	b = append(appendHeader(b, h), payload...)
	if h.masked {
		apply(h.mask, 0, b[len(b)-len(payload):])
	}
	return b
}

// flush has what is due sent by a goroutine of its own: reading must not wait for a
// peer that does not read, which may be waiting for us to read. The caller holds mu.
func (c *conn) flush() {
	if c.flushing {
		return
	}
	c.flushing = true
	go func() {
		c.turn.Lock()
		defer c.turn.Unlock()
		for {
			b, _ := c.due(nil)
			c.mu.Lock()
			if len(b) == 0 {
				c.flushing = false
				// A server closes the connection when the peer has asked for the end
				// (section 7.1.1); the client waits for that.
				end := c.peerClosed && !c.client
				c.mu.Unlock()
				if end {
					c.Below.CloseWrite()
				}
				return
			}
			c.mu.Unlock()
			if c.put(b) != nil {
				c.mu.Lock()
				c.flushing = false
				c.mu.Unlock()
				return // the writer and the reader learn it themselves
			}
		}
	}()
}

// CloseWrite implements sdk.CloseWriter: it sends our close frame, once. The socket
// beneath stays open for the peer's.
func (c *conn) CloseWrite() error {
	c.turn.Lock()
	defer c.turn.Unlock()
	c.mu.Lock()
	if !c.closed && !c.closing {
		c.closing, c.answer = true, nil
		if c.code != 0 {
			c.answer = binary.BigEndian.AppendUint16(nil, uint16(c.code))
			c.answer = append(c.answer, c.settings["reason"]...)
		}
	}
	c.mu.Unlock()
	b, _ := c.due(nil)
	return c.put(b)
}

// refuse tells the peer what it has done. The connection ends after it, so there is
// little time for a peer that does not read.
func (c *conn) refuse(v *violation) {
	if !c.turn.TryLock() {
		return // a message is being written: no frame may stand in its midst
	}
	defer c.turn.Unlock()
	c.mu.Lock()
	c.closing = true
	c.answer = binary.BigEndian.AppendUint16(nil, v.code)
	text := strings.ToValidUTF8(v.text[:min(len(v.text), longestControl-2)], "")
	c.answer = append(c.answer, text...)
	c.mu.Unlock()
	b, _ := c.due(nil)
	c.Below.SetWriteDeadline(time.Now().Add(2 * time.Second))
	c.put(b)
}
