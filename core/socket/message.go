package socket

import (
	"encoding/binary"
	"net/netip"
	"slices"
)

// Message is one message of a socket that keeps their bounds: a datagram, a
// packet, a frame. An empty message is a message.
type Message struct {
	Data []byte
	// Type is a layer's own sort of message (text or binary of a WebSocket); 0
	// where there is one sort.
	Type uint8
	// Peer is who sent it, or whom it goes to; zero where the socket has one peer.
	Peer Address
}

// MaxMessage is the greatest length of a message in bytes.
const MaxMessage = 64 << 20

// FrameHeader is the length of a frame's fixed part in bytes.
const FrameHeader = 8

// A frame carries a message over a stream socketpair, between the core and a layer
// that gives messages, or who holds a socket that does: SEQPACKET is too small for
// them and cannot carry an empty one. Its layout:
//
//	0     the message's type
//	1     length of the peer's address in bytes, 0 for none
//	2     1 for a [Return] instead of a message, else 0
//	3     zero
//	4..7  length of the data in bytes, big-endian
//	8..   the address, then the data
//
// An address is the family (4, 6, 1 for unix, or 2 for text); for an IP address then
// the port, big-endian, the IP's bytes and its zone; for the others the path. One
// that is longer than [MaxFrameText] is left out.

// AppendFrame appends m's frame to dst.
func AppendFrame(dst []byte, m Message) []byte {
	return append(AppendFrameHeader(dst, m), m.Data...)
}

// AppendFrameHeader appends all of m's frame but the data.
func AppendFrameHeader(dst []byte, m Message) []byte {
	at := len(dst)
	dst = append(dst, m.Type, 0, 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(m.Data)))
	dst = appendAddress(dst, m.Peer)
	dst[at+1] = byte(len(dst) - at - FrameHeader)
	return dst
}

const (
	frameIP4  = 4
	frameIP6  = 6
	frameUnix = 1
	frameText = 2
)

// MaxFrameText bounds the text of an address in a frame in bytes.
const MaxFrameText = 250

func appendAddress(dst []byte, a Address) []byte {
	switch a.Family {
	case FamilyIP4:
		dst = binary.BigEndian.AppendUint16(append(dst, frameIP4), a.Port)
		return append(dst, a.IP.AsSlice()...)
	case FamilyIP6:
		dst = binary.BigEndian.AppendUint16(append(dst, frameIP6), a.Port)
		dst = append(dst, a.IP.AsSlice()...)
		return append(dst, a.IP.Zone()...)
	case FamilyUnix, FamilyText:
		if len(a.Path) > MaxFrameText {
			return dst
		}
		sort := byte(frameUnix)
		if a.Family == FamilyText {
			sort = frameText
		}
		return append(append(dst, sort), a.Path...)
	}
	return dst
}

// Frame is the fixed part of a frame.
type Frame struct {
	Type    uint8
	Return  bool // it carries a [Return] and no message
	Address int  // length in bytes of what follows before the data
	Data    int  // length of the data in bytes
}

// ParseFrame reads the fixed part, of which b must have [FrameHeader] bytes. A
// length beyond [MaxMessage] and set reserved bytes are an error that is [Failed].
func ParseFrame(b []byte) (Frame, error) {
	f := Frame{Type: b[0], Address: int(b[1]), Return: b[2] == 1}
	n := binary.BigEndian.Uint32(b[4:])
	if b[2] > 1 || b[3] != 0 || n > MaxMessage {
		return Frame{}, Faultf(Failed, "malformed frame")
	}
	f.Data = int(n)
	return f, nil
}

// ParseFrameAddress reads a frame's address; none is the zero Address.
func ParseFrameAddress(b []byte) (Address, error) {
	if len(b) == 0 {
		return Address{}, nil
	}
	switch b[0] {
	case frameUnix:
		return Address{Family: FamilyUnix, Path: string(b[1:])}, nil
	case frameText:
		return Address{Family: FamilyText, Path: string(b[1:])}, nil
	}
	size := map[byte]int{frameIP4: 4, frameIP6: 16}[b[0]]
	if size == 0 || len(b) < 3+size || size == 4 && len(b) > 7 {
		return Address{}, Faultf(Failed, "malformed address in a frame")
	}
	ip, _ := netip.AddrFromSlice(b[3 : 3+size])
	a := Address{Family: FamilyIP4, IP: ip, Port: binary.BigEndian.Uint16(b[1:])}
	if size == 16 {
		a.Family, a.IP = FamilyIP6, ip.WithZone(string(b[3+size:]))
	}
	return a, nil
}

// Field declares one field of a protocol's messages. The shell completes, checks
// and prints it without knowing the protocol.
type Field struct {
	// Name is what stands before the = sign. One that ends in ".*" stands for all
	// names that begin so: "header.*".
	Name string
	Type FieldType
	// Names are words for numbers, of an [IntField]: either may be written.
	Names   []FieldName
	Default string // what a message gets without it; empty where that varies
	Help    string // one line
	// Decoded says that the field is only read, never written.
	Decoded bool
}

// FieldName is a word for a number: echo-reply for 0.
type FieldName struct {
	Name  string
	Value int64
}

// FieldType says what values a field takes, and how JSON writes them.
type FieldType string

// The types.
const (
	IntField   FieldType = "int"   // decimal, or 0x... when written; a word of Names
	FloatField FieldType = "float" // decimal
	BoolField  FieldType = "bool"  // on or off
	TextField  FieldType = "text"
	BytesField FieldType = "bytes" // anything
)

// FieldNamed returns the declaration of a field by its name.
func FieldNamed(fields []Field, name string) (Field, bool) {
	i := slices.IndexFunc(fields, func(f Field) bool {
		n := len(f.Name)
		if n > 2 && f.Name[n-2:] == ".*" {
			return len(name) > n-1 && name[:n-1] == f.Name[:n-1]
		}
		return f.Name == name
	})
	if i < 0 {
		return Field{}, false
	}
	return fields[i], true
}
