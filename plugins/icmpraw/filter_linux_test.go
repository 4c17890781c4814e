package icmpraw

import (
	"testing"

	"golang.org/x/net/bpf"
)

// TestFilterTakesOnlyWhatIsAboutOurEchoes runs the kernel's programs in a machine of
// the bpf package.
func TestFilterTakesOnlyWhatIsAboutOurEchoes(t *testing.T) {
	options := func(p []byte) []byte { // the same packet with 8 bytes of IP options
		out := append(append(append([]byte{}, p[:20]...), 1, 1, 1, 1, 1, 1, 1, 0), p[20:]...)
		out[0] = 0x47
		return out
	}
	echo := encode(t, raw4, "type=echo id=7 seq=1")
	other := encode(t, raw4, "type=echo id=8 seq=1")
	inner, foreign := ip4(echo, 1, "10.0.0.1", "10.0.0.2"), ip4(other, 1, "10.0.0.1", "10.0.0.2")
	gone := encode(t, raw4, "type=time-exceeded")
	from := func(b []byte) []byte { return ip4(b, 1, "10.0.0.2", "10.0.0.1") }
	join := func(a, b []byte) []byte { return append(append([]byte{}, a...), b...) }

	echo6, other6 := encode(t, raw6, "type=echo id=7"), encode(t, raw6, "type=echo id=8")
	gone6 := encode(t, raw6, "type=time-exceeded")
	udp := make([]byte, 8)
	for _, c := range []struct {
		name   string
		form   form
		packet []byte
		want   bool
	}{
		{"our reply", raw4, from(encode(t, raw4, "type=echo-reply id=7")), true},
		{"our reply behind IP options", raw4, options(from(encode(t, raw4, "type=echo-reply id=7"))), true},
		{"another's reply", raw4, from(encode(t, raw4, "type=echo-reply id=8")), false},
		{"an error about ours", raw4, from(join(gone, inner)), true},
		{"an error about ours with IP options", raw4, options(from(join(gone, options(inner)))), true},
		{"an error about another's", raw4, from(join(gone, foreign)), false},
		{"an error about UDP", raw4, from(join(gone, ip4(udp, 17, "10.0.0.1", "10.0.0.2"))), false},
		{"an error about a reply", raw4, from(join(gone, ip4(encode(t, raw4, "type=echo-reply id=7"), 1, "10.0.0.1", "10.0.0.2"))), false},
		{"an error that quotes nothing", raw4, from(gone), false},
		{"a reply cut short", raw4, from([]byte{0, 0, 0, 0}), false},
		{"nothing", raw4, []byte{0x45}, false},
		{"our reply", raw6, encode(t, raw6, "type=echo-reply id=7"), true},
		{"another's reply", raw6, encode(t, raw6, "type=echo-reply id=8"), false},
		{"an error about ours", raw6, join(gone6, ip6(echo6, 58, "fd00::1", "fd00::2")), true},
		{"an error about another's", raw6, join(gone6, ip6(other6, 58, "fd00::1", "fd00::2")), false},
		{"an error about UDP", raw6, join(gone6, ip6(udp, 17, "fd00::1", "fd00::2")), false},
		{"a neighbour's message", raw6, encode(t, raw6, "type=neighbour-solicitation target=fe80::7"), false},
	} {
		program := echoFilter4(7)
		if c.form == raw6 {
			program = echoFilter6(7)
		}
		vm, err := bpf.NewVM(program)
		if err != nil {
			t.Fatal(err)
		}
		n, err := vm.Run(c.packet)
		if got := err == nil && n > 0; got != c.want {
			t.Errorf("%s: taken %v (%d, %v)", c.name, got, n, err)
		}
		// What passes must be what is then read, and nothing that is read is kept out.
		a := answer{form: c.form}
		if read := parseAnswer(&a, c.packet) && a.id == 7; read != c.want {
			t.Errorf("%s: read %v", c.name, read)
		}
	}
}
