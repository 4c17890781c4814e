package icmpraw

import (
	"context"
	"encoding/binary"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// The most bytes of a message, by the IP header's 16 bits of length: an IPv4 packet
// counts its header of 20 bytes in, an IPv6 packet does not.
const (
	maxMessage4 = 65535 - 20
	maxMessage6 = 65535
)

// Encode implements sdk.Encoder. The checksum is computed, here or by the kernel.
func (protocol) Encode(_ context.Context, mark sdk.Mark, fields []sdk.Setting) (sdk.Message, error) {
	f, id, err := readMark(mark)
	if err != nil {
		return sdk.Message{}, err
	}
	e := encoder{form: f, types: f.types(), given: map[string]string{}}
	for _, s := range fields {
		if _, twice := e.given[s.Name]; twice {
			return sdk.Message{}, sdk.Faultf(sdk.Usage, "%s is given twice", s.Name)
		}
		e.given[s.Name] = s.Value
	}
	data, err := e.message(id)
	return sdk.Message{Data: data}, err
}

// encoder makes one message. Each field that is used is taken out of given.
type encoder struct {
	form  form
	types types
	given map[string]string
	layout
	number uint8 // of the type
}

func (e *encoder) take(name string) (string, bool) {
	v, ok := e.given[name]
	delete(e.given, name)
	return v, ok
}

func (e *encoder) message(id uint16) ([]byte, error) {
	code, err := e.kind()
	if err != nil {
		return nil, err
	}
	limit := maxMessage4
	if e.form.ip6() {
		limit = maxMessage6
	}
	data, _ := e.take("data")
	if len(data) > limit-e.header {
		return nil, sdk.Faultf(sdk.Usage, "data has %d bytes; a packet has room for %d", len(data), limit-e.header)
	}
	b := make([]byte, e.header, e.header+len(data))
	b[0], b[1] = e.number, code
	for _, p := range e.parts {
		if err := e.part(b, p, id); err != nil {
			return nil, err
		}
	}
	b = append(b, data...)
	return b, e.finish(b)
}

// kind takes the type and the code.
func (e *encoder) kind() (code uint8, err error) {
	word, ok := e.take("type")
	if !ok {
		word = "echo"
	}
	if e.number, err = e.types.parseType(word); err != nil {
		return 0, err
	}
	e.layout = *e.types.of(e.number)
	if value, ok := e.take("code"); ok {
		if code, err = e.parseCode(value); err != nil {
			return 0, err
		}
	}
	if e.form.ping() && (e.word != "echo" || code != 0) {
		return 0, sdk.Faultf(sdk.Usage, "the kernel's ping socket sends nothing but type=echo with code=0: other messages need CAP_NET_RAW")
	}
	return code, nil
}

func (e *encoder) part(b []byte, p part, id uint16) error {
	value, ok := e.take(p.name)
	switch {
	case ok && p.name == "id" && e.form.ping():
		return sdk.Faultf(sdk.Usage, "the kernel gives a ping socket its id: leave id out, or open the socket with CAP_NET_RAW")
	case ok && p.address:
		return putAddress(b[p.at:p.at+p.size], p.name, value)
	case ok:
		n, err := strconv.ParseUint(value, 0, 8*p.size)
		if err != nil {
			return sdk.Faultf(sdk.Usage, "%s is a number up to %d, not %q", p.name, uint64(1)<<(8*p.size)-1, value)
		}
		putNumber(b[p.at:p.at+p.size], n)
	case p.name == "id":
		putNumber(b[p.at:p.at+p.size], uint64(id))
	case p.name == "seq":
		putNumber(b[p.at:p.at+p.size], 1)
	case p.name == "originate" && e.word == "timestamp":
		putNumber(b[p.at:p.at+p.size], uint64(midnightMillis(time.Now())))
	}
	return nil
}

// finish puts the checksum in and refuses the fields that are left.
func (e *encoder) finish(b []byte) error {
	value, ok := e.take("checksum")
	if len(e.given) > 0 {
		return e.unwanted(slices.Sorted(maps.Keys(e.given))[0])
	}
	if ok && e.form != raw4 {
		return sdk.Faultf(sdk.Usage, "the kernel computes the checksum on this socket: only a raw IPv4 socket can send a wrong one")
	}
	sum := uint64(checksum(b))
	if ok {
		n, err := strconv.ParseUint(value, 0, 16)
		if err != nil {
			return sdk.Faultf(sdk.Usage, "checksum is a number up to 65535, not %q", value)
		}
		sum = n
	}
	if e.form != raw6 && e.form != ping6 { // there it needs the addresses, and is the kernel's
		putNumber(b[2:4], sum)
	}
	return nil
}

// unwanted refuses a field that the message does not have.
func (e *encoder) unwanted(name string) error {
	switch f, known := fieldNamed(name); {
	case !known:
		return sdk.Faultf(sdk.Usage, "icmp-raw has no field %q", name)
	case f.Decoded:
		return sdk.Faultf(sdk.Usage, "%s is read from received packets and cannot be sent", name)
	}
	return sdk.Faultf(sdk.Usage, "%s has no field %s: it has %s", e.name(), name, e.fieldNames())
}

// fieldNames lists what a message of the type is made of.
func (l *layout) fieldNames() string {
	s := "code, "
	for _, p := range l.parts {
		s += p.name + ", "
	}
	return s + "data, checksum"
}

func putNumber(b []byte, n uint64) {
	switch len(b) {
	case 1:
		b[0] = byte(n)
	case 2:
		binary.BigEndian.PutUint16(b, uint16(n))
	case 4:
		binary.BigEndian.PutUint32(b, uint32(n))
	}
}

func putAddress(b []byte, name, value string) error {
	ip, err := netip.ParseAddr(value)
	if err != nil || ip.BitLen() != 8*len(b) || ip.Zone() != "" {
		return sdk.Faultf(sdk.Usage, "%s is an %s address, not %q", name, map[int]string{4: "IPv4", 16: "IPv6"}[len(b)], value)
	}
	copy(b, ip.AsSlice())
	return nil
}

// midnightMillis is the time as timestamp messages have it: milliseconds since
// midnight UT (RFC 792).
func midnightMillis(t time.Time) uint32 {
	return uint32(t.UnixMilli() % (24 * 60 * 60 * 1000))
}
