package udp

import (
	"errors"
	"testing"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

func TestMembershipsAreReadAsWritten(t *testing.T) {
	for in, want := range map[string]string{
		"239.1.2.3": "239.1.2.3", "239.1.2.3%lo": "239.1.2.3%lo", "239.1.2.3,lo": "239.1.2.3%lo", "239.1.2.3%2": "239.1.2.3%2",
		"ff02::1%eth0": "ff02::1%eth0", "ff02:0:0::1": "ff02::1", "::ffff:239.1.2.3": "239.1.2.3",
		"10.0.0.1@232.1.2.3%eth0.7": "10.0.0.1@232.1.2.3%eth0.7", "2001:db8::1@ff3e::8000:1": "2001:db8::1@ff3e::8000:1",
		"239.1.2.3%127.0.0.1": "239.1.2.3%127.0.0.1",
	} {
		if m, err := parseMembership(in); err != nil || m.String() != want {
			t.Errorf("%s: got %s, %v, want %s", in, m, err, want)
		}
	}
	for _, in := range []string{"", "lo", "10.0.0.1", "239.1.2.3%", "239.1.2.3%a%b", "@239.1.2.3", "10.0.0.1@", "10.0.0.1@10.0.0.2", "x@239.1.2.3",
		"2001:db8::1@239.1.2.3", "239.9.9.9@239.1.2.3", "0.0.0.0@239.1.2.3", "fe80::1%eth0@ff02::1", "239.1.2.3:80", "256.1.1.1"} {
		if m, err := parseMembership(in); !errors.Is(err, sdk.Usage) {
			t.Errorf("%q: got %s, %v", in, m, err)
		}
	}
	if ms, err := parseMemberships("join", " 239.1.2.3%lo  ff02::1 "); err != nil || len(ms) != 2 {
		t.Errorf("got %v, %v", ms, err)
	}
	if ms, err := parseMemberships("join", " "); !errors.Is(err, sdk.Usage) {
		t.Errorf("got %v, %v", ms, err)
	}
}

// FuzzMemberships: what is accepted is written so that it is read as the same.
func FuzzMemberships(f *testing.F) {
	for _, s := range []string{"239.1.2.3", "10.0.0.1@232.1.2.3%eth0 ff02::1%lo", "239.1.2.3,2", "::ffff:239.1.2.3", "@%,"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ms, err := parseMemberships("join", s)
		if err != nil {
			if !errors.Is(err, sdk.Usage) {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		for _, m := range ms {
			if back, err := parseMembership(m.String()); err != nil || back != m {
				t.Fatalf("%q: %+v is written %q and read %+v, %v", s, m, m.String(), back, err)
			}
		}
	})
}
