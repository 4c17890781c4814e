package websocket

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// conn is a WebSocket after its handshake.
type conn struct {
	sdk.Below
	r      *bufio.Reader
	client bool
	told   []sdk.Setting // facts of the handshake; fixed

	message []byte // the reader's: what ReadMessage gave last
	ended   error  // the reader's: what ReadMessage goes on to say

	turn sync.Mutex // of writing: held for a frame, and for the frames of our close
	mu   sync.Mutex // of what follows; never held while writing

	settings      map[string]string
	max, fragment int
	code          int
	pings, pongs  int
	pong          []byte // to be sent; the newest only (section 5.5.3)
	ponging       bool   // pong is due
	closing       bool   // our close frame is due, with answer
	answer        []byte
	closed        bool // our close frame is sent, or given to the turn's holder to send
	flushing      bool // a goroutine sends what is due
	peerClosed    bool
	peerCode      int
	peerReason    string
}

// ReadMessage implements sdk.MessageConn. The peer's close frame is io.EOF; an end
// without one is io.ErrUnexpectedEOF.
func (c *conn) ReadMessage() (sdk.Message, error) {
	if c.ended != nil {
		return sdk.Message{}, c.ended
	}
	m, err := c.next()
	if err == nil {
		return m, nil
	}
	c.message = nil
	var v *violation
	switch {
	case errors.As(err, &v):
		c.refuse(v)
		err = sdk.Faultf(sdk.Malformed, "the peer breaks RFC 6455: %s", v.text)
		if v.code == codeTooBig {
			err = sdk.Faultf(sdk.Malformed, "%s", v.text)
		}
	case err == io.EOF && !c.isOver():
		err = io.ErrUnexpectedEOF
	}
	if !isTimeout(err) { // reading may go on after a deadline: the error is no end
		c.ended = err
	}
	return sdk.Message{}, err
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

func (c *conn) isOver() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.peerClosed
}

// keptRoom bounds what an idle connection keeps for the next message, in bytes.
const keptRoom = 64 << 10

// next reads frames to the end of a message.
func (c *conn) next() (sdk.Message, error) {
	if cap(c.message) > keptRoom {
		c.message = nil
	}
	c.message = c.message[:0]
	kind := byte(0) // of the message whose fragments come; 0 for none
	for {
		h, err := readHeader(c.r, !c.client)
		if err != nil {
			return sdk.Message{}, err
		}
		if h.control() {
			if err := c.control(h); err != nil {
				return sdk.Message{}, err
			}
			continue
		}
		switch {
		case h.opcode == opContinuation && kind == 0:
			return sdk.Message{}, breaks(codeProtocol, "a message begins with a continuation")
		case h.opcode != opContinuation && kind != 0:
			return sdk.Message{}, breaks(codeProtocol, "a message begins within another")
		case h.opcode != opContinuation:
			kind = h.opcode
		}
		if most := c.limit(); h.length > uint64(most-min(most, len(c.message))) {
			return sdk.Message{}, breaks(codeTooBig, "a message is longer than max=%d: wrap with a greater max", most)
		}
		if err := c.payload(h); err != nil {
			return sdk.Message{}, err
		}
		if !h.fin {
			continue
		}
		if kind == opText && !utf8.Valid(c.message) {
			return sdk.Message{}, breaks(codeData, "a text message is no UTF-8")
		}
		return sdk.Message{Type: kind, Data: c.message}, nil
	}
}

func (c *conn) limit() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.max
}

// growth bounds what is allocated for bytes that were announced and have not come.
const growth = 256 << 10

// payload appends a frame's payload to the message, unmasked.
func (c *conn) payload(h header) error {
	for at := 0; at < int(h.length); {
		old := len(c.message)
		n := min(int(h.length)-at, max(growth, old))
		c.message = slices.Grow(c.message, n)[:old+n]
		if _, err := io.ReadFull(c.r, c.message[old:]); err != nil {
			return cut(err)
		}
		if h.masked {
			apply(h.mask, at, c.message[old:])
		}
		at += n
	}
	return nil
}

// cut makes an end within something an end that was not to be.
func cut(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// control takes a control frame. It is io.EOF for a close.
func (c *conn) control(h header) error {
	b := make([]byte, h.length)
	if _, err := io.ReadFull(c.r, b); err != nil {
		return cut(err)
	}
	if h.masked {
		apply(h.mask, 0, b)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch h.opcode {
	case opPong:
		c.pongs++
		return nil
	case opPing:
		c.pings++
		c.pong, c.ponging = b, true
		c.flush()
		return nil
	}
	code, reason, err := parseClose(b)
	if err != nil {
		return err
	}
	c.peerClosed, c.peerCode, c.peerReason = true, code, reason
	if !c.closed && c.settings["answer"] != "late" {
		// The answer has the peer's code (section 5.5.1).
		c.closing, c.answer = true, b[:min(len(b), 2)]
		c.flush()
	}
	return io.EOF
}

func parseClose(b []byte) (code int, reason string, err error) {
	if len(b) == 0 {
		return codeNone, "", nil
	}
	if len(b) == 1 {
		return 0, "", breaks(codeProtocol, "a close frame of one byte")
	}
	code = int(binary.BigEndian.Uint16(b))
	switch {
	case !mayBeSent(code):
		return 0, "", breaks(codeProtocol, "a close frame with the code %d", code)
	case !utf8.Valid(b[2:]):
		return 0, "", breaks(codeData, "a close frame's reason is no UTF-8")
	}
	return code, string(b[2:]), nil
}

// mayBeSent says whether a code may stand in a close frame (section 7.4).
func mayBeSent(code int) bool {
	return code >= 1000 && code <= 1014 && code != 1004 && code != codeNone && code != 1006 || code >= 3000 && code <= 4999
}

// AnswersEnd implements sdk.EndAnswerer.
func (c *conn) AnswersEnd() bool { return true }

// Unwrap implements sdk.Unwrapper: both close frames have passed by now.
func (c *conn) Unwrap(context.Context) ([]byte, error) {
	if !c.isOver() {
		return nil, fmt.Errorf("the peer did not answer the close frame: %w", sdk.Truncated)
	}
	b, _ := c.r.Peek(c.r.Buffered())
	c.r.Reset(strings.NewReader(""))
	return append([]byte(nil), b...), nil
}
