package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sosh-shell/sosh/core/socket"
)

// file is a capture of packets, each a second after the one before.
func file(packets ...[]byte) []byte {
	b := appendInterface(appendSection(nil, "test"), "x", "", "")
	for i, p := range packets {
		b = appendPacket(b, time.Unix(int64(i), 0), false, "", 0, func(dst []byte) []byte { return append(dst, p...) })
	}
	return b
}

var (
	here  = netip.MustParseAddrPort("10.0.0.1:1000")
	there = netip.MustParseAddrPort("10.0.0.2:80")
)

func seg(seq uint32, flags byte, data string) []byte {
	return appendTCP(nil, here, there, 1, tcpHeader{seq: seq, flags: flags}, []byte(data))
}

func play(b []byte, stream int, side Side) (string, error) {
	var out strings.Builder
	err := Play(bytes.NewReader(b), stream, side, func(_ time.Time, p []byte) error { out.Write(p); return nil })
	return out.String(), err
}

// TestSegmentsInAnyOrderGiveTheStream: sent again, cut differently, out of order and
// beyond the wrap of the sequence.
func TestSegmentsInAnyOrderGiveTheStream(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(rapid.Byte(), 1, 200).Draw(t, "data")
		isn := rapid.SampledFrom([]uint32{0, 1 << 31, ^uint32(50)}).Draw(t, "isn")
		var packets [][]byte
		for at := 0; at < len(want); {
			n := rapid.IntRange(1, len(want)-at).Draw(t, "n")
			from := rapid.IntRange(max(0, at-5), at).Draw(t, "from")
			for range rapid.IntRange(1, 2).Draw(t, "times") {
				packets = append(packets, seg(isn+1+uint32(from), tcpACK, string(want[from:at+n])))
			}
			at += n
		}
		packets = append([][]byte{seg(isn, tcpSYN, "")}, rapid.Permutation(packets).Draw(t, "order")...)
		if got, err := play(file(packets...), 0, ClientSide); err != nil || got != string(want) {
			t.Fatalf("got %q, %v", got, err)
		}
	})
}

func TestMissingBytesAreAnError(t *testing.T) {
	got, err := play(file(seg(0, tcpSYN, ""), seg(1, tcpACK, "one"), seg(9, tcpACK, "three")), 0, ClientSide)
	if got != "one" || !errors.Is(err, socket.Malformed) || !strings.Contains(err.Error(), "5 bytes are missing in the file after byte 3, before packet 3") {
		t.Errorf("%q, %v", got, err)
	}
	cut := seg(1, tcpACK, "0123456789")
	if _, err := play(file(cut[:len(cut)-4]), 0, ClientSide); !errors.Is(err, socket.Malformed) || !strings.Contains(err.Error(), "lacks its last 4 bytes") {
		t.Errorf("%v", err)
	}
	many := [][]byte{seg(0, tcpSYN, "")}
	for i := range maxHeldParts + 1 {
		many = append(many, seg(uint32(10+2*i), tcpACK, "x"))
	}
	if _, err := play(file(many...), 0, ClientSide); !errors.Is(err, socket.Malformed) {
		t.Errorf("without bounds: %v", err)
	}
}

func TestEndsThatAreUsedAgainAreAnotherStream(t *testing.T) {
	b := file(seg(0, tcpSYN, ""), seg(1, tcpACK, "a"), seg(2, tcpFIN|tcpACK, ""), seg(500, tcpSYN, ""), seg(500, tcpSYN, ""), seg(501, tcpACK, "b"),
		appendUDP(nil, there, here, 1, []byte("u")))
	list, err := List(bytes.NewReader(b))
	if err != nil || len(list) != 3 || list[2].Protocol != "udp" || list[2].Client != there || list[1].FromClient != 1 || list[0].Recorded != ServerSide {
		t.Fatalf("%+v, %v", list, err)
	}
	for i, want := range []string{"a", "b", "u"} {
		if got, err := play(b, i, ClientSide); err != nil || got != want {
			t.Errorf("%d: %q, %v", i, got, err)
		}
	}
}

func TestConnectionWithoutDataIsAStreamOfItsOwn(t *testing.T) {
	b := file(seg(0, tcpSYN, ""), seg(500, tcpSYN, ""), seg(501, tcpACK, "b"))
	if list, err := List(bytes.NewReader(b)); err != nil || len(list) != 2 || list[0].FromClient != 0 {
		t.Fatalf("%+v, %v", list, err)
	}
}

// TestSumOfZeroIsNotNone: RFC 768 keeps zero for a datagram without a checksum.
func TestSumOfZeroIsNotNone(t *testing.T) {
	sum := appendUDP(nil, here, there, 1, []byte{0, 0})[26:28]
	if got := appendUDP(nil, here, there, 1, sum)[26:28]; !bytes.Equal(got, []byte{0xff, 0xff}) {
		t.Errorf("got %x", got)
	}
}

