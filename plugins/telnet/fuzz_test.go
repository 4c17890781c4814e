//go:build linux

package telnet

import (
	"errors"
	"testing"
)

func FuzzRead(f *testing.F) {
	f.Add([]byte("a\xff\xfd\x18\xff\xfa\x18\x01\xff\xf0\xff\xfb\x01b\r\x00c"), uint8(3), false)
	f.Add([]byte("\xff\xfb\x1f\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0"), uint8(1), true)
	f.Add([]byte("\xff\xfa\x18\x00x\xff\xff\xff\xfd\x01\xff\xf6"), uint8(7), true)
	f.Fuzz(func(t *testing.T, wire []byte, n uint8, server bool) {
		got, c, err := in(t, int(n)+1, string(wire), server, set("binary", "on"))
		whole, d, werr := in(t, len(wire)+1, string(wire), server, set("binary", "on"))
		if got != whole || !errors.Is(err, werr) {
			t.Fatalf("in pieces of %d %q, %v; at once %q, %v", int(n)+1, got, err, whole, werr)
		}
		if len(got) > len(wire) || sent(t, c) != sent(t, d) {
			t.Fatalf("%q: %q", wire, got)
		}
		for _, s := range c.Facts() {
			if len(s.Value) > 400 {
				t.Fatalf("fact %s is %q", s.Name, s.Value)
			}
		}
	})
}

func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("a\r\nb\r\xff\x00"), 3)
	f.Fuzz(func(t *testing.T, data []byte, cut int) {
		c := wrap(t, says(nil), false)
		cut = min(max(cut, 0), len(data))
		c.Write(data[:cut])
		c.Write(data[cut:])
		if got, _, err := in(t, 64, sent(t, c), true); got != string(data) || err != nil {
			t.Fatalf("%q, %v, want %q", got, err, data)
		}
	})
}
