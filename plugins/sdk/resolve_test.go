package sdk

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/sosh-shell/sosh/core/socket"
)

func TestResolveHostPort(t *testing.T) {
	for _, c := range []struct {
		text    string
		family  Family
		passive bool
		want    string // addresses, or an error's text
	}{
		{"127.0.0.1:80", "", false, "127.0.0.1:80"},
		{"[::1]:80", "", false, "[::1]:80"},
		{"[fe80::1%lo]:80", "", false, "[fe80::1%lo]:80"},
		{"[::ffff:127.0.0.1]:80", "", false, "127.0.0.1:80"},
		{":8080", "", false, "127.0.0.1:8080 [::1]:8080"},
		{":8080", FamilyIP6, false, "[::1]:8080"},
		{":8080", "", true, "127.0.0.1:8080"},
		{":8080", FamilyIP6, true, "[::1]:8080"},
		{"localhost:80", "", false, "127.0.0.1:80 [::1]:80"},
		{"LOCALHOST:80", FamilyIP4, false, "127.0.0.1:80"},
		{"0.0.0.0:0", "", true, "0.0.0.0:0"},
		{"[::]:0", "", true, "[::]:0"},
		{"localhost:telnet", FamilyIP4, false, "127.0.0.1:23"},
		{"127.0.0.1:65535", "", false, "127.0.0.1:65535"},

		{"", "", false, "no address: write host:port"},
		{"127.0.0.1", "", false, `"127.0.0.1" has no port: write host:port`},
		{"127.0.0.1:", "", false, `"127.0.0.1:" has no port: write host:port`},
		{"::1", "", false, `"::1" has no port: write [::1]:port`},
		{"a:b:c", "", false, `"a:b:c" has too many colons: an IPv6 address is written [address]:port`},
		{"127.0.0.1:70000", "", false, "port 70000 is out of range (0 to 65535)"},
		{"127.0.0.1:-1", "", false, "port -1 is out of range (0 to 65535)"},
		{"127.0.0.1:99999999999999999999", "", false, "port 99999999999999999999 is out of range (0 to 65535)"},
		{"127.0.0.1:nosuchservice", "", false, `no tcp service is named "nosuchservice"`},
		{"127.0.0.1:0", "", false, "port 0 cannot be connected to: name the port"},
		{"*:80", "", true, `"*" is no address: write 0.0.0.0 or [::] for all interfaces`},
		{"256.1.1.1:80", "", false, `"256.1.1.1" is no IPv4 address`},
		{"127.1:80", "", false, `"127.1" is no IPv4 address`},
		{"[::g]:80", "", false, `"::g" is no IPv6 address`},
		{"[127.0.0.1]:80", "", false, `"127.0.0.1" is no IPv6 address`},
		{"a b:80", "", false, `"a b" is no host name`},
		{"127.0.0.1:80", FamilyIP6, false, "127.0.0.1 is no IPv6 address"},
		{"nosuch.invalid:80", "", false, "nosuch.invalid does not resolve: "},
	} {
		as, err := ResolveHostPort(t.Context(), "tcp", ResolveRequest{Text: c.text, Family: c.family, Passive: c.passive})
		var got []string
		for _, a := range as {
			got = append(got, a.Text(HostPort))
		}
		text := strings.Join(got, " ")
		if err != nil {
			want := socket.Usage
			if strings.Contains(c.text, "invalid") {
				want = socket.Unresolved
			}
			if !errors.Is(err, want) {
				t.Errorf("%q: %v is not %v", c.text, err, want)
			}
			text = err.Error()
		}
		if text != c.want && !(strings.HasSuffix(c.want, ": ") && strings.HasPrefix(text, c.want)) {
			t.Errorf("%q %q %v:\n got %s\nwant %s", c.text, c.family, c.passive, text, c.want)
		}
	}
}

func TestResolveEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ResolveHostPort(ctx, "tcp", ResolveRequest{Text: "name.invalid:80"}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func FuzzResolveRefusesWithWords(f *testing.F) {
	for _, s := range []string{"127.0.0.1:80", "[::1%lo]:80", ":", "[]:1", "a:b:c", "\x00:1", "*:1"} {
		f.Add(s)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // no name is looked up
	f.Fuzz(func(t *testing.T, text string) {
		as, err := ResolveHostPort(ctx, "tcp", ResolveRequest{Text: text, Passive: true})
		switch {
		case err == nil && len(as) == 0:
			t.Error("neither address nor error")
		case err != nil && !errors.Is(err, socket.Usage) && !errors.Is(err, socket.Unresolved) && !errors.Is(err, context.Canceled):
			t.Errorf("%q: %v", text, err)
		}
	})
}

func TestValuesOfOptions(t *testing.T) {
	for _, c := range []struct {
		t     OptionType
		value string
		want  int // -1: refused
	}{
		{BoolOption, "on", 1}, {BoolOption, "off", 0}, {BoolOption, "1", -1}, {BoolOption, "", -1},
		{IntOption, "-5", -5}, {IntOption, "0x10", 16}, {IntOption, "3000000000", -1}, {IntOption, "x", -1},
		{SizeOption, "1000", 1000}, {SizeOption, "64K", 65536}, {SizeOption, "64KiB", 65536}, {SizeOption, "1M", 1 << 20},
		{SizeOption, "1G", 1 << 30}, {SizeOption, "2G", -1}, {SizeOption, "K", -1}, {SizeOption, "-1", -1}, {SizeOption, "1KK", -1},
		{DurationOption, "30", 30000}, {DurationOption, "1m30s", 90000}, {DurationOption, "1ms", 1}, {DurationOption, "1us", -1},
		{DurationOption, "-1s", -1}, {DurationOption, "1000h", -1}, {DurationOption, "", -1},
	} {
		o := SocketOption{Option: Option{Name: "x", Type: c.t}, Scale: 1e6}
		n, err := o.parse(c.value)
		switch {
		case c.want == -1 && !errors.Is(err, socket.Usage):
			t.Errorf("%s %q: got %d, %v", c.t, c.value, n, err)
		case c.want != -1 && (err != nil || n != c.want):
			t.Errorf("%s %q: got %d, %v", c.t, c.value, n, err)
		}
	}
	for d, want := range map[int]string{7200000: "2h", 75000: "1m15s", 60000: "1m", 500: "500ms", 0: "0s"} {
		o := SocketOption{Option: Option{Type: DurationOption}, Scale: 1e6}
		if got := o.text(d); got != want {
			t.Errorf("%d: got %s, want %s", d, got, want)
		}
	}
}
