package sdk_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/core/table"
	"github.com/sosh-shell/sosh/plugins/host"
	"github.com/sosh-shell/sosh/plugins/sdk"
	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
)

// packets is package net's UDP as a dialer.
type packets struct{}

func newPackets() sdk.Protocol { return sdk.NewPacketDialer(packets{}) }

func (packets) Describe() sdk.Description {
	return sdk.Description{Name: "packets", Synopsis: "datagrams", Address: sdk.HostPort}
}

func (packets) DialPacket(ctx context.Context, req sdk.DialRequest) (net.PacketConn, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, "udp", req.Address)
	if err != nil {
		return nil, err
	}
	return c.(*net.UDPConn), nil
}

func (packets) ListenPacket(_ context.Context, req sdk.DialRequest) (net.PacketConn, error) {
	return net.ListenPacket("udp", req.Address)
}

func TestPacketDialerKeepsTheContract(t *testing.T) { plugintest.Run(t, newPackets) }

func bound(t *testing.T, tb *table.Table) (*table.Socket, socket.Address) {
	t.Helper()
	s, err := tb.Open(patient(t), table.Spec{Protocol: "packets", Listen: ":0"})
	if err != nil {
		t.Fatal(err)
	}
	f, _ := s.Facts()
	if f.Local.Port == 0 || !f.Local.IP.IsLoopback() || f.State != "bound" || s.Kind() != socket.Datagram {
		t.Errorf("%+v, %s", f, s.Kind())
	}
	return s, f.Local
}

func next(t *testing.T, s *table.Socket) (socket.Message, error) {
	t.Helper()
	turn, err := s.Read(patient(t))
	if err != nil {
		t.Fatal(err)
	}
	defer turn.Done()
	m, err := turn.Message(patient(t), 0)
	if err == nil {
		turn.Drop(1)
	}
	return m, err
}

func TestPacketDialersMessagesKeepBoundsAndPeers(t *testing.T) {
	tb, _ := newTable(t, host.Descriptors, newPackets)
	a, aAddr := bound(t, tb)
	b, bAddr := bound(t, tb)
	c, err := tb.Open(patient(t), table.Spec{Protocol: "packets", Connect: aAddr.Text(socket.HostPort)})
	if err != nil {
		t.Fatal(err)
	}
	cFacts, _ := c.Facts()
	for _, data := range [][]byte{[]byte("one"), {}, bytes.Repeat([]byte("x"), 65507), []byte("last")} {
		for _, from := range []struct {
			s    *table.Socket
			m    socket.Message
			addr socket.Address
		}{{b, socket.Message{Data: data, Peer: aAddr}, bAddr}, {c, socket.Message{Data: data}, cFacts.Local}} {
			if err := from.s.SendMessage(patient(t), from.m); err != nil {
				t.Fatal(err)
			}
			if m, err := next(t, a); err != nil || !bytes.Equal(m.Data, data) || m.Peer != from.addr {
				t.Errorf("%d bytes of %d from %v and not %v: %v", len(m.Data), len(data), m.Peer, from.addr, err)
			}
		}
	}
	if err := a.SendMessage(patient(t), socket.Message{Data: []byte("back"), Peer: cFacts.Local}); err != nil {
		t.Fatal(err)
	}
	if m, err := next(t, c); err != nil || string(m.Data) != "back" {
		t.Errorf("%q, %v", m.Data, err)
	}
	if err := a.Connect(patient(t), bAddr.Text(socket.HostPort)); err != nil { // from now on of one peer
		t.Fatal(err)
	}
	c.SendMessage(patient(t), socket.Message{Data: []byte("stranger")})
	b.SendMessage(patient(t), socket.Message{Data: []byte("friend"), Peer: aAddr})
	if m, err := next(t, a); err != nil || string(m.Data) != "friend" {
		t.Errorf("%q, %v", m.Data, err)
	}
	a.SendMessage(patient(t), socket.Message{Data: []byte("to you")})
	if m, err := next(t, b); err != nil || string(m.Data) != "to you" {
		t.Errorf("%q, %v", m.Data, err)
	}
}

func TestPacketThatComesBackIsTold(t *testing.T) {
	tb, _ := newTable(t, host.Descriptors, newPackets)
	dead, addr := bound(t, tb)
	c, err := tb.Open(patient(t), table.Spec{Protocol: "packets", Connect: addr.Text(socket.HostPort)})
	if err != nil {
		t.Fatal(err)
	}
	dead.Close(patient(t), false)
	if err := c.SendMessage(patient(t), socket.Message{Data: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	if _, err := next(t, c); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got %v", err)
	}
	if err := c.SendMessage(patient(t), socket.Message{Data: make([]byte, 70000)}); err != nil {
		t.Fatal(err)
	}
	if _, err := next(t, c); !errors.Is(err, syscall.EMSGSIZE) {
		t.Errorf("one that is too long: %v", err)
	}
	if last, n := c.Returned(); n != 2 || last.To != addr {
		t.Errorf("%+v, %d", last, n)
	}
}

// silent is a connection of packets that sends none, for the reason that the data names.
type silent struct{ net.PacketConn }

func (silent) Write(p []byte) (int, error) {
	switch string(p) {
	case "usage":
		return 0, sdk.Faultf(sdk.Usage, "a letter must come first")
	case "both":
		return 0, fmt.Errorf("%w: %w", sdk.Faultf(sdk.Usage, "too late"), syscall.EPERM)
	case "errno":
		return 0, fmt.Errorf("the gate: %w", syscall.EPERM)
	case "nothing":
		return 0, errors.New("")
	case "long":
		return 0, errors.New(strings.Repeat("é", 4096))
	}
	return 0, errors.New("the antenna is down")
}

func (s silent) WriteTo(p []byte, _ net.Addr) (int, error) { return s.Write(p) }

type silentPackets struct{ packets }

func newSilentPackets() sdk.Protocol { return sdk.NewPacketDialer(silentPackets{}) }

func (silentPackets) Describe() sdk.Description {
	return sdk.Description{Name: "silent", Synopsis: "datagrams that do not go out", Address: sdk.HostPort}
}

func (silentPackets) DialPacket(ctx context.Context, req sdk.DialRequest) (net.PacketConn, error) {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	return silent{c}, err
}

func TestMessageThatIsRefusedComesBackWithItsAuthorsWords(t *testing.T) {
	tb, _ := newTable(t, host.Descriptors, newSilentPackets)
	c, err := tb.Open(patient(t), table.Spec{Protocol: "silent", Connect: "127.0.0.1:9"})
	if err != nil {
		t.Fatal(err)
	}
	for data, want := range map[string]struct {
		text  string
		errno syscall.Errno
	}{
		"usage":   {"a letter must come first", syscall.EINVAL},
		"both":    {"too late: operation not permitted", syscall.EINVAL},
		"errno":   {"operation not permitted", syscall.EPERM},
		"nothing": {"it was not sent, without a reason", syscall.EIO},
		"long":    {strings.Repeat("é", socket.MaxReturnText/2), syscall.EIO},
		"any":     {"the antenna is down", syscall.EIO},
	} {
		if err := c.SendMessage(patient(t), socket.Message{Data: []byte(data)}); err != nil {
			t.Fatal(err)
		}
		_, err := next(t, c)
		var back *table.Returned
		if !errors.As(err, &back) || back.Error() != want.text || !errors.Is(err, want.errno) {
			t.Errorf("%s: %v", data, err)
		}
	}
}
