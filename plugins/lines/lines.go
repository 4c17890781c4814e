// Package lines is the layer lines: it makes messages of a stream whose lines have
// an end, as those of SMTP, FTP, IRC and many others have.
//
// It changes no byte of a line. A message that is sent gets the end behind it, and
// one that has an end in it is several lines for the peer.
package lines

import (
	"bytes"
	"context"
	"io"
	"net"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// New returns the layer.
func New() sdk.Protocol { return sdk.NewLayer(layer{}) }

type layer struct{}

// Describe implements sdk.Layer.
func (layer) Describe() sdk.Description {
	return sdk.Description{
		Name:     "lines",
		Synopsis: "each line of a stream as a message",
		Version:  "1",
		Kind:     sdk.Seqpacket,
		Options: []sdk.Option{
			{Name: "end", Type: sdk.StringOption, Default: "crlf",
				Help: "what ends a line: crlf or any (both read CRLF and LF; any sends LF), lf or nul (that byte alone)"},
			{Name: "max", Type: sdk.SizeOption, Unit: "bytes", Default: "1M", Help: "longest line that is taken; a longer one ends the layer"},
		},
	}
}

// ending is how lines end.
type ending struct {
	written string
	last    byte // that ends a line that is read
	cr      bool // a CR before it belongs to the end
}

var endings = map[string]ending{
	"crlf": {"\r\n", '\n', true},
	"lf":   {"\n", '\n', false},
	"nul":  {"\x00", 0, false},
	"any":  {"\n", '\n', true},
}

// most is the longest message that the host takes, in bytes.
const most = 64 << 20

// Wrap implements sdk.Layer.
func (layer) Wrap(_ context.Context, below sdk.Below, req sdk.LayerRequest) (net.Conn, error) {
	e, ok := endings[req.Options.Text("end")]
	if !ok {
		return nil, sdk.Faultf(sdk.Usage, "end is crlf, lf, nul or any, not %q", req.Options.Text("end"))
	}
	limit := req.Options.Size("max")
	if limit < 1 || limit > most {
		return nil, sdk.Faultf(sdk.Usage, "max is 1 to 64M, not %s", req.Options.Text("max"))
	}
	return &conn{Below: below, ending: e, max: limit}, nil
}

const (
	leastRoom = 4 << 10  // of the buffer, in bytes
	keptRoom  = 64 << 10 // that is kept while nothing comes
)

type conn struct {
	sdk.Below
	ending
	max int

	buf     []byte
	r, w    int // buf[r:w] is read and not given
	scanned int // buf[r:scanned] has no end in it
	err     error
	out     []byte
}

// ReadMessage implements sdk.MessageConn. What the stream's end cuts off comes as
// the last message, before the error.
func (c *conn) ReadMessage() (sdk.Message, error) {
	for {
		if i := bytes.IndexByte(c.buf[c.scanned:c.w], c.last); i >= 0 {
			line := c.buf[c.r : c.scanned+i]
			c.r = c.scanned + i + 1
			c.scanned = c.r
			if c.cr {
				line = bytes.TrimSuffix(line, []byte{'\r'})
			}
			if len(line) > c.max {
				return sdk.Message{}, c.tooLong()
			}
			return sdk.Message{Data: line}, nil
		}
		if c.scanned = c.w; c.w-c.r > c.max+1 { // the one may be a CR
			return sdk.Message{}, c.tooLong()
		}
		if c.err != nil {
			line := c.buf[c.r:c.w]
			c.r = c.w
			if len(line) > c.max {
				return sdk.Message{}, c.tooLong()
			}
			if len(line) > 0 {
				return sdk.Message{Data: line}, nil
			}
			return sdk.Message{}, c.err
		}
		c.room()
		n, err := c.Below.Read(c.buf[c.w:])
		c.w += n
		switch {
		case err == io.EOF && c.w > c.r:
			c.err = io.ErrUnexpectedEOF
		case err == io.EOF:
			return sdk.Message{}, io.EOF
		case err != nil:
			return sdk.Message{}, err
		}
	}
}

func (c *conn) tooLong() error {
	return sdk.Faultf(sdk.Malformed, "a line of more than %d bytes came: max=SIZE allows more", c.max)
}

// room makes some at the end of the buffer, and lets a large one go that is empty.
func (c *conn) room() {
	have := c.w - c.r
	switch {
	case have == 0 && cap(c.buf) > keptRoom, c.buf == nil:
		c.buf = make([]byte, leastRoom)
	case c.w < len(c.buf) && have > 0:
		return
	case have > len(c.buf)/2, have == 0 && c.w == len(c.buf) && len(c.buf) < keptRoom:
		grown := make([]byte, 2*len(c.buf))
		copy(grown, c.buf[c.r:c.w])
		c.buf = grown
	default:
		copy(c.buf, c.buf[c.r:c.w])
	}
	c.r, c.w, c.scanned = 0, have, have
}

// WriteMessage implements sdk.MessageConn.
func (c *conn) WriteMessage(m sdk.Message) error {
	c.out = append(append(c.out[:0], m.Data...), c.written...)
	_, err := c.Below.Write(c.out)
	if cap(c.out) > keptRoom {
		c.out = nil
	}
	return err
}

// Unwrap implements sdk.Unwrapper: the line that has not ended.
func (c *conn) Unwrap(context.Context) ([]byte, error) {
	return append([]byte(nil), c.buf[c.r:c.w]...), nil
}

var (
	_ sdk.MessageConn = (*conn)(nil)
	_ sdk.Unwrapper   = (*conn)(nil)
)
