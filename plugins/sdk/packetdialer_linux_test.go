package sdk_test

import (
	"bytes"
	"context"
	"errors"
	"net"
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
