package capture

import (
	"encoding/binary"
	"net/netip"
)

// piece is what a packet carries for one stream.
type piece struct {
	proto    byte
	from, to netip.AddrPort
	seq      uint32 // of TCP
	flags    byte
	payload  []byte
	missing  int  // bytes of the payload that were not captured
	fragment bool // the payload goes on in other packets
}

// The numbers of link layers, LINKTYPE_ of pcap-linktype(7).
const (
	linkNull     = 0
	linkEthernet = 1
	linkRawBSD   = 12
	linkRawOpen  = 14
	linkLoop     = 108
	linkCooked   = 113
	linkIP4      = 228
	linkIP6      = 229
	linkCooked2  = 276
)

// known reports whether packets of a link layer can be taken apart.
func known(link uint32) bool {
	switch link {
	case linkNull, linkEthernet, linkRawBSD, linkRawOpen, linkRaw, linkLoop, linkCooked, linkCooked2, linkIP4, linkIP6:
		return true
	}
	return false
}

// decode takes a packet apart; ok is false for one that carries nothing for a stream,
// or is broken.
func decode(link uint32, b []byte) (p piece, ok bool) {
	b, ok = beneath(link, b)
	if !ok || len(b) < 1 {
		return p, false
	}
	switch b[0] >> 4 {
	case 4:
		b, ok = p.ip4(b)
	case 6:
		b, ok = p.ip6(b)
	default:
		return p, false
	}
	if !ok {
		return p, false
	}
	return p, p.transport(b)
}

// beneath takes the link layer's header off.
func beneath(link uint32, b []byte) ([]byte, bool) {
	skip, kind := 0, -1 // where an EtherType stands
	switch link {
	case linkNull, linkLoop:
		skip = 4
	case linkEthernet:
		skip, kind = 14, 12
	case linkCooked:
		skip, kind = 16, 14
	case linkCooked2:
		skip, kind = 20, 0
	}
	if len(b) < skip {
		return nil, false
	}
	if kind < 0 {
		return b[skip:], known(link)
	}
	ether := binary.BigEndian.Uint16(b[kind:])
	b = b[skip:]
	for range 2 { // of VLANs, IEEE 802.1Q and 802.1ad
		if ether != 0x8100 && ether != 0x88a8 || len(b) < 4 {
			break
		}
		ether, b = binary.BigEndian.Uint16(b[2:]), b[4:]
	}
	return b, ether == 0x0800 || ether == 0x86dd
}

// ip4 takes the header off (RFC 791) and cuts off what a link has padded.
func (p *piece) ip4(b []byte) ([]byte, bool) {
	if len(b) < 20 {
		return nil, false
	}
	head, total := int(b[0]&15)*4, int(binary.BigEndian.Uint16(b[2:]))
	if total == 0 { // the card was to fill it in
		total = len(b)
	}
	if head < 20 || len(b) < head || total < head {
		return nil, false
	}
	place := binary.BigEndian.Uint16(b[6:])
	if place&0x1fff != 0 { // not the first fragment
		return nil, false
	}
	p.fragment = place&0x2000 != 0
	p.proto = b[9]
	p.from = netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[12:16])), 0)
	p.to = netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[16:20])), 0)
	p.missing = max(total-len(b), 0)
	return b[head:min(total, len(b))], true
}

// ip6 takes the headers off (RFC 8200).
func (p *piece) ip6(b []byte) ([]byte, bool) {
	if len(b) < 40 {
		return nil, false
	}
	size, next := int(binary.BigEndian.Uint16(b[4:])), b[6]
	p.from = netip.AddrPortFrom(netip.AddrFrom16([16]byte(b[8:24])), 0)
	p.to = netip.AddrPortFrom(netip.AddrFrom16([16]byte(b[24:40])), 0)
	b = b[40:]
	if size == 0 {
		size = len(b)
	}
	p.missing = max(size-len(b), 0)
	b = b[:min(size, len(b))]
	const hops, routing, fragment, destination = 0, 43, 44, 60
	for range 8 {
		switch next {
		case hops, routing, destination, fragment:
		default:
			p.proto = next
			return b, true
		}
		if len(b) < 8 {
			return nil, false
		}
		n := (int(b[1]) + 1) * 8
		if next == fragment {
			n = 8
			place := binary.BigEndian.Uint16(b[2:])
			if place>>3 != 0 {
				return nil, false
			}
			p.fragment = p.fragment || place&1 != 0
		}
		if len(b) < n {
			return nil, false
		}
		next, b = b[0], b[n:]
	}
	return nil, false
}

// transport takes the last header off.
func (p *piece) transport(b []byte) bool {
	ports := func() {
		p.from = netip.AddrPortFrom(p.from.Addr(), binary.BigEndian.Uint16(b))
		p.to = netip.AddrPortFrom(p.to.Addr(), binary.BigEndian.Uint16(b[2:]))
	}
	switch p.proto {
	case protoTCP:
		if len(b) < 20 {
			return false
		}
		ports()
		head := int(b[12]>>4) * 4
		if head < 20 || len(b) < head {
			return false
		}
		p.seq, p.flags, p.payload = binary.BigEndian.Uint32(b[4:]), b[13], b[head:]
	case protoUDP:
		if len(b) < 8 {
			return false
		}
		ports()
		if n := int(binary.BigEndian.Uint16(b[4:])); n >= 8 && n < len(b) {
			b = b[:n]
		}
		p.payload = b[8:]
	default:
		p.payload = b
	}
	return true
}
