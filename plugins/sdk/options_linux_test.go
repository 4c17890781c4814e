package sdk

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// fresh is a socket of the test's.
func fresh(t *testing.T, family Family) int {
	t.Helper()
	var c Calls
	fd, err := c.Socket(family, unix.SOCK_DGRAM, unix.IPPROTO_UDP)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

// TestOptionOutOfRangeIsWrongUsage: the kernel cuts tos=256 to 0 without a word.
func TestOptionOutOfRangeIsWrongUsage(t *testing.T) {
	fd, options := fresh(t, FamilyIP4), IPOptions()
	for set, want := range map[string]string{
		"ttl=999": "ttl=999 is out of range (1 to 255)", "ttl=0": "ttl=0 is out of range (1 to 255)",
		"tos=256": "tos=256 is out of range (0 to 255)", "tos=-1": "tos=-1 is out of range (0 to 255)",
		"mark=4294967296": "mark=4294967296 is out of range", "mark=-1": "mark=-1 is out of range",
		"mark=99999999999999999999": "mark=99999999999999999999 is out of range",
		"priority=-1":               "priority=-1 is out of range", "rcvbuf=2G": "rcvbuf=2G is out of range",
		"ttl=many": `ttl is a number, not "many"`, "rcvbuf=big": `rcvbuf is a size such as 64K, not "big"`,
		"pmtudisc=maybe": `pmtudisc is one of dont, want, do, probe, interface, omit, not "maybe"`,
	} {
		name, value, _ := strings.Cut(set, "=")
		var c Calls
		err := options.Set(&c, fd, []Setting{{Name: name, Value: value}})
		if !errors.Is(err, Usage) || err.Error() != want {
			t.Errorf("%s: got %v, want %s", set, err, want)
		}
		if len(c.Report) > 0 {
			t.Errorf("%s: the kernel was asked: %v", set, c.Report)
		}
	}
}

// TestKernelsRefusalNamesTheValue: which option, which value, and what it takes.
func TestKernelsRefusalNamesTheValue(t *testing.T) {
	fd := fresh(t, FamilyIP4)
	wide := Options{
		IPOption("ttl", IntOption, "", "IP_TTL", unix.IP_TTL, "IPV6_UNICAST_HOPS", unix.IPV6_UNICAST_HOPS, "hops").Within(1, 999),
		SockOption("device", StringOption, "", "SO_BINDTODEVICE", unix.SO_BINDTODEVICE, "device"),
		{Option: Option{Name: "mine", Type: BoolOption}, Needs: "CAP_NET_ADMIN", Set: func(*Calls, int, string) error { return unix.EPERM }},
	}
	for set, want := range map[string]struct {
		text string
		is   error
	}{
		"ttl=999":               {"ttl=999: invalid argument (1 to 999)", unix.EINVAL},
		"device=no-such-device": {"device=no-such-device: no such device", unix.ENODEV},
		"mine=on":               {"mine=on: operation not permitted (it needs CAP_NET_ADMIN)", unix.EPERM},
	} {
		name, value, _ := strings.Cut(set, "=")
		var c Calls
		err := wide.Set(&c, fd, []Setting{{Name: name, Value: value}})
		if !errors.Is(err, want.is) || err.Error() != want.text {
			t.Errorf("%s: got %v, want %s", set, err, want.text)
		}
	}
}

// TestIPOptionsReadWhatWasSet on sockets of both families.
func TestIPOptionsReadWhatWasSet(t *testing.T) {
	for _, family := range []Family{FamilyIP4, FamilyIP6} {
		fd, options := fresh(t, family), IPOptions()
		for _, set := range []string{"ttl=7", "ttl=255", "tos=184", "pmtudisc=do", "pmtudisc=dont", "pmtudisc=probe", "priority=6",
			"mark=4294967295", "mark=0x10", "device=lo", "device=", "dontroute=on", "freebind=on", "transparent=on", "v6only=on"} {
			name, value, _ := strings.Cut(set, "=")
			if name == "v6only" && family == FamilyIP4 {
				continue
			}
			var c Calls
			err := options.Set(&c, fd, []Setting{{Name: name, Value: value}})
			if errors.Is(err, unix.EPERM) {
				t.Logf("%s %s: %v", family, set, err)
				continue
			}
			got, gerr := options.Read(fd, []string{name})
			if err != nil || gerr != nil || got[0].Value != value && got[0].Value != map[string]string{"0x10": "16"}[value] {
				t.Errorf("%s %s: got %v, %v, %v", family, set, got, err, gerr)
			}
		}
	}
}

func TestDeclareTellsTheBounds(t *testing.T) {
	for _, o := range IPOptions().Declare() {
		want := map[string]string{"ttl": "(1 to 255)", "tos": "(0 to 255)", "pmtudisc": ": dont, want, do, probe, interface, omit"}[o.Name]
		if !strings.HasSuffix(o.Help, want) {
			t.Errorf("%s: %q lacks %q", o.Name, o.Help, want)
		}
	}
}

// FuzzOptionValue: what is read is written so that it is read as the same, and
// what is refused is wrong usage.
func FuzzOptionValue(f *testing.F) {
	options := append(IPOptions(), SocketOption{Option: Option{Name: "time", Type: DurationOption}, Scale: 1e9}.Within(1, 32767),
		SocketOption{Option: Option{Name: "int", Type: IntOption}}, SocketOption{Option: Option{Name: "switch", Type: BoolOption}})
	for i, s := range []string{"64K", "255", "0x10", "probe", "on", "30s", "1.5s", "-1", "4294967295", ""} {
		f.Add(uint8(i), s)
	}
	f.Fuzz(func(t *testing.T, which uint8, value string) {
		o := options[int(which)%len(options)]
		if o.Get != nil || o.plainText() {
			return
		}
		n, err := o.parse(value)
		if err != nil {
			if !errors.Is(err, Usage) {
				t.Fatalf("%s=%q: %v", o.Name, value, err)
			}
			return
		}
		if back, err := o.parse(o.text(n)); err != nil || back != n {
			t.Fatalf("%s=%q is %d, written %q, read %d, %v", o.Name, value, n, o.text(n), back, err)
		}
	})
}
