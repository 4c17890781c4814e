package icmpraw

import (
	"encoding/binary"
	"net/netip"
)

// An answer is a packet that came back: a reply, or an error that quotes a request.
type answer struct {
	form      form
	reply     bool
	typ, code uint8
	from      netip.Addr
	dst       netip.Addr // of an error: whom the request went to
	id, seq   uint16
	ttl       int   // hops left; -1 where it is not known
	at        int64 // when it arrived, in nanoseconds since 1970
	length    int   // bytes of the ICMP message
	data      []byte
	info      uint32 // of an error: the header's second four bytes (mtu, gateway, pointer)
	badSum    bool
}

// parseAnswer reads a received packet into a, which has its form. It is false for
// what is neither a reply nor an error about an echo. data is valid as long as b.
func parseAnswer(a *answer, b []byte) bool {
	a.ttl, a.data, a.badSum = -1, nil, false
	if a.form == raw4 {
		if len(b) < 20 || b[0]>>4 != 4 {
			return false
		}
		n := int(b[0]&15) * 4
		if n < 20 || n > len(b) {
			return false
		}
		a.ttl = int(b[8])
		a.from = netip.AddrFrom4([4]byte(b[12:]))
		b = b[n:]
	}
	if len(b) < 8 {
		return false
	}
	a.typ, a.code, a.length = b[0], b[1], len(b)
	if !a.form.ip6() {
		a.badSum = checksum(b) != 0
	}
	reply := uint8(0)
	if a.form.ip6() {
		reply = 129
	}
	if a.reply = a.typ == reply; a.reply {
		a.id, a.seq, a.data = binary.BigEndian.Uint16(b[4:]), binary.BigEndian.Uint16(b[6:]), b[8:]
		return true
	}
	if !a.form.types().of(a.typ).quotes {
		return false
	}
	a.info = binary.BigEndian.Uint32(b[4:])
	return parseQuotedEcho(a, b[8:])
}

// parseQuotedEcho reads the packet that an error quotes.
func parseQuotedEcho(a *answer, b []byte) bool {
	var h ipHeader
	proto, echo := uint8(protoICMP), uint8(8)
	if a.form.ip6() {
		h, _ = parseIP6(b)
		proto, echo = protoICMP6, 128
	} else {
		h, _ = parseIP4(b)
	}
	if h.size == 0 || h.proto != proto || h.fragment || len(b) < h.size+8 || b[h.size] != echo {
		return false
	}
	a.dst = h.dst
	b = b[h.size:]
	a.id, a.seq, a.data = binary.BigEndian.Uint16(b[4:]), binary.BigEndian.Uint16(b[6:]), b[8:]
	return true
}
