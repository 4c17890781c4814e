package conform_test

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// blocks is a layer of bytes with an end of its own: a greeting, then blocks of a
// length and bytes, and one of no bytes as the end. It is good but for its fault.
type blocks struct{ fault, name string }

const greeting = "blocks\n"

// longestBlock is what is taken in one block.
const longestBlock = 1 << 20

func (l blocks) Describe() sdk.Description {
	return sdk.Description{Name: cmp.Or(l.name, "blocks"), Synopsis: "bytes in blocks", Kind: sdk.Stream,
		Options: []sdk.Option{{Name: "size", Type: sdk.SizeOption, Default: "1K", Help: "a size"}}}
}

func (l blocks) Wrap(ctx context.Context, b sdk.Below, r sdk.LayerRequest) (net.Conn, error) {
	c := &blockConn{Below: b, fault: l.fault, r: bufio.NewReader(b)}
	if _, err := b.Write([]byte(greeting)); err != nil {
		return nil, err
	}
	got := make([]byte, len(greeting))
	if _, err := io.ReadFull(c.r, got); err != nil {
		if l.fault == "does not heed that it is given up" && isTimeout(err) {
			time.Sleep(2 * patience)
		}
		return nil, err
	}
	if string(got) != greeting {
		if l.fault == "panics at a bad greeting" {
			panic("a bad greeting")
		}
		return nil, sdk.Faultf(sdk.Malformed, "no greeting")
	}
	if l.fault == "does not stack" {
		if _, ok := b.LocalAddr().(*net.TCPAddr); !ok {
			return nil, errPlain
		}
	}
	return c, nil
}

type blockConn struct {
	sdk.Below
	fault string
	r     *bufio.Reader
	left  int // of the block that is being read
	ended bool

	mu     sync.Mutex
	held   []byte // a block that another overtakes
	closed bool
	n      int // blocks written
}

func (c *blockConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	b := append(binary.BigEndian.AppendUint32(nil, uint32(len(p))), p...)
	switch {
	case c.fault == "corrupts" && len(p) > 0:
		b[len(b)-1] ^= 1
	case c.fault == "reorders" && c.n == 2:
		c.held = b
		return len(p), nil
	case c.fault == "loses the last" && len(p) < 4096 && len(p) > 1000 && c.n > 3:
		return len(p), nil
	}
	b = append(b, c.held...)
	c.held = nil
	if _, err := c.Below.Write(b); err != nil && c.fault != "keeps silent when it cannot write" {
		return 0, err
	}
	return len(p), nil
}

func (c *blockConn) CloseWrite() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	if c.fault == "has no end" {
		return nil
	}
	_, err := c.Below.Write(make([]byte, 4))
	return err
}

func (c *blockConn) Read(p []byte) (int, error) {
	n, err := c.read(p)
	switch {
	case err == nil || err == io.EOF && c.ended:
	case c.fault == "takes every end for an orderly one" && !isTimeout(err):
		return n, io.EOF
	case c.fault == "takes a cut for an end" && errors.Is(err, io.ErrUnexpectedEOF):
		return n, io.EOF
	}
	return n, err
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

func (c *blockConn) read(p []byte) (int, error) {
	for c.left == 0 {
		if c.ended {
			return 0, io.EOF
		}
		head, err := c.r.Peek(4) // nothing is lost when a deadline ends it
		if err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return 0, err
		}
		c.r.Discard(4)
		n := binary.BigEndian.Uint32(head)
		if c.fault == "panics at a long block" && n > longestBlock {
			panic("a long block")
		}
		if n > longestBlock {
			return 0, sdk.Faultf(sdk.Malformed, "a block of %d bytes", n)
		}
		c.left, c.ended = int(n), n == 0
	}
	n, err := c.r.Read(p[:min(len(p), c.left)])
	c.left -= n
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// AnswersEnd implements sdk.EndAnswerer.
func (c *blockConn) AnswersEnd() bool { return true }

// Unwrap implements sdk.Unwrapper.
func (c *blockConn) Unwrap(context.Context) ([]byte, error) {
	rest, _ := c.r.Peek(c.r.Buffered())
	if c.fault == "makes up what comes after it" {
		rest = append(slices.Clone(rest), '?')
	}
	return rest, nil
}

// framed is a layer of messages: a length and the bytes. It is good but for its fault.
type framed struct{ fault string }

func (framed) Describe() sdk.Description {
	return sdk.Description{Name: "framed", Synopsis: "messages with their length", Kind: sdk.Seqpacket}
}

func (l framed) Wrap(_ context.Context, b sdk.Below, _ sdk.LayerRequest) (net.Conn, error) {
	return &framedConn{Below: b, fault: l.fault, r: bufio.NewReader(b)}, nil
}

type framedConn struct {
	sdk.Below
	fault string
	r     *bufio.Reader
	got   []byte // of the message that is being read
	size  int    // its length; 0 before that is known
	known bool
	held  []byte // written, and joined to the next
}

func (c *framedConn) WriteMessage(m sdk.Message) error {
	data := m.Data
	switch {
	case c.fault == "drops empty ones" && len(data) == 0:
		return nil
	case c.fault == "cuts large ones" && len(data) > 512<<10:
		data = data[:512<<10]
	case c.fault == "joins two" && len(data) == 1:
		c.held = append(c.held, data...)
		return nil
	}
	data = append(c.held, data...)
	c.held = nil
	_, err := c.Below.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(data))), data...))
	return err
}

func (c *framedConn) ReadMessage() (sdk.Message, error) {
	if !c.known {
		head, err := c.r.Peek(4)
		if err != nil {
			if err == io.EOF && c.r.Buffered() > 0 {
				err = io.ErrUnexpectedEOF
			}
			return sdk.Message{}, err
		}
		c.r.Discard(4)
		n := binary.BigEndian.Uint32(head)
		if n > 4<<20 {
			return sdk.Message{}, sdk.Faultf(sdk.Malformed, "a message of %d bytes", n)
		}
		c.size, c.known, c.got = int(n), true, nil
	}
	for len(c.got) < c.size {
		p := make([]byte, min(c.size-len(c.got), 64<<10))
		n, err := c.r.Read(p)
		c.got = append(c.got, p[:n]...)
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return sdk.Message{}, err
		}
	}
	c.known = false
	return sdk.Message{Data: c.got}, nil
}

// Unwrap implements sdk.Unwrapper.
func (c *framedConn) Unwrap(context.Context) ([]byte, error) {
	return c.r.Peek(c.r.Buffered())
}
