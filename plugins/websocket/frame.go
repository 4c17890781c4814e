package websocket

import (
	"encoding/binary"
	"fmt"
	"io"
)

// The opcodes of RFC 6455, section 5.2.
const (
	opContinuation = 0
	opText         = typeText
	opBinary       = typeBinary
	opClose        = 8
	opPing         = 9
	opPong         = 10
)

// The status codes of RFC 6455, section 7.4.1, that are sent or told here.
const (
	codeNormal   = 1000
	codeProtocol = 1002
	codeNone     = 1005 // never on the wire
	codeData     = 1007
	codeTooBig   = 1009
)

// longestControl is the greatest length of a control frame's payload in bytes.
const longestControl = 125

// header is a frame's head.
type header struct {
	fin    bool
	opcode byte
	masked bool
	mask   [4]byte
	length uint64 // of the payload in bytes
}

// violation is something that the peer may not do, with the code that tells it so.
type violation struct {
	code uint16
	text string
}

func (v *violation) Error() string { return v.text }

func breaks(code uint16, format string, args ...any) error {
	return &violation{code, fmt.Sprintf(format, args...)}
}

// readHeader reads a frame's head and refuses one that section 5 does not allow.
// fromClient says who sent it: a client must mask, a server must not.
func readHeader(r io.Reader, fromClient bool) (header, error) {
	var b [14]byte
	if _, err := io.ReadFull(r, b[:2]); err != nil {
		return header{}, err
	}
	h := header{fin: b[0]&0x80 != 0, opcode: b[0] & 0xf, masked: b[1]&0x80 != 0}
	short := b[1] & 0x7f
	rest := b[2:2]
	switch short {
	case 126:
		rest = b[2:4]
	case 127:
		rest = b[2:10]
	}
	lengthSize := len(rest)
	if h.masked {
		rest = b[2 : 2+lengthSize+4]
	}
	switch {
	case b[0]&0x70 != 0:
		return h, breaks(codeProtocol, "a frame has reserved bits set, and no extension was agreed on")
	case h.opcode > opPong || h.opcode > opBinary && h.opcode < opClose:
		return h, breaks(codeProtocol, "a frame has the unknown opcode %d", h.opcode)
	case h.control() && (!h.fin || short > longestControl):
		return h, breaks(codeProtocol, "a control frame is in fragments, or longer than 125 bytes")
	case h.masked != fromClient:
		return h, breaks(codeProtocol, "a frame of the client must be masked, one of the server must not be")
	}
	if _, err := io.ReadFull(r, rest); err != nil {
		return h, err
	}
	h.length = uint64(short)
	least := uint64(0)
	switch lengthSize {
	case 2:
		h.length, least = uint64(binary.BigEndian.Uint16(rest)), 126
	case 8:
		h.length, least = binary.BigEndian.Uint64(rest), 1<<16
	}
	if h.length < least || h.length>>63 != 0 {
		return h, breaks(codeProtocol, "a frame's length is not written in the shortest form")
	}
	copy(h.mask[:], rest[lengthSize:])
	return h, nil
}

func (h header) control() bool { return h.opcode >= opClose }

// appendHeader writes a frame's head.
func appendHeader(b []byte, h header) []byte {
	first, second := h.opcode, byte(0)
	if h.fin {
		first |= 0x80
	}
	if h.masked {
		second = 0x80
	}
	switch {
	case h.length <= 125:
		b = append(b, first, second|byte(h.length))
	case h.length < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, first, second|126), uint16(h.length))
	default:
		b = binary.BigEndian.AppendUint64(append(b, first, second|127), h.length)
	}
	if h.masked {
		b = append(b, h.mask[:]...)
	}
	return b
}

// apply masks or unmasks b, which stands at offset at of the payload (section 5.3).
func apply(mask [4]byte, at int, b []byte) {
	for len(b) > 0 && at&3 != 0 {
		b[0] ^= mask[at&3]
		b, at = b[1:], at+1
	}
	four := binary.LittleEndian.Uint32(mask[:])
	eight := uint64(four)<<32 | uint64(four)
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^eight)
		b = b[8:]
	}
	for i := range b {
		b[i] ^= mask[i&3]
	}
}
