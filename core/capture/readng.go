package capture

import (
	"encoding/binary"
	"io"
	"math/bits"
	"time"
)

// nextBlock reads on to the next block with a packet.
func (k *Reader) nextBlock() (Packet, error) {
	for {
		kind, body, err := k.block()
		if err != nil {
			return Packet{}, err
		}
		switch kind {
		case blockInterface:
			if err := k.addInterface(body); err != nil {
				return Packet{}, err
			}
		case blockPacket, blockPacketOld:
			return k.enhanced(kind, body)
		case blockSimple:
			return k.simple(body)
		}
	}
}

// block reads one block; of kinds that are not needed the body is nil.
func (k *Reader) block() (kind uint32, body []byte, err error) {
	var h [12]byte
	switch _, err := io.ReadFull(k.r, h[:8]); {
	case err == io.EOF:
		return 0, nil, io.EOF
	case err != nil:
		return 0, nil, k.short(err)
	}
	section := binary.LittleEndian.Uint32(h[:]) == blockSection
	skip := 8
	if section {
		if _, err := io.ReadFull(k.r, h[8:]); err != nil {
			return 0, nil, k.short(err)
		}
		switch skip = 12; uint32(byteOrderMagic) {
		case binary.LittleEndian.Uint32(h[8:]):
			k.order = binary.LittleEndian
		case binary.BigEndian.Uint32(h[8:]):
			k.order = binary.BigEndian
		default:
			return 0, nil, malformed("pcapng: a section without its byte order")
		}
		k.faces = nil
	}
	kind = k.order.Uint32(h[:])
	length := k.order.Uint32(h[4:])
	if length < uint32(skip)+4 || length%4 != 0 {
		return 0, nil, malformed("pcapng: a block of %d bytes after packet %d", length, k.number)
	}
	rest := int64(length) - int64(skip)
	switch kind {
	case blockInterface, blockPacket, blockPacketOld, blockSimple:
	default:
		_, err := io.CopyN(io.Discard, k.r, rest)
		return kind, nil, k.short(err)
	}
	if rest > maxCaptured+64<<10 {
		return 0, nil, malformed("pcapng: a block of %d bytes after packet %d", length, k.number)
	}
	b, err := k.read(int(rest))
	if err != nil {
		return 0, nil, err
	}
	if k.order.Uint32(b[rest-4:]) != length {
		return 0, nil, malformed("pcapng: a block after packet %d has two lengths", k.number)
	}
	return kind, b[:rest-4], nil
}

// options calls f for each option of a list until it ends.
func (k *Reader) options(b []byte, f func(code uint16, value []byte)) {
	for len(b) >= 4 {
		code, n := k.order.Uint16(b), int(k.order.Uint16(b[2:]))
		if code == optEnd || len(b) < 4+n {
			return
		}
		f(code, b[4:4+n])
		b = b[min(4+(n+3)/4*4, len(b)):]
	}
}

func (k *Reader) addInterface(b []byte) error {
	if len(b) < 8 || len(k.faces) == maxInterfaces {
		return malformed("pcapng: an interface that is cut short, or more than %d", maxInterfaces)
	}
	f := face{link: uint32(k.order.Uint16(b)), ticks: 1e6}
	var bad bool
	k.options(b[8:], func(code uint16, v []byte) {
		const shiftOption = 14
		switch {
		case code == optResolution && len(v) == 1:
			f.ticks, bad = resolution(v[0])
		case code == shiftOption && len(v) == 8:
			f.shift = int64(k.order.Uint64(v))
		}
	})
	if bad {
		return malformed("pcapng: times that are finer than 64 bits can count")
	}
	k.faces = append(k.faces, f)
	return nil
}

// resolution is how many ticks a second has: a power of ten, or with the high bit of two.
func resolution(b byte) (ticks uint64, bad bool) {
	if b&0x80 != 0 {
		return 1 << (b & 0x7f & 63), b&0x7f > 63
	}
	if b > 18 {
		return 1, true
	}
	ticks = 1
	for range b {
		ticks *= 10
	}
	return ticks, false
}

// at is a time of the interface's.
func (f face) at(high, low uint32) time.Time {
	t := uint64(high)<<32 | uint64(low)
	hi, lo := bits.Mul64(t%f.ticks, 1e9)
	ns, _ := bits.Div64(hi, lo, f.ticks) // hi < ticks, as the factor is
	return time.Unix(int64(t/f.ticks)+f.shift, int64(ns))
}

// enhanced reads an enhanced packet block, or the one that it has replaced.
func (k *Reader) enhanced(kind uint32, b []byte) (Packet, error) {
	k.number++
	if len(b) < 20 {
		return Packet{}, malformed("packet %d: its block is cut short", k.number)
	}
	id := k.order.Uint32(b)
	if kind == blockPacketOld {
		id = uint32(k.order.Uint16(b))
	}
	n := k.order.Uint32(b[12:])
	if id >= uint32(len(k.faces)) || int64(n) > int64(len(b)-20) {
		return Packet{}, malformed("packet %d: of no interface, or longer than its block", k.number)
	}
	f := k.faces[id]
	p := Packet{Number: k.number, Link: f.link, Data: b[20 : 20+n], Time: f.at(k.order.Uint32(b[4:]), k.order.Uint32(b[8:]))}
	p.Missing = int64(k.order.Uint32(b[16:])) - int64(n)
	k.options(b[min(20+(int(n)+3)/4*4, len(b)):], func(code uint16, v []byte) {
		if code == optFlags && len(v) == 4 {
			way := k.order.Uint32(v) & 3
			p.In, p.Out = way == flagInbound, way == flagOutbound
		}
	})
	return p, nil
}

// simple reads a simple packet block: of the first interface, without a time.
func (k *Reader) simple(b []byte) (Packet, error) {
	k.number++
	if len(b) < 4 || len(k.faces) == 0 {
		return Packet{}, malformed("packet %d: of no interface, or cut short", k.number)
	}
	n := min(int64(k.order.Uint32(b)), int64(len(b)-4))
	return Packet{Number: k.number, Link: k.faces[0].link, Data: b[4 : 4+n]}, nil
}
