package sdk_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/sdk"
)

// choosy is a layer that takes no message that begins with an x.
type choosy struct{ passer }

func (choosy) WrapMessages(_ context.Context, b sdk.MessageBelow, _ sdk.LayerRequest) (sdk.MessageConn, error) {
	return choosyConn{b}, nil
}

type choosyConn struct{ sdk.MessageBelow }

func (c choosyConn) WriteMessage(m sdk.Message) error {
	if bytes.HasPrefix(m.Data, []byte("x")) {
		return sdk.Faultf(sdk.Usage, "no %q", m.Data)
	}
	return c.MessageBelow.WriteMessage(m)
}

func (a *above) refused() string {
	a.t.Helper()
	f, err := sdk.NewLayer(passer{}).(sdk.Informer).Info(a.t.Context(), sdk.Lent{Carrier: a.Carrier}, []string{"refused"})
	if err != nil || len(f) != 1 {
		a.t.Fatal(f, err)
	}
	return f[0].Value
}

func TestMessageThatALayerRefusesEndsNothing(t *testing.T) {
	fds := packetPair(t)
	a := put(t, choosy{}, sdk.WrapRequest{FD: fds[0], Kind: sdk.Seqpacket})
	b := put(t, passer{}, sdk.WrapRequest{FD: fds[1], Kind: sdk.Seqpacket})
	if r := a.refused(); r != "" {
		t.Errorf("at first: %q", r)
	}
	for _, data := range []string{"one", "x1", "x2", "two"} {
		a.send(sdk.Message{Data: []byte(data)})
	}
	for _, want := range []string{"one", "two"} {
		if m, err := b.receive(); err != nil || string(m.Data) != want {
			t.Fatalf("%q, %v", m.Data, err)
		}
	}
	if r := a.refused(); r != `2, the last: no "x2"` {
		t.Errorf("%q", r)
	}
}

// What the kernel says of one datagram says nothing of the socket.
func TestDatagramThatTheKernelRefusesEndsNothing(t *testing.T) {
	for name, bad := range map[string]sdk.Message{
		"too long":     {Data: make([]byte, 65530)},
		"no peer":      {Data: []byte("to nobody")},
		"no permit":    {Peer: address("255.255.255.255:9")},
		"other family": {Peer: address("[::1]:9")},
		"no port":      {Peer: address("127.0.0.1:0")},
	} {
		t.Run(name, func(t *testing.T) {
			fa, _ := udp(t)
			fb, bt := udp(t)
			a := put(t, passer{}, sdk.WrapRequest{FD: fa, Kind: sdk.Datagram})
			b := put(t, passer{}, sdk.WrapRequest{FD: fb, Kind: sdk.Datagram})
			if name == "too long" {
				bad.Peer = bt
			}
			a.send(bad)
			a.send(sdk.Message{Data: []byte("next"), Peer: bt})
			if m, err := b.receive(); err != nil || string(m.Data) != "next" {
				t.Fatalf("%d bytes, %v", len(m.Data), err)
			}
			if r := a.refused(); len(r) < 3 || r[:3] != "1, " {
				t.Errorf("%q", r)
			}
		})
	}
}

func address(s string) socket.Address {
	var a socket.Address
	switch s[0] {
	case '[':
		a = socket.FromSockaddr(&syscall.SockaddrInet6{Addr: [16]byte{15: 1}, Port: 9})
	default:
		var ip [4]byte
		var port int
		fmt.Sscanf(s, "%d.%d.%d.%d:%d", &ip[0], &ip[1], &ip[2], &ip[3], &port)
		a = socket.FromSockaddr(&syscall.SockaddrInet4{Addr: ip, Port: port})
	}
	return a
}

func TestNamedPeerIsMeantAlsoWhereTheSocketIsConnected(t *testing.T) {
	fa, _ := udp(t)
	fb, bt := udp(t)
	fc, ct := udp(t)
	sa, _ := bt.Sockaddr()
	if err := syscall.Connect(fa, sa); err != nil {
		t.Fatal(err)
	}
	a := put(t, passer{}, sdk.WrapRequest{FD: fa, Kind: sdk.Datagram})
	b := put(t, passer{}, sdk.WrapRequest{FD: fb, Kind: sdk.Datagram})
	c := put(t, passer{}, sdk.WrapRequest{FD: fc, Kind: sdk.Datagram})
	a.send(sdk.Message{Data: []byte("to c"), Peer: ct})
	a.send(sdk.Message{Data: []byte("to b")})
	if m, err := b.receive(); err != nil || string(m.Data) != "to b" {
		t.Errorf("b has %q, %v", m.Data, err)
	}
	if m, err := c.receive(); err != nil || string(m.Data) != "to c" {
		t.Errorf("c has %q, %v", m.Data, err)
	}
}

func packetPair(t *testing.T) [2]int {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return fds
}

func TestEmptyPacketIsNoEnd(t *testing.T) {
	fds := packetPair(t)
	a := put(t, passer{}, sdk.WrapRequest{FD: fds[0], Kind: sdk.Seqpacket})
	for _, data := range []string{"", "one", "", "", "two"} {
		if err := unix.Sendto(fds[1], []byte(data), 0, nil); err != nil {
			t.Fatal(err)
		}
	}
	unix.Close(fds[1])
	for _, want := range []string{"", "one", "", "", "two"} {
		if m, err := a.receive(); err != nil || string(m.Data) != want {
			t.Fatalf("%q for %q, %v", m.Data, want, err)
		}
	}
	if _, err := a.receive(); err != io.EOF {
		t.Errorf("the end: %v", err)
	}
	if err := a.Carrier.End(t.Context()); err != nil {
		t.Errorf("the end: %v", err)
	}
}

func TestLongUnixMessageIsTakenWhole(t *testing.T) {
	for kind, typ := range map[sdk.Kind]int{sdk.Datagram: unix.SOCK_DGRAM, sdk.Seqpacket: unix.SOCK_SEQPACKET} {
		fds, err := unix.Socketpair(unix.AF_UNIX, typ|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fds[1])
		if err := unix.SetsockoptInt(fds[1], unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 8<<20); err != nil {
			t.Skipf("a message longer than the buffers needs CAP_NET_ADMIN: %v", err)
		}
		a := put(t, passer{}, sdk.WrapRequest{FD: fds[0], Kind: kind})
		for _, n := range []int{5, 1 << 20, 0, 256 << 10, 256<<10 + 1, 3} {
			data := bytes.Repeat([]byte{byte(n) + 1}, n)
			if err := unix.Sendto(fds[1], data, 0, nil); err != nil {
				t.Fatal(err)
			}
			if m, err := a.receive(); err != nil || !bytes.Equal(m.Data, data) {
				t.Fatalf("%s: %d bytes of %d, %v", kind, len(m.Data), n, err)
			}
		}
	}
}