func TestOlderFormatsAreRead(t *testing.T) {
	p := appendUDP(nil, here, there, 1, []byte("hi"))
	for _, o := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		for magic, scale := range map[uint32]int64{0xa1b2c3d4: 1000, 0xa1b23c4d: 1} {
			ethernet := append(append(make([]byte, 12), 0x81, 0, 0, 5, 0x08, 0), p...) // in a VLAN
			ethernet = append(ethernet, 0, 0, 0)                                       // padded
			b := o.AppendUint32(nil, magic)
			b = o.AppendUint32(append(b, make([]byte, 12)...), 65535)
			b = o.AppendUint32(b, linkEthernet)
			b = o.AppendUint32(o.AppendUint32(b, 1700000000), 5)
			b = o.AppendUint32(o.AppendUint32(b, uint32(len(ethernet))), uint32(len(ethernet)))
			b = append(b, ethernet...)
			var when time.Time
			err := Play(bytes.NewReader(b), 0, ClientSide, func(at time.Time, p []byte) error {
				if when = at; string(p) != "hi" {
					t.Errorf("got %q", p)
				}
				return nil
			})
			if err != nil || !when.Equal(time.Unix(1700000000, 5*scale)) {
				t.Errorf("%v %v", err, when)
			}
		}
	}
}

func TestTimesOfEveryResolution(t *testing.T) {
	for res, want := range map[byte]time.Duration{6: 3_000_002 * time.Microsecond, 9: 3_000_002, 0x80 | 20: 3_000_002 * time.Second / (1 << 20), 0: 3_000_002 * time.Second} {
		f := face{}
		f.ticks, _ = resolution(res)
		if got := f.at(0, 3_000_002).Sub(time.Unix(0, 0)); got != want {
			t.Errorf("%#x: %v, not %v", res, got, want)
		}
	}
}

func TestWhatIsNoCaptureIsRefused(t *testing.T) {
	for _, b := range []string{"", "abc", "not a capture", "\x0a\x0d\x0d\x0a\x1c\x00\x00\x00zzzz", "\xd4\xc3\xb2\xa1"} {
		if _, err := List(strings.NewReader(b)); !errors.Is(err, socket.Malformed) {
			t.Errorf("%q: %v", b, err)
		}
	}
	whole := file(seg(1, tcpACK, "x"))
	for n := range len(whole) {
		if _, err := List(bytes.NewReader(whole[:n])); err != nil && !errors.Is(err, socket.Malformed) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	b := bytes.Clone(whole)
	order.PutUint16(b[len(appendSection(nil, "test"))+8:], 147)
	if _, err := List(bytes.NewReader(b)); err == nil || !strings.Contains(err.Error(), "link layer 147") {
		t.Errorf("%v", err)
	}
}

// FuzzRead: whatever a file holds, it ends in an error of ours or none.
func FuzzRead(f *testing.F) {
	f.Add(file(seg(0, tcpSYN, ""), seg(1, tcpACK, "a"), seg(9, tcpACK, "b")))
	f.Add(file(appendUDP(nil, there, here, 1, []byte("u")), appendUDP(nil, netip.MustParseAddrPort("[::1]:1"), netip.MustParseAddrPort("[::1]:2"), 1, nil)))
	f.Add([]byte("\xd4\xc3\xb2\xa1\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\x00\x00\x65\x00\x00\x00" + strings.Repeat("\x00", 16)))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := List(bytes.NewReader(b))
		if err != nil && !errors.Is(err, socket.Malformed) && !errors.Is(err, socket.Full) {
			t.Fatal(err)
		}
		for i := range list[:min(len(list), 3)] {
			for _, side := range []Side{ClientSide, ServerSide} {
				n := int64(0)
				err := Play(bytes.NewReader(b), i, side, func(_ time.Time, p []byte) error { n += int64(len(p)); return nil })
				if err != nil && !errors.Is(err, socket.Malformed) && !errors.Is(err, socket.Full) {
					t.Fatal(err)
				}
				if most := []int64{list[i].FromClient, list[i].FromServer}[side-1]; n > most {
					t.Fatalf("%d bytes of %d", n, most)
				}
			}
		}
	})
}

// FuzzRecordThenPlay: what is recorded comes back.
func FuzzRecordThenPlay(f *testing.F) {
	f.Add([]byte("hello"), uint8(2), true, "10.0.0.1:1", "/run/x")
	f.Add(bytes.Repeat([]byte{0}, 70000), uint8(1), false, "[::1]:1", "")
	f.Fuzz(func(t *testing.T, data []byte, times uint8, messages bool, local, path string) {
		e := Ends{Connected: true, Remote: socket.Address{Family: socket.FamilyUnix, Path: path}}
		if ap, err := netip.ParseAddrPort(local); err == nil {
			e.Local = socket.AddressOf(ap)
			e.Remote = addr("127.0.0.9:99")
			if e.Local == e.Remote {
				return
			}
		}
		data, times = data[:min(len(data), 65507)], times%4
		name := t.TempDir() + "/f"
		out, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		r, err := NewRecorder(out, Spec{Name: path, Ends: func() Ends { return e }})
		if err != nil {
			t.Fatal(err)
		}
		for range times {
			if messages {
				r.Message(true, socket.Message{Data: data})
			} else {
				r.Bytes(true, data)
			}
		}
		r.Close()
		in, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		var got []byte
		err = Play(in, 0, ClientSide, func(_ time.Time, p []byte) error {
			got = append(got, p...)
			return nil
		})
		if err != nil || !bytes.Equal(got, bytes.Repeat(data, int(times))) {
			t.Fatalf("%d of %d bytes, or others, %v", len(got), int(times)*len(data), err)
		}
	})
}
