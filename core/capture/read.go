package capture

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"time"

	"github.com/sosh-shell/sosh/core/socket"
)

const (
	// maxCaptured bounds one packet, and so what a reader holds, in bytes.
	maxCaptured = 1 << 20
	// maxInterfaces bounds those of a section.
	maxInterfaces = 1024
)

// Packet is one captured packet. Data is valid until the next one is read.
type Packet struct {
	Number int       // the first is 1
	Time   time.Time // zero where the file has none
	Link   uint32    // LINKTYPE_ number
	Data   []byte
	// Missing is how many bytes of it were not captured.
	Missing int64
	// Out and In say which way it went, where the file tells.
	Out, In bool
}

// Reader reads packets of a pcapng or pcap file. One goroutine uses it at a time.
type Reader struct {
	r      *bufio.Reader
	order  binary.ByteOrder
	ng     bool
	nanos  bool // of pcap
	link   uint32
	faces  []face
	number int
	buf    []byte
}

// face is an interface of a section.
type face struct {
	link  uint32
	ticks uint64 // a second has
	shift int64  // seconds to be added
}

func malformed(format string, args ...any) error {
	return socket.Faultf(socket.Malformed, format, args...)
}

// NewReader begins to read. What is neither format is [socket.Malformed].
func NewReader(r io.Reader) (*Reader, error) {
	k := &Reader{r: bufio.NewReaderSize(r, 64<<10)}
	b, err := k.r.Peek(4)
	if err != nil {
		return nil, malformed("neither pcapng nor pcap: it is shorter than four bytes")
	}
	switch binary.LittleEndian.Uint32(b) {
	case blockSection: // reads alike in both orders
		k.ng = true
		return k, nil
	case 0xa1b2c3d4:
		k.order = binary.LittleEndian
	case 0xa1b23c4d:
		k.order, k.nanos = binary.LittleEndian, true
	case 0xd4c3b2a1:
		k.order = binary.BigEndian
	case 0x4d3cb2a1:
		k.order, k.nanos = binary.BigEndian, true
	default:
		return nil, malformed("neither pcapng nor pcap")
	}
	var h [24]byte
	if _, err := io.ReadFull(k.r, h[:]); err != nil {
		return nil, malformed("pcap: the header is cut short")
	}
	k.link = k.order.Uint32(h[20:]) & 0xffff
	return k, nil
}

// Next reads a packet: io.EOF after the last one, [socket.Malformed] when the file
// breaks its format or is cut short.
func (k *Reader) Next() (Packet, error) {
	if k.ng {
		return k.nextBlock()
	}
	var h [16]byte
	switch _, err := io.ReadFull(k.r, h[:]); {
	case err == io.EOF:
		return Packet{}, io.EOF
	case err != nil:
		return Packet{}, k.short(err)
	}
	n := k.order.Uint32(h[8:])
	if n > maxCaptured {
		return Packet{}, malformed("packet %d: %d bytes are too many", k.number+1, n)
	}
	p, err := k.read(int(n))
	if err != nil {
		return Packet{}, err
	}
	sub := int64(k.order.Uint32(h[4:]))
	if !k.nanos {
		sub *= 1000
	}
	k.number++
	return Packet{Number: k.number, Time: time.Unix(int64(k.order.Uint32(h[:])), sub), Link: k.link, Data: p}, nil
}

// read reads n bytes, which are valid until the next call.
func (k *Reader) read(n int) ([]byte, error) {
	if cap(k.buf) < n {
		k.buf = make([]byte, n)
	}
	k.buf = k.buf[:n]
	_, err := io.ReadFull(k.r, k.buf)
	return k.buf, k.short(err)
}

func (k *Reader) short(err error) error {
	if err == nil || !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	return malformed("the file is cut short after packet %d", k.number)
}
