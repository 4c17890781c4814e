// Package lenprefix is the layer lenprefix: it makes messages of a stream in which
// a number of one to eight bytes before each message says how long it is, as DNS
// over TCP (RFC 1035, section 4.2.2), Kafka and countless private protocols do.
//
// It knows nothing of what is in a message.
package lenprefix

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"strconv"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// New returns the layer.
func New() sdk.Protocol { return sdk.NewLayer(layer{}) }

type layer struct{}

// Describe implements sdk.Layer.
func (layer) Describe() sdk.Description {
	return sdk.Description{
		Name:     "lenprefix",
		Synopsis: "messages with their length before them",
		Version:  "1",
		Kind:     sdk.Seqpacket,
		Options: []sdk.Option{
			{Name: "size", Type: sdk.IntOption, Unit: "bytes", Default: "4", Help: "of the length: 1, 2, 4 or 8"},
			{Name: "order", Type: sdk.StringOption, Default: "big", Help: "of the length's bytes: big or little end first"},
			{Name: "include", Type: sdk.BoolOption, Default: "off", Help: "the length counts its own bytes"},
			{Name: "max", Type: sdk.SizeOption, Unit: "bytes", Default: "16M", Help: "longest message that is taken, at most 64M; a longer one ends the layer"},
		},
	}
}

// most is the longest message that the host takes, in bytes.
const most = 64 << 20

// Wrap implements sdk.Layer.
func (layer) Wrap(_ context.Context, below sdk.Below, req sdk.LayerRequest) (net.Conn, error) {
	o := req.Options
	c := &conn{Below: below, size: int(o.Int("size")), max: o.Size("max")}
	switch o.Int("size") {
	case 1, 2, 4, 8:
	default:
		return nil, sdk.Faultf(sdk.Usage, "size is 1, 2, 4 or 8, not %s", o.Text("size"))
	}
	switch o.Text("order") {
	case "big":
		c.order = binary.BigEndian
	case "little":
		c.order = binary.LittleEndian
	default:
		return nil, sdk.Faultf(sdk.Usage, "order is big or little, not %q", o.Text("order"))
	}
	if c.max > most {
		return nil, sdk.Faultf(sdk.Usage, "max is at most 64M, not %s", o.Text("max"))
	}
	if o.Bool("include") {
		c.own = uint64(c.size)
	}
	return c, nil
}

const (
	aheadRoom = 4 << 10  // of the buffer that is read into, in bytes
	keptRoom  = 64 << 10 // of a message's, that is kept for the next
)

// order is the order of a number's bytes.
type order interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

type conn struct {
	sdk.Below
	size  int // of the length
	order order
	own   uint64 // what the length counts beside the message
	max   int

	head   [8]byte
	n      int // bytes of the length that have come
	length int // of the message, once the length is there
	data   []byte
	taken  bool // the message was returned
	buf    [aheadRoom]byte
	ahead  []byte // of buf, what is to come
	out    []byte
}

// ReadMessage implements sdk.MessageConn. After a deadline it goes on where it was.
func (c *conn) ReadMessage() (sdk.Message, error) {
	if c.taken {
		c.taken, c.n, c.data = false, 0, c.data[:0]
		if cap(c.data) > keptRoom {
			c.data = nil
		}
	}
	for c.n < c.size {
		if err := c.more(); err != nil {
			return sdk.Message{}, err
		}
		k := copy(c.head[c.n:c.size], c.ahead)
		c.n, c.ahead = c.n+k, c.ahead[k:]
		if c.n == c.size {
			if err := c.begin(); err != nil {
				// For Unwrap.
				c.n, c.ahead = 0, append(append([]byte(nil), c.head[:c.size]...), c.ahead...)
				return sdk.Message{}, err
			}
		}
	}
	for len(c.data) < c.length {
		if len(c.ahead) == 0 && c.length-len(c.data) >= aheadRoom {
			if err := c.direct(); err != nil {
				return sdk.Message{}, err
			}
			continue
		}
		if err := c.more(); err != nil {
			return sdk.Message{}, err
		}
		k := min(len(c.ahead), c.length-len(c.data))
		c.data, c.ahead = append(c.data, c.ahead[:k]...), c.ahead[k:]
	}
	c.taken = true
	return sdk.Message{Data: c.data}, nil
}

// begin reads the length.
func (c *conn) begin() error {
	var n uint64
	switch c.size {
	case 1:
		n = uint64(c.head[0])
	case 2:
		n = uint64(c.order.Uint16(c.head[:]))
	case 4:
		n = uint64(c.order.Uint32(c.head[:]))
	case 8:
		n = c.order.Uint64(c.head[:])
	}
	if n < c.own {
		return sdk.Faultf(sdk.Malformed, "a length of %d came, which is less than its own %d bytes", n, c.own)
	}
	if n -= c.own; n > uint64(c.max) {
		return sdk.Faultf(sdk.Malformed, "a message of %d bytes is announced: %d are allowed (max=SIZE); or are size= and order= others?", n, c.max)
	}
	c.length = int(n)
	return nil
}

// more reads on when nothing is ahead.
func (c *conn) more() error {
	if len(c.ahead) > 0 {
		return nil
	}
	n, err := c.Below.Read(c.buf[:])
	c.ahead = c.buf[:n]
	if n > 0 {
		return nil
	}
	return c.cut(err)
}

// direct reads into the message. Its room grows with what has come, not with what
// was announced.
func (c *conn) direct() error {
	if cap(c.data)-len(c.data) < aheadRoom {
		grown := make([]byte, len(c.data), min(c.length, max(keptRoom, 2*cap(c.data))+aheadRoom))
		copy(grown, c.data)
		c.data = grown
	}
	n, err := c.Below.Read(c.data[len(c.data):min(cap(c.data), c.length)])
	c.data = c.data[:len(c.data)+n]
	if n > 0 {
		return nil
	}
	return c.cut(err)
}

// cut tells an end within a message from one between two.
func (c *conn) cut(err error) error {
	if err == io.EOF && c.n > 0 {
		return io.ErrUnexpectedEOF
	}
	return err
}

// WriteMessage implements sdk.MessageConn.
func (c *conn) WriteMessage(m sdk.Message) error {
	n := uint64(len(m.Data)) + c.own
	if c.size < 8 && n >= 1<<(8*c.size) {
		return sdk.Faultf(sdk.Usage, "a message of %d bytes: a length of size=%s cannot say that", len(m.Data), strconv.Itoa(c.size))
	}
	c.out = c.out[:0]
	switch c.size {
	case 1:
		c.out = append(c.out, byte(n))
	case 2:
		c.out = c.order.AppendUint16(c.out, uint16(n))
	case 4:
		c.out = c.order.AppendUint32(c.out, uint32(n))
	case 8:
		c.out = c.order.AppendUint64(c.out, n)
	}
	rest := m.Data
	if len(rest) <= keptRoom { // in one write
		c.out, rest = append(c.out, rest...), nil
	}
	_, err := c.Below.Write(c.out)
	if err == nil && len(rest) > 0 {
		_, err = c.Below.Write(rest)
	}
	return err
}

// Unwrap implements sdk.Unwrapper: the message that has only begun, and what is after it.
func (c *conn) Unwrap(context.Context) ([]byte, error) {
	var unread []byte
	if !c.taken {
		unread = append(append(unread, c.head[:c.n]...), c.data...)
	}
	return append(unread, c.ahead...), nil
}

var (
	_ sdk.MessageConn = (*conn)(nil)
	_ sdk.Unwrapper   = (*conn)(nil)
)
