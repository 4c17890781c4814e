package icmpraw

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// settings reads "type=echo id=7".
func settings(text string) []sdk.Setting {
	var out []sdk.Setting
	for _, w := range strings.Fields(text) {
		name, value, _ := strings.Cut(w, "=")
		out = append(out, sdk.Setting{Name: name, Value: value})
	}
	return out
}

func encode(t testing.TB, f form, text string) []byte {
	t.Helper()
	m, err := protocol{}.Encode(context.Background(), newMark(f, 0x1234), settings(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return m.Data
}

func decode(t testing.TB, f form, data []byte) map[string]string {
	t.Helper()
	all, err := protocol{}.Decode(context.Background(), newMark(f, 0), []sdk.Message{{Data: data}})
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	out := map[string]string{}
	for _, s := range all[0] {
		if _, twice := out[s.Name]; twice {
			t.Errorf("%s is told twice: %v", s.Name, all[0])
		}
		if _, ok := fieldNamed(s.Name); !ok {
			t.Errorf("the field %s is not declared", s.Name)
		}
		out[s.Name] = s.Value
	}
	return out
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// ip4 puts an IPv4 header before a message, as raw sockets receive it.
func ip4(payload []byte, proto byte, src, dst string) []byte {
	s, d := netip.MustParseAddr(src).As4(), netip.MustParseAddr(dst).As4()
	h := []byte{0x45, 0, 0, 0, 0xbe, 0xef, 0x40, 0, 63, proto, 0, 0}
	h = append(append(h, s[:]...), d[:]...)
	putNumber(h[2:4], uint64(20+len(payload)))
	putNumber(h[10:12], uint64(checksum(h)))
	return append(h, payload...)
}

// ip6 puts an IPv6 header before a message.
func ip6(payload []byte, next byte, src, dst string) []byte {
	s, d := netip.MustParseAddr(src).As16(), netip.MustParseAddr(dst).As16()
	h := []byte{0x60, 0, 0, 0, byte(len(payload) >> 8), byte(len(payload)), next, 61}
	return append(append(append(h, s[:]...), d[:]...), payload...)
}

// The bytes are those of the RFCs' figures, the checksums computed by hand.
func TestEncodeMakesTheBytesOfTheRFC(t *testing.T) {
	for _, c := range []struct {
		form form
		text string
		want string
	}{
		{raw4, "", "08 00 e5ca 1234 0001"},
		{raw4, "type=echo id=1 seq=2 data=ab", "08 00 969a 0001 0002 6162"},
		{raw4, "type=0 id=0x0001 seq=2 data=abc", "00 00 3b9a 0001 0002 616263"},
		{raw4, "type=unreachable code=port data=x", "03 03 84fc 00000000 78"},
		{raw4, "type=unreachable code=fragmentation-needed mtu=1400", "03 04 f783 0000 0578"},
		{raw4, "type=redirect code=host gateway=10.0.0.1", "05 01 f0fd 0a000001"},
		{raw4, "type=time-exceeded", "0b 00 f4ff 00000000"},
		{raw4, "type=parameter-problem pointer=9", "0c 00 eaff 09000000"},
		{raw4, "type=timestamp id=1 seq=1 originate=1 receive=2 transmit=3", "0d 00 f2f7 0001 0001 00000001 00000002 00000003"},
		{raw4, "type=200 rest=0xdeadbeef", "c8 00 9a61 deadbeef"},
		{raw4, "type=echo id=0 seq=0 checksum=0xbad", "08 00 0bad 0000 0000"},
		{raw6, "type=echo id=1 seq=2", "80 00 0000 0001 0002"},
		{raw6, "type=packet-too-big mtu=1280", "02 00 0000 00000500"},
		{raw6, "type=neighbour-solicitation target=fe80::1", "87 00 0000 00000000 fe800000000000000000000000000001"},
		{raw6, "type=unreachable code=no-route", "01 00 0000 00000000"},
		{ping4, "seq=3 data=x", "08 00 7ffc 1234 0003 78"},
		{ping6, "seq=3", "80 00 0000 1234 0003"},
	} {
		got := encode(t, c.form, c.text)
		if c.form == ping4 {
			got[2], got[3] = 0x7f, 0xfc // the kernel makes it anew
		}
		if want := unhex(t, c.want); !slices.Equal(got, want) {
			t.Errorf("%q: got %x, want %x", c.text, got, want)
		}
	}
}

func TestEncodeRefusesWhatCannotBeSent(t *testing.T) {
	for _, c := range []struct {
		form       form
		text, says string
	}{
		{raw4, "type=nonsense", "no type is named"},
		{raw4, "type=256", "no type is named"},
		{raw4, "type=packet-too-big", "a type of ICMPv6"},
		{raw6, "type=timestamp", "a type of ICMP,"},
		{raw4, "type=unreachable code=nonsense", "no code"},
		{raw4, "code=port", "no words"},
		{raw4, "id=65536", "up to 65535"},
		{raw4, "id=-1", "up to 65535"},
		{raw4, "seq=x", "up to 65535"},
		{raw4, "gateway=10.0.0.1", "echo has no field gateway: it has code, id, seq, data, checksum"},
		{raw4, "type=redirect gateway=::1", "an IPv4 address"},
		{raw6, "type=redirect gateway=10.0.0.1", "an IPv6 address"},
		{raw4, "colour=red", "no field \"colour\""},
		{raw4, "ttl=3", "cannot be sent"},
		{raw4, "quoted.src=10.0.0.1", "cannot be sent"},
		{raw4, "id=1 id=2", "given twice"},
		{raw4, "checksum=65536", "up to 65535"},
		{raw6, "checksum=1", "the kernel computes the checksum"},
		{ping4, "type=timestamp", "nothing but type=echo"},
		{ping4, "type=echo-reply", "nothing but type=echo"},
		{ping6, "code=1", "nothing but type=echo"},
		{ping4, "id=7", "leave id out"},
		{ping4, "checksum=7", "the kernel computes the checksum"},
		{raw4, "data=" + strings.Repeat("x", 65508), "room for 65507"},
	} {
		m, err := protocol{}.Encode(t.Context(), newMark(c.form, 1), settings(c.text))
		if !errors.Is(err, sdk.Usage) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%.40q: got %x, %v", c.text, m.Data, err)
		}
	}
	for _, mark := range []sdk.Mark{nil, {1}, {9, 1, 0, 0}, {1, 9, 0, 0}, {1, 0, 0, 0}, {1, 1, 0, 0, 0}} {
		if _, err := (protocol{}).Encode(t.Context(), mark, nil); !errors.Is(err, sdk.Failed) {
			t.Errorf("mark %x: %v", mark, err)
		}
	}
}

// TestEveryTypeComesBackAsItWasSent sends each type with each of its fields.
func TestEveryTypeComesBackAsItWasSent(t *testing.T) {
	for _, f := range []form{raw4, raw6} {
		for number, l := range f.types() {
			text := fmt.Sprintf("type=%s code=1 data=payload", l.word)
			if l.quotes {
				text = fmt.Sprintf("type=%s code=1", l.word)
			}
			for i, p := range l.parts {
				switch {
				case p.address && p.size == 4:
					text += fmt.Sprintf(" %s=10.1.2.%d", p.name, i)
				case p.address:
					text += fmt.Sprintf(" %s=fd00::%d", p.name, i+1)
				default:
					text += fmt.Sprintf(" %s=%d", p.name, 17+i)
				}
			}
			b := encode(t, f, text)
			if l.quotes {
				inner := encode(t, f, "type=echo id=9 seq=8 data=quoted-in-full")
				if f == raw4 {
					b = append(b, ip4(inner, 1, "10.0.0.1", "10.0.0.2")...)
				} else {
					b = append(b, ip6(inner, 58, "fd00::1", "fd00::2")...)
				}
			}
			if f == raw4 {
				b[2], b[3] = 0, 0
				putNumber(b[2:4], uint64(checksum(b)))
				b = ip4(b, 1, "10.0.0.9", "10.0.0.1")
			}
			got := decode(t, f, b)
			for _, s := range settings(text) {
				want := s.Value
				if s.Name == "code" {
					want = l.codeWord(1)
				}
				if got[s.Name] != want {
					t.Errorf("%s (%d): %s is %q, want %q", l.word, number, s.Name, got[s.Name], want)
				}
			}
			if got["error"] != "" || got["type.number"] != fmt.Sprint(number) || f == raw4 && got["checksum.ok"] != "on" {
				t.Errorf("%s: %v", l.word, got)
			}
			if l.quotes && (got["quoted.type"] != "echo" || got["quoted.id"] != "9" || got["quoted.seq"] != "8" || got["quoted.dst"] == "") {
				t.Errorf("%s: the quote: %v", l.word, got)
			}
		}
	}
}

func TestDecodeReadsThePacketThatAnErrorQuotes(t *testing.T) {
	udp := unhex(t, "c000 829a 0010 0000")
	tcp := unhex(t, "c001 0050 00000001")
	hops := append([]byte{17, 0, 0, 0, 0, 0, 0, 0}, udp...) // a destination options header, then UDP
	for _, c := range []struct {
		name string
		form form
		data []byte
		want string
	}{
		{"udp", raw4, ip4(append(encode(t, raw4, "type=unreachable code=port"), ip4(udp, 17, "10.0.0.1", "10.0.0.2")...), 1, "10.0.0.2", "10.0.0.1"),
			"type=unreachable code=port src=10.0.0.2 dst=10.0.0.1 ttl=63 ip.id=48879 quoted.src=10.0.0.1 quoted.dst=10.0.0.2 quoted.proto=udp quoted.sport=49152 quoted.dport=33434 quoted.ttl=63 quoted.length=28"},
		{"tcp", ping4, append(encode(t, raw4, "type=time-exceeded"), ip4(tcp, 6, "10.0.0.1", "10.0.0.2")...),
			"type=time-exceeded code=transit quoted.proto=tcp quoted.sport=49153 quoted.dport=80"},
		{"udp behind an extension header", raw6, append(encode(t, raw6, "type=unreachable code=port"), ip6(hops, 60, "fd00::1", "fd00::2")...),
			"type=unreachable code=port quoted.src=fd00::1 quoted.dst=fd00::2 quoted.proto=udp quoted.sport=49152 quoted.dport=33434 quoted.ttl=61"},
		{"a later fragment", raw6, append(encode(t, raw6, "type=time-exceeded code=reassembly"), ip6(append(unhex(t, "11 00 0101 00000007"), udp...), 44, "fd00::1", "fd00::2")...),
			"code=reassembly quoted.proto=udp quoted.sport= quoted.dport="},
	} {
		got := decode(t, c.form, c.data)
		for _, s := range settings(c.want) {
			if got[s.Name] != s.Value {
				t.Errorf("%s: %s is %q, want %q", c.name, s.Name, got[s.Name], s.Value)
			}
		}
	}
}

// TestDecodeReadsExtensions: RFC 4884's length, RFC 4950's labels.
func TestDecodeReadsExtensions(t *testing.T) {
	quote := make([]byte, 128)
	copy(quote, ip4(unhex(t, "c000 829a 0010 0000"), 17, "10.0.0.1", "10.0.0.2"))
	ext := unhex(t, "2000 0000 000c 0101 00010101 000200ff 0006 0203 abcd")
	ext = append(ext[:len(ext)-2], 0xab, 0xcd)
	putNumber(ext[2:4], uint64(checksum(ext)))
	b := append(append(encode(t, raw4, "type=time-exceeded"), quote...), ext...)
	b[5] = 32 // words
	got := decode(t, raw4, ip4(b, 1, "10.0.0.9", "10.0.0.1"))
	if got["ext.mpls"] != "label=16 exp=0 bottom=1 ttl=1, label=32 exp=0 bottom=0 ttl=255" || got["ext.objects"] != "class=2 type=3 length=6" {
		t.Errorf("got %v", got)
	}
	b[5] = 200
	if got := decode(t, ping4, b); !strings.Contains(got["error"], "quotes 800 bytes") || got["quoted.proto"] != "udp" {
		t.Errorf("a length beyond the end: %v", got)
	}
	b[5] = 32
	b[8+128+4] = 0xff
	if got := decode(t, ping4, b); !strings.Contains(got["error"], "an extension says") {
		t.Errorf("an object beyond the end: %v", got)
	}
}

func TestDecodeSaysWhatIsWrongAndTellsTheRest(t *testing.T) {
	good := ip4(encode(t, raw4, "id=5 data=abc"), 1, "10.0.0.1", "10.0.0.2")
	bad := slices.Clone(good)
	bad[len(bad)-1] ^= 1
	for _, c := range []struct {
		name       string
		form       form
		data       []byte
		says, want string
	}{
		{"nothing", raw4, nil, "an IPv4 header has 20 bytes", ""},
		{"nothing", raw6, nil, "empty", ""},
		{"half a header", raw4, good[:12], "there are 12", ""},
		{"no message", raw4, good[:20], "the packet has 31 bytes", "src=10.0.0.1"},
		{"a short message", raw4, good[:25], "the packet has 31 bytes", "type=echo src=10.0.0.1"},
		{"another version", raw4, append([]byte{0x60}, good[1:]...), "not IPv4", ""},
		{"a header beyond the end", raw4, append([]byte{0x4f}, good[1:]...), "60 bytes", ""},
		{"one bit", raw4, bad, "checksum is wrong", "type=echo id=5 checksum.ok=off src=10.0.0.1"},
		{"three bytes", ping6, []byte{129, 0, 0}, "at least 8", "type=echo-reply"},
		{"a short timestamp", ping4, unhex(t, "0d00000000010002"), "at least 20", "type=timestamp id=1 seq=2"},
		{"no quote", raw6, unhex(t, "0100000000000000"), "the quoted packet", "type=unreachable code=no-route"},
	} {
		got := decode(t, c.form, c.data)
		if !strings.Contains(got["error"], c.says) {
			t.Errorf("%s: %v", c.name, got)
		}
		for _, s := range settings(c.want) {
			if got[s.Name] != s.Value {
				t.Errorf("%s: %s is %q, want %q", c.name, s.Name, got[s.Name], s.Value)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, form := range []form{raw4, raw6, ping4, ping6} {
		f.Add(byte(form), []byte{})
		for number, l := range form.types() {
			b := make([]byte, l.header, 80)
			b[0] = number
			if l.quotes {
				b = append(b, ip4([]byte{8, 0, 0, 0, 0, 1, 0, 1}, 1, "10.0.0.1", "10.0.0.2")...)
				b = append(b, ip6([]byte{17, 0, 0, 0, 0, 0, 0, 0}, 0, "fd00::1", "fd00::2")...)
				b = append(b, 0x20, 0, 0, 0, 0, 8, 1, 1, 0, 1, 1, 1)
			}
			if form == raw4 {
				b = ip4(b, 1, "10.0.0.3", "10.0.0.1")
			}
			f.Add(byte(form), b)
		}
	}
	f.Fuzz(func(t *testing.T, kind byte, data []byte) {
		form := raw4 + form(kind)%4
		got := decode(t, form, data)
		size := 0
		for name, v := range got {
			size += len(name) + len(v)
		}
		if size > len(data)+8192 {
			t.Fatalf("%d bytes of fields from a message of %d", size, len(data))
		}
		a := answer{form: form}
		parseAnswer(&a, data)
	})
}

func FuzzEncode(f *testing.F) {
	f.Add(byte(1), "type=echo id=1 seq=2 data=x")
	f.Add(byte(1), "type=redirect code=host gateway=10.0.0.1 data=x")
	f.Add(byte(1), "type=timestamp originate=1 receive=0x2 transmit=3 checksum=5")
	f.Add(byte(2), "type=neighbour-advertisement flags=32 target=fe80::1")
	f.Add(byte(2), "type=255 code=255 rest=0xffffffff")
	f.Add(byte(3), "seq=65535")
	f.Fuzz(func(t *testing.T, kind byte, text string) {
		form := raw4 + form(kind)%4
		m, err := protocol{}.Encode(context.Background(), newMark(form, 7), settings(text))
		if err != nil {
			if !errors.Is(err, sdk.Usage) {
				t.Fatal(err)
			}
			return
		}
		data := m.Data
		if form == raw4 {
			data = ip4(data, 1, "10.0.0.1", "10.0.0.2")
		}
		got := decode(t, form, data)
		for _, s := range settings(text) {
			if s.Name == "data" && got["data"] != s.Value {
				t.Fatalf("data %q became %q", s.Value, got["data"])
			}
		}
		// What was decoded makes the same message again.
		var again []sdk.Setting
		for name, v := range got {
			d, _ := fieldNamed(name)
			if !d.Decoded && (name != "checksum" || form == raw4) && (name != "id" || !form.ping()) {
				again = append(again, sdk.Setting{Name: name, Value: v})
			}
		}
		second, err := protocol{}.Encode(context.Background(), newMark(form, 7), again)
		if err != nil {
			t.Fatalf("%v: %v", again, err)
		}
		if l := form.types().of(m.Data[0]); !spare(l, m.Data) && !slices.Equal(second.Data, m.Data) {
			t.Fatalf("%x became %x", m.Data, second.Data)
		}
	})
}

// spare says whether bytes of the header that no field covers are set.
func spare(l *layout, b []byte) bool {
	covered := make([]bool, l.header)
	for _, p := range l.parts {
		for i := range p.size {
			covered[p.at+i] = true
		}
	}
	for i := 4; i < l.header; i++ {
		if !covered[i] && b[i] != 0 {
			return true
		}
	}
	return false
}
