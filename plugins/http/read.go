package http

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// ReadMessage implements sdk.MessageConn: the next whole response, or request on the
// server's side. An end between two is io.EOF, one within a message
// io.ErrUnexpectedEOF; but a body that only the end delimits ends with io.EOF.
func (c *conn) ReadMessage() (sdk.Message, error) {
	c.raw = nil // the last message's, or its like
	if !c.isOver() {
		m, err := c.next()
		if !errors.Is(err, errOver) {
			return m, err
		}
	}
	return sdk.Message{}, c.hold()
}

// errOver says that what comes is no HTTP any more.
var errOver = errors.New("over")

// growth bounds what is allocated for bytes that were announced and have not come.
const growth = 256 << 10

func (c *conn) next() (sdk.Message, error) {
	if err := c.begin(); err != nil {
		return sdk.Message{}, err
	}
	if err := c.readLines(longestHead, "head"); err != nil {
		return sdk.Message{}, err
	}
	method, max := c.expected()
	what := "response"
	if !c.client {
		what = "request"
	}
	h, err := parseHead(c.raw, method)
	switch {
	case err != nil:
		return sdk.Message{}, sdk.Faultf(sdk.Malformed, "malformed %s: %v: %.80q", what, err, c.raw)
	case h.response != c.client:
		return sdk.Message{}, sdk.Faultf(sdk.Malformed, "a %s is due, and the peer sends %.80q", what, c.raw)
	case h.length > int64(max) && !h.bodyless(method):
		return sdk.Message{}, c.tooLong(max)
	}
	if !c.client && strings.EqualFold(h.header.Get("Expect"), "100-continue") && h.length != 0 && c.r.Buffered() == 0 {
		if err := c.proceed(); err != nil {
			return sdk.Message{}, err
		}
	}
	m, err := c.body(h, method, max)
	if err != nil {
		return sdk.Message{}, err
	}
	return m, c.took(h, method)
}

// begin waits for a message's first byte. Empty lines before a request are passed
// over (RFC 9112, section 2.2).
func (c *conn) begin() error {
	for range 8 {
		b, err := c.r.Peek(1)
		if err != nil {
			return err
		}
		if c.isOver() { // what we wrote meanwhile has made it so
			return errOver
		}
		if c.client || b[0] != '\r' && b[0] != '\n' {
			return nil
		}
		c.r.Discard(1)
	}
	return sdk.Faultf(sdk.Malformed, "malformed request: empty lines")
}

// readLines appends lines to raw, to an empty one.
func (c *conn) readLines(most int, what string) error {
	start, begin := len(c.raw), len(c.raw)
	for {
		part, err := c.r.ReadSlice('\n')
		c.raw = append(c.raw, part...)
		if len(c.raw)-start > most {
			return sdk.Faultf(sdk.Malformed, "a message's %s is longer than %d bytes", what, most)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil {
			return cut(err)
		}
		if len(bytes.TrimRight(c.raw[begin:], "\r\n")) == 0 {
			return nil
		}
		if begin == 0 && !bytes.Contains(c.raw, []byte("HTTP/")) {
			return sdk.Faultf(sdk.Malformed, "the peer speaks no HTTP: it says %.80q", c.raw)
		}
		begin = len(c.raw)
	}
}

// cut makes an end within something an end that was not to be.
func cut(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// body reads what follows the head, and makes the message.
func (c *conn) body(h head, method string, max int) (sdk.Message, error) {
	start := len(c.raw)
	switch {
	case h.bodyless(method) || h.length == 0:
		return sdk.Message{Data: c.raw}, nil
	case h.length > 0:
		err := c.readBytes(int(h.length))
		return sdk.Message{Data: c.raw}, err
	case h.chunked:
		if err := c.readChunks(max); err != nil {
			return sdk.Message{}, err
		}
		body, trailer, err := dechunk(c.raw[start:])
		if err != nil {
			return sdk.Message{}, sdk.Faultf(sdk.Malformed, "malformed body: %v", err)
		}
		data := append(h.with(lengthLine(len(body))), body...)
		if len(trailer) > 0 {
			data = append(append(data, trailer...), "\r\n"...)
		}
		return sdk.Message{Type: typeChunked, Data: data}, nil
	}
	for { // to the end of the stream
		err := c.readSome(growth)
		if len(c.raw)-start > max {
			return sdk.Message{}, c.tooLong(max)
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return sdk.Message{}, err
		}
	}
	return sdk.Message{Data: append(h.with(lengthLine(len(c.raw)-start)), c.raw[start:]...)}, nil
}

func (c *conn) tooLong(max int) error {
	return sdk.Faultf(sdk.Malformed, "a body is longer than max=%d: wrap with a greater max", max)
}

func (c *conn) readBytes(n int) error {
	for n > 0 {
		old, step := len(c.raw), min(n, growth)
		c.raw = slices.Grow(c.raw, step)[:old+step]
		got, err := io.ReadFull(c.r, c.raw[old:])
		c.raw = c.raw[:old+got]
		if err != nil {
			return cut(err)
		}
		n -= step
	}
	return nil
}

// readSome appends what one read gives, at most n bytes.
func (c *conn) readSome(n int) error {
	old := len(c.raw)
	if cap(c.raw)-old < 4096 {
		c.raw = slices.Grow(c.raw, min(n, max(old, 4096)))
	}
	got, err := c.r.Read(c.raw[old:min(cap(c.raw), old+n)])
	c.raw = c.raw[:old+got]
	return err
}

// readChunks reads a body in chunks as it stands, with its trailer.
func (c *conn) readChunks(max int) error {
	start, total := len(c.raw), 0
	for {
		begin := len(c.raw)
		for {
			part, err := c.r.ReadSlice('\n')
			c.raw = append(c.raw, part...)
			if err == nil {
				break
			}
			if errors.Is(err, bufio.ErrBufferFull) {
				return sdk.Faultf(sdk.Malformed, "malformed body: a chunk's first line is longer than 4 KiB")
			}
			return cut(err)
		}
		size, err := chunkSize(c.raw[begin:])
		if err != nil {
			return sdk.Faultf(sdk.Malformed, "malformed body: %v", err)
		}
		if size == 0 {
			return c.readLines(longestHead, "trailer")
		}
		// A peer may not use a byte a chunk to make us hold much more than max.
		if total += size; total > max || len(c.raw)-start > 2*max+longestHead {
			return c.tooLong(max)
		}
		if err := c.readBytes(size + 2); err != nil {
			return err
		}
		if !bytes.HasSuffix(c.raw, []byte("\r\n")) {
			return sdk.Faultf(sdk.Malformed, "malformed body: a chunk is longer than it says")
		}
	}
}

// hold waits while the stream is no longer ours: for its end, or for unwrap.
func (c *conn) hold() error {
	for {
		_, err := c.r.Peek(c.r.Buffered() + 1)
		switch {
		case err == nil:
			continue
		case err == io.EOF && c.r.Buffered() == 0:
			return io.EOF
		case err != io.EOF && !errors.Is(err, bufio.ErrBufferFull):
			return err
		}
		// There is something for unwrap: what follows waits in the kernel.
		<-c.woken
		return fmt.Errorf("unwrapped: %w", os.ErrDeadlineExceeded)
	}
}
