package capture

import (
	"encoding/binary"
	"net/netip"
)

// The numbers of protocols in IP.
const (
	protoTCP = 6
	protoUDP = 17
)

// The flags of a TCP header (RFC 9293 section 3.1).
const (
	tcpFIN = 1 << iota
	tcpSYN
	tcpRST
	tcpPSH
	tcpACK
)

const (
	// maxPacket is the longest packet of IPv4 in bytes; one of IPv6 may have its
	// header in addition, but is kept to the same.
	maxPacket = 65535
	// segment is the most payload of one synthetic TCP segment in bytes. Kernels
	// hand captures segments of this size as well, before the card cuts them.
	segment = 32 << 10
	ttl     = 64
)

// tcpHeader is what differs between segments.
type tcpHeader struct {
	seq, ack uint32
	flags    byte
}

// appendTCP appends an IP packet with a segment.
func appendTCP(dst []byte, from, to netip.AddrPort, id uint16, h tcpHeader, payload []byte) []byte {
	const base = 20
	// A window scale of 14 (RFC 7323 section 2), so that no window looks full.
	options := []byte(nil)
	if h.flags&tcpSYN != 0 {
		options = []byte{3, 3, 14, 1}
	}
	size := base + len(options) + len(payload)
	dst = appendIP(dst, from.Addr(), to.Addr(), id, protoTCP, size)
	at := len(dst)
	dst = binary.BigEndian.AppendUint16(dst, from.Port())
	dst = binary.BigEndian.AppendUint16(dst, to.Port())
	dst = binary.BigEndian.AppendUint32(dst, h.seq)
	dst = binary.BigEndian.AppendUint32(dst, h.ack)
	dst = append(dst, byte((base+len(options))/4<<4), h.flags, 0xff, 0xff, 0, 0, 0, 0)
	dst = append(append(dst, options...), payload...)
	sum := checksum(dst[at:], pseudo(from.Addr(), to.Addr(), protoTCP, size))
	binary.BigEndian.PutUint16(dst[at+16:], sum)
	return dst
}

// appendUDP appends an IP packet with a datagram.
func appendUDP(dst []byte, from, to netip.AddrPort, id uint16, payload []byte) []byte {
	size := 8 + len(payload)
	dst = appendIP(dst, from.Addr(), to.Addr(), id, protoUDP, size)
	at := len(dst)
	dst = binary.BigEndian.AppendUint16(dst, from.Port())
	dst = binary.BigEndian.AppendUint16(dst, to.Port())
	dst = binary.BigEndian.AppendUint16(dst, uint16(size))
	dst = append(append(dst, 0, 0), payload...)
	sum := checksum(dst[at:], pseudo(from.Addr(), to.Addr(), protoUDP, size))
	if sum == 0 { // which would mean that there is none: RFC 768
		sum = 0xffff
	}
	binary.BigEndian.PutUint16(dst[at+6:], sum)
	return dst
}

// appendIP appends the header of a packet with size bytes after it.
func appendIP(dst []byte, from, to netip.Addr, id uint16, proto byte, size int) []byte {
	if from.Is4() {
		at := len(dst)
		dst = append(dst, 0x45, 0)
		dst = binary.BigEndian.AppendUint16(dst, uint16(20+size))
		dst = binary.BigEndian.AppendUint16(dst, id)
		dst = append(dst, 0x40, 0, ttl, proto, 0, 0) // do not fragment
		dst = append(append(dst, from.AsSlice()...), to.AsSlice()...)
		binary.BigEndian.PutUint16(dst[at+10:], checksum(dst[at:], 0))
		return dst
	}
	dst = append(dst, 0x60, 0, 0, 0)
	dst = binary.BigEndian.AppendUint16(dst, uint16(size))
	dst = append(dst, proto, ttl)
	return append(append(dst, from.AsSlice()...), to.AsSlice()...)
}

// pseudo is the sum of the pseudo header (RFC 9293 section 3.1, RFC 8200 section 8.1).
func pseudo(from, to netip.Addr, proto byte, size int) uint64 {
	return add(to.AsSlice(), add(from.AsSlice(), uint64(proto)+uint64(size)))
}

// checksum is the Internet checksum (RFC 1071), begun with sum.
func checksum(p []byte, sum uint64) uint16 {
	sum = add(p, sum)
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}

// add adds p in words; 32 bits at a time come to the same (RFC 1071 section 2).
func add(p []byte, sum uint64) uint64 {
	for len(p) >= 4 {
		sum += uint64(binary.BigEndian.Uint32(p))
		p = p[4:]
	}
	if len(p) >= 2 {
		sum += uint64(binary.BigEndian.Uint16(p))
		p = p[2:]
	}
	if len(p) == 1 {
		sum += uint64(p[0]) << 8
	}
	return sum
}
