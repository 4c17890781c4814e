package icmpraw

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// maxQuoteHeaders bounds the extension headers of IPv6 that are walked through.
const maxQuoteHeaders = 8

// decodeQuote reads the packet that an error message b quotes, and the extensions
// behind it (RFC 4884).
func decodeQuote(r *record, f form, l *layout, b []byte) (problem string) {
	quote := b[l.header:]
	if l.lengthAt > 0 && b[l.lengthAt] > 0 {
		n := int(b[l.lengthAt]) * l.unit
		if n > len(quote) {
			problem = fmt.Sprintf("the message says that it quotes %d bytes, and there are %d", n, len(quote))
		} else {
			problem = decodeExtensions(r, quote[n:])
			quote = quote[:n]
		}
	}
	if p := quoted(r, f, quote); problem == "" {
		problem = p
	}
	return problem
}

// quoted reads the packet. A quote ends where its sender cut it, so a packet that is
// shorter than it says is none of our problems.
func quoted(r *record, f form, b []byte) (problem string) {
	h, problem := parseIP4(b)
	if f.ip6() {
		h, problem = parseIP6(b)
	}
	if h.size == 0 {
		return "the quoted packet: " + problem
	}
	r.add("quoted.src", h.src.String())
	r.add("quoted.dst", h.dst.String())
	r.add("quoted.proto", protoWord(h.proto))
	r.num("quoted.ttl", h.ttl)
	r.num("quoted.length", h.length)
	r.num("quoted.tos", h.tos)
	if !f.ip6() {
		r.num("quoted.ip.id", h.id)
	}
	if !h.fragment {
		quotedPayload(r, f, h.proto, b[h.size:])
	}
	return ""
}

func quotedPayload(r *record, f form, proto uint8, b []byte) {
	switch {
	case (proto == protoICMP || proto == protoICMP6) && len(b) >= 2:
		t := f.types()
		r.add("quoted.type", t.typeWord(b[0]))
		r.add("quoted.code", t.of(b[0]).codeWord(b[1]))
		for _, p := range t.of(b[0]).parts {
			if (p.name == "id" || p.name == "seq") && len(b) >= p.at+p.size {
				p.name = "quoted." + p.name
				r.part(p, b)
			}
		}
	case (proto == protoTCP || proto == protoUDP) && len(b) >= 4:
		r.num("quoted.sport", int(binary.BigEndian.Uint16(b)))
		r.num("quoted.dport", int(binary.BigEndian.Uint16(b[2:])))
	}
}

// Protocol numbers (IANA, "Assigned Internet Protocol Numbers").
const (
	protoICMP  = 1
	protoTCP   = 6
	protoUDP   = 17
	protoICMP6 = 58
)

func protoWord(n uint8) string {
	if w, ok := map[uint8]string{protoICMP: "icmp", 2: "igmp", 4: "ipip", protoTCP: "tcp", protoUDP: "udp", 41: "ipv6",
		47: "gre", 50: "esp", 51: "ah", protoICMP6: "icmpv6", 89: "ospf", 132: "sctp", 136: "udplite"}[n]; ok {
		return w
	}
	return strconv.Itoa(int(n))
}

// parseIP6 reads an IPv6 header and walks over its extension headers (RFC 8200).
func parseIP6(b []byte) (h ipHeader, problem string) {
	switch {
	case len(b) < 40:
		return h, fmt.Sprintf("an IPv6 header has 40 bytes, and there are %d", len(b))
	case b[0]>>4 != 6:
		return h, fmt.Sprintf("not IPv6: the version is %d", b[0]>>4)
	}
	h = ipHeader{size: 40, length: 40 + int(binary.BigEndian.Uint16(b[4:])), tos: int(b[0]&15)<<4 | int(b[1]>>4),
		proto: b[6], ttl: int(b[7]), src: netip.AddrFrom16([16]byte(b[8:])), dst: netip.AddrFrom16([16]byte(b[24:]))}
	for range maxQuoteHeaders {
		rest := b[h.size:]
		if len(rest) < 8 {
			break
		}
		n := 0
		switch h.proto {
		case 0, 43, 60: // hop-by-hop options, routing, destination options
			n = 8 + 8*int(rest[1])
		case 44: // fragment
			n = 8
			h.fragment = h.fragment || binary.BigEndian.Uint16(rest[2:])&0xfff8 != 0
		case 51: // authentication
			n = 8 + 4*int(rest[1])
		}
		if n == 0 || n > len(rest) {
			break
		}
		h.proto, h.size = rest[0], h.size+n
	}
	return h, ""
}

// maxObjects bounds the extension objects that are told.
const maxObjects = 32

// decodeExtensions reads an extension structure: MPLS labels in words (RFC 4950),
// other objects by their class, type and length.
func decodeExtensions(r *record, b []byte) (problem string) {
	if len(b) == 0 {
		return ""
	}
	if len(b) < 4 || b[0]>>4 != 2 {
		return "the extensions are of another version than 2"
	}
	if sum := binary.BigEndian.Uint16(b[2:]); sum != 0 && checksum(b) != 0 {
		problem = "the checksum of the extensions is wrong"
	}
	var labels, others []string
	for b = b[4:]; len(b) >= 4 && len(labels)+len(others) < maxObjects; {
		n := int(binary.BigEndian.Uint16(b))
		if n < 4 || n > len(b) {
			return fmt.Sprintf("an extension says that it has %d bytes, and there are %d", n, len(b))
		}
		if b[2] == 1 && b[3] == 1 {
			for at := 4; at+4 <= n && len(labels) < maxObjects; at += 4 {
				v := binary.BigEndian.Uint32(b[at:])
				labels = append(labels, fmt.Sprintf("label=%d exp=%d bottom=%d ttl=%d", v>>12, v>>9&7, v>>8&1, v&255))
			}
		} else {
			others = append(others, fmt.Sprintf("class=%d type=%d length=%d", b[2], b[3], n))
		}
		b = b[n:]
	}
	if len(labels) > 0 {
		r.add("ext.mpls", strings.Join(labels, ", "))
	}
	if len(others) > 0 {
		r.add("ext.objects", strings.Join(others, ", "))
	}
	return problem
}
