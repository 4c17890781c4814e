package tcp_test

import (
	"errors"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/plugins/sdk"
	"github.com/sosh-shell/sosh/plugins/tcp"
)

var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// open is a socket of the test's.
func open(t *testing.T, family sdk.Family, options ...sdk.Setting) sdk.Lent {
	t.Helper()
	h, err := tcp.New().Open(t.Context(), sdk.OpenRequest{Family: family, Options: options})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(h.FD) })
	return sdk.Lent{FD: h.FD, Mark: h.Mark}
}

func TestOptionsReadWhatWasSet(t *testing.T) {
	o := tcp.New().(sdk.Optioner)
	for _, family := range []sdk.Family{sdk.FamilyIP4, sdk.FamilyIP6} {
		for _, c := range []struct{ set, want string }{
			{"keepalive=on", "on"}, {"keepidle=30s", "30s"}, {"keepidle=9h6m7s", "9h6m7s"}, {"keepintvl=5", "5s"}, {"keepcnt=4", "4"},
			{"usertimeout=1500ms", "1.5s"}, {"syncnt=3", "3"}, {"linger2=20s", "20s"}, {"linger=0", "0s"}, {"linger=off", "off"},
			{"reuseport=on", "on"}, {"bindnoport=on", "on"}, {"fastopen=16", "16"}, {"fastopenconnect=on", "on"},
			{"fastopennocookie=on", "on"}, {"maxseg=1000", "1000"}, {"windowclamp=64K", "65536"}, {"congestion=reno", "reno"},
			{"notsent=16K", "16384"}, {"thinlinear=on", "on"}, {"oobinline=on", "on"}, {"minttl=255", "255"},
			{"ttl=9", "9"}, {"tos=184", "184"}, {"priority=6", "6"}, {"mark=17", "17"}, {"device=lo", "lo"}, {"transparent=on", "on"},
			{"freebind=on", "on"}, {"pmtudisc=do", "do"},
		} {
			name, value, _ := strings.Cut(c.set, "=")
			set := []sdk.Setting{{Name: name, Value: value}}
			got, _, err := o.Option(t.Context(), open(t, family), set, []string{name})
			if errors.Is(err, syscall.EPERM) {
				t.Logf("%s %s: %v", family, c.set, err)
				continue
			}
			if err != nil || got[0].Value != c.want {
				t.Errorf("%s %s: got %v, %v, want %s", family, c.set, got, err, c.want)
			}
		}
	}
}

// TestOptionsThatTheKernelWouldBend are refused before it sees them.
func TestOptionsThatTheKernelWouldBend(t *testing.T) {
	o, s := tcp.New().(sdk.Optioner), open(t, sdk.FamilyIP4)
	for set, want := range map[string]string{
		"ttl=999": "ttl=999 is out of range (1 to 255)", "tos=256": "tos=256 is out of range (0 to 255)",
		"keepcnt=128": "keepcnt=128 is out of range (1 to 127)", "keepidle=0": "keepidle=0 is out of range (1s to 9h6m7s)",
		"keepidle=1500ms": `keepidle is in steps of 1s, not "1500ms"`, "linger2=5m": "linger2=5m is out of range (1s to 2m)",
		"fastopen=-1": "fastopen=-1 is out of range (0 to 65535)", "linger=1500ms": `linger is off or whole seconds up to an hour, not "1500ms"`,
	} {
		name, value, _ := strings.Cut(set, "=")
		_, report, err := o.Option(t.Context(), s, []sdk.Setting{{Name: name, Value: value}}, nil)
		if !errors.Is(err, sdk.Usage) || err.Error() != want || len(report) > 0 {
			t.Errorf("%s: got %v, %v, want %s", set, report, err, want)
		}
	}
}

// TestFastOpenConnectsWithTheFirstData as RFC 7413 has it: the connect is done
// without a packet, and the first write makes the connection.
func TestFastOpenConnectsWithTheFirstData(t *testing.T) {
	p := tcp.New()
	on := func(name, value string) sdk.Setting { return sdk.Setting{Name: name, Value: value} }
	l := open(t, sdk.FamilyIP4, on("fastopen", "16"), on("fastopennocookie", "on"))
	if _, err := p.(sdk.Binder).Bind(t.Context(), l, sdk.Address{Family: sdk.FamilyIP4, IP: loopback}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.(sdk.Listener).Listen(t.Context(), l, 8); err != nil {
		t.Fatal(err)
	}
	sa, err := unix.Getsockname(l.FD)
	if err != nil {
		t.Fatal(err)
	}
	to := sdk.Address{Family: sdk.FamilyIP4, IP: loopback, Port: uint16(sa.(*unix.SockaddrInet4).Port)}
	c := open(t, sdk.FamilyIP4, on("fastopenconnect", "on"), on("fastopennocookie", "on"))
	if _, err := p.(sdk.Connector).Connect(t.Context(), c, to); err != nil {
		t.Skipf("the kernel does not put connects off (sysctl net.ipv4.tcp_fastopen): %v", err)
	}
	if _, err := unix.Write(c.FD, []byte("early")); err != nil {
		t.Fatal(err)
	}
	if n, err := unix.Poll([]unix.PollFd{{Fd: int32(l.FD), Events: unix.POLLIN}}, 10_000); n != 1 {
		t.Fatalf("no connection: %v", err)
	}
	h, err := p.(sdk.Accepter).Accept(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(h.FD)
	if n, err := unix.Poll([]unix.PollFd{{Fd: int32(h.FD), Events: unix.POLLIN}}, 10_000); n != 1 {
		t.Fatalf("no data: %v", err)
	}
	b := make([]byte, 16)
	if n, err := unix.Read(h.FD, b); err != nil || string(b[:n]) != "early" {
		t.Errorf("%q, %v", b[:n], err)
	}
}
