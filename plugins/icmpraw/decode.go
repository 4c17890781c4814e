package icmpraw

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// Decode implements sdk.Decoder.
func (protocol) Decode(_ context.Context, mark sdk.Mark, messages []sdk.Message) ([][]sdk.Setting, error) {
	f, _, err := readMark(mark)
	if err != nil {
		return nil, err
	}
	out := make([][]sdk.Setting, len(messages))
	for i, m := range messages {
		out[i] = decodeMessage(f, m)
	}
	return out, nil
}

// record is a message's fields as they are found.
type record []sdk.Setting

func (r *record) add(name, value string) {
	*r = append(*r, sdk.Setting{Name: name, Value: value})
}

func (r *record) num(name string, n int) { r.add(name, strconv.Itoa(n)) }

func (r *record) flag(name string, on bool) {
	r.add(name, map[bool]string{false: "off", true: "on"}[on])
}

// decodeMessage never fails: what is wrong is told by the field "error".
func decodeMessage(f form, m sdk.Message) []sdk.Setting {
	var r, ip record
	data, problem := m.Data, ""
	if f == raw4 {
		data, problem = decodeIP4(&ip, data)
	} else if m.Peer.IP.IsValid() {
		ip.add("src", m.Peer.IP.String())
	}
	if problem == "" || len(data) > 0 {
		if p := decodeICMP(&r, f, data); problem == "" {
			problem = p
		}
	}
	r = append(r, ip...)
	if problem != "" {
		r.add("error", problem)
	}
	return r
}

// decodeIP4 reads an IPv4 header and returns what it carries, and what is wrong.
func decodeIP4(r *record, b []byte) (payload []byte, problem string) {
	h, problem := parseIP4(b)
	if h.size == 0 {
		return nil, problem
	}
	r.add("src", h.src.String())
	r.add("dst", h.dst.String())
	r.num("ttl", h.ttl)
	r.num("tos", h.tos)
	r.num("ip.id", h.id)
	r.num("length", h.length)
	return b[h.size:min(max(h.length, h.size), len(b))], problem
}

// ipHeader is what we want of an IP header, of either version.
type ipHeader struct {
	size         int // bytes before the payload; 0 when there is no header
	length       int // bytes of the packet, as it says itself
	src, dst     netip.Addr
	ttl, tos, id int
	proto        uint8
	fragment     bool // not a packet's beginning
}

func parseIP4(b []byte) (h ipHeader, problem string) {
	switch {
	case len(b) < 20:
		return h, fmt.Sprintf("an IPv4 header has 20 bytes, and there are %d", len(b))
	case b[0]>>4 != 4:
		return h, fmt.Sprintf("not IPv4: the version is %d", b[0]>>4)
	case b[0]&15 < 5 || int(b[0]&15)*4 > len(b):
		return h, fmt.Sprintf("the IPv4 header says that it has %d bytes, and there are %d", int(b[0]&15)*4, len(b))
	}
	h = ipHeader{size: int(b[0]&15) * 4, tos: int(b[1]), length: int(binary.BigEndian.Uint16(b[2:])),
		id: int(binary.BigEndian.Uint16(b[4:])), fragment: binary.BigEndian.Uint16(b[6:])&0x1fff != 0,
		ttl: int(b[8]), proto: b[9], src: netip.AddrFrom4([4]byte(b[12:])), dst: netip.AddrFrom4([4]byte(b[16:]))}
	if h.length < h.size || h.length > len(b) {
		problem = fmt.Sprintf("the IPv4 header says that the packet has %d bytes, and there are %d", h.length, len(b))
	}
	return h, problem
}

// decodeICMP reads a message and says what is wrong with it.
func decodeICMP(r *record, f form, b []byte) (problem string) {
	if len(b) == 0 {
		return "the message is empty"
	}
	t := f.types()
	l := t.of(b[0])
	r.add("type", t.typeWord(b[0]))
	if len(b) < 4 {
		return fmt.Sprintf("the message has %d bytes; every one has at least 8", len(b))
	}
	r.add("code", l.codeWord(b[1]))
	r.num("type.number", int(b[0]))
	r.num("code.number", int(b[1]))
	for _, p := range l.parts {
		if p.at+p.size <= len(b) {
			r.part(p, b)
		}
	}
	if len(b) < l.header {
		problem = fmt.Sprintf("the message has %d bytes; %s has at least %d", len(b), l.name(), l.header)
	} else {
		r.add("data", string(b[l.header:]))
		if l.quotes {
			problem = decodeQuote(r, f, l, b)
		}
	}
	r.num("checksum", int(binary.BigEndian.Uint16(b[2:])))
	if !f.ip6() { // its checksum covers the addresses; the kernel has verified it
		ok := checksum(b) == 0
		r.flag("checksum.ok", ok)
		if !ok && problem == "" {
			problem = "the checksum is wrong"
		}
	}
	return problem
}

func (r *record) part(p part, b []byte) {
	b = b[p.at : p.at+p.size]
	if p.address {
		ip, _ := netip.AddrFromSlice(b)
		r.add(p.name, ip.String())
		return
	}
	n := 0
	for _, c := range b {
		n = n<<8 | int(c)
	}
	r.num(p.name, n)
}
