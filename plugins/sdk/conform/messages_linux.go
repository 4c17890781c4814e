package conform

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
)

// longest is the greatest message that every protocol of messages carries: that of
// UDP over IPv4 (RFC 768, RFC 791).
const longest = 65507

var (
	needPeer         = []socket.Call{socket.CallResolve, socket.CallBind, socket.CallConnect}
	needPeerShutdown = append([]socket.Call{socket.CallShutdown}, needPeer...)
)

var datagrams = []check{
	{"Bind refuses an address that another socket has", needBind, func(t *trial, s *subject) {
		k, other := s.bound(t), s.open(t)
		if _, err := s.Bind(t.Context(), other.lent(), k.local()); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("got %v", err)
		}
	}},
	{"A message arrives whole, with its sender", needBind, func(t *trial, s *subject) {
		from, to := s.bound(t), s.bound(t)
		for _, data := range [][]byte{[]byte("hello"), random(longest)} {
			from.sendTo(data, to.local())
			if got, peer := to.message(); !bytes.Equal(got, data) || peer != from.local() {
				t.Errorf("%d bytes of %d, from %v and not %v", len(got), len(data), peer, from.local())
			}
		}
	}},
	{"Messages keep their bounds and their order, also empty ones", needBind, func(t *trial, s *subject) {
		from, to := s.bound(t), s.bound(t)
		sent := []string{"one", "", "three", "", ""}
		for _, m := range sent {
			from.sendTo([]byte(m), to.local())
		}
		for i, m := range sent {
			if got, peer := to.message(); string(got) != m || peer != from.local() {
				t.Errorf("message %d is %q from %v, sent was %q", i, got, peer, m)
			}
		}
	}},
	{"A connected socket takes messages of its peer alone", needPeer, func(t *trial, s *subject) {
		k, peer, stranger := s.bound(t), s.bound(t), s.bound(t)
		if err := k.connect(t.Context(), peer.local()); err != nil {
			t.Fatal(err)
		}
		stranger.send(socket.Message{Data: []byte("strange"), Peer: k.local()}) // may be refused at once
		peer.sendTo([]byte("familiar"), k.local())
		if got, from := k.message(); string(got) != "familiar" || from != peer.local() {
			t.Errorf("%q from %v", got, from)
		}
	}},
	{"A connected socket sends to its peer, and connects to another from the same address", needPeer, func(t *trial, s *subject) {
		k := s.bound(t)
		a := k.local()
		for range 3 {
			peer := s.bound(t)
			if err := k.connect(t.Context(), peer.local()); err != nil {
				t.Fatal(err)
			}
			if got := remote(t, k); got != peer.local() {
				t.Errorf("connected to %v", got)
			}
			if err := k.packet([]byte("to you")); err != nil {
				t.Fatal(err)
			}
			if got, from := peer.message(); string(got) != "to you" || from != a {
				t.Errorf("%q from %v, bound to %v", got, from, a)
			}
		}
	}},
	{"A peer that is not there is told, and the socket lives", needPeer, func(t *trial, s *subject) {
		if s.desc.Held {
			t.notApplicable("what it is told of its peers is its own")
		}
		dead := s.bound(t)
		a := dead.local()
		dead.close()
		k := s.bound(t)
		settles(t, func() string { // a copy of it may live a moment longer
			if err := k.toDead(t.Context(), a); !errors.Is(err, syscall.ECONNREFUSED) {
				return fmt.Sprintf("sent to a closed socket: %v", err)
			}
			return ""
		})
		peer := s.bound(t)
		if err := k.connect(t.Context(), peer.local()); err != nil {
			t.Fatal(err)
		}
		if err := k.packet([]byte("alive")); err != nil {
			t.Fatal(err)
		}
		if got, _ := peer.message(); string(got) != "alive" {
			t.Errorf("%q", got)
		}
	}},
	{"Shutdown of what has no peer fails, and ends nothing", needPeerShutdown, func(t *trial, s *subject) {
		k, other := s.bound(t), s.bound(t)
		if _, err := s.Shutdown(t.Context(), k.lent(), socket.ShutdownBoth); !errors.Is(err, syscall.ENOTCONN) {
			t.Errorf("got %v", err)
		}
		other.sendTo([]byte("there"), k.local())
		if got, _ := k.message(); string(got) != "there" {
			t.Errorf("%q", got)
		}
		k.sendTo([]byte("and back"), other.local())
		if got, _ := other.message(); string(got) != "and back" {
			t.Errorf("%q", got)
		}
	}},
	{"Shutdown for writing ends that, and leaves reading", needPeerShutdown, func(t *trial, s *subject) {
		k, peer := s.bound(t), s.bound(t)
		if err := k.connect(t.Context(), peer.local()); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Shutdown(t.Context(), k.lent(), socket.ShutdownWrite); err != nil {
			t.Fatal(err)
		}
		if err := k.packet([]byte("x")); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("writing after it: %v", err)
		}
		peer.sendTo([]byte("still here"), k.local())
		if got, _ := k.message(); string(got) != "still here" {
			t.Errorf("%q", got)
		}
	}},
	{"No call leaves a copy of a socket behind", needPeer, func(t *trial, s *subject) {
		k, peer := s.bound(t), s.bound(t)
		if err := k.connect(t.Context(), peer.local()); err != nil {
			t.Fatal(err)
		}
		if s.desc.Can(socket.CallOption) {
			s.Option(t.Context(), k.lent(), nil, nil)
		}
		if s.desc.Can(socket.CallInfo) {
			s.Info(t.Context(), k.lent(), nil)
		}
		a := k.local()
		k.close()        // the last copy: nobody is there any more
		if s.desc.Held { // and its address is free
			settles(t, func() string {
				if _, err := s.Bind(t.Context(), s.open(t).lent(), a); err != nil {
					return fmt.Sprintf("it is still there: %v", err)
				}
				return ""
			})
			return
		}
		other := s.bound(t)
		settles(t, func() string {
			if err := other.toDead(t.Context(), a); !errors.Is(err, syscall.ECONNREFUSED) {
				return fmt.Sprintf("it is still there: %v", err)
			}
			return ""
		})
	}},
}

// packets are promises of messages over a connection.
var packets = []check{
	{"Messages keep their bounds and their order, also empty ones", needConnect, func(t *trial, s *subject) {
		c, k := s.pair(t)
		sent := []string{"one", "", "three", string(random(longest)), "", "last"}
		for _, m := range sent {
			if err := c.packet([]byte(m)); err != nil {
				t.Fatal(err)
			}
		}
		for i, m := range sent {
			if got, _ := k.message(); string(got) != m {
				t.Errorf("message %d has %d bytes, sent were %d", i, len(got), len(m))
			}
		}
	}},
	{"No call leaves a copy of a connection behind", needConnect, func(t *trial, s *subject) {
		c, k := s.pair(t)
		if s.desc.Can(socket.CallOption) {
			s.Option(t.Context(), c.lent(), nil, nil)
		}
		if s.desc.Can(socket.CallInfo) {
			s.Info(t.Context(), c.lent(), nil)
		}
		c.close() // the last copy: the peer is told
		if got, err := k.read(-1); err != nil || len(got) > 0 {
			t.Errorf("%q, %v", got, err)
		}
	}},
}

// bound is a socket with a free address.
func (s *subject) bound(t *trial) *sock {
	k := s.open(t)
	s.bindFree(k)
	return k
}

// framed reports whether the socket's messages come and go as frames.
func (k *sock) framed() bool { return k.Carrier != nil && k.s.kind.Messages() }

// sendTo sends one message.
func (k *sock) sendTo(p []byte, a socket.Address) {
	if err := k.send(socket.Message{Data: p, Peer: a}); err != nil {
		k.t.Fatalf("sending %d bytes to %v: %v", len(p), a, err)
	}
}

func (k *sock) send(m socket.Message) error {
	if k.framed() {
		return k.write(socket.AppendFrame(nil, m))
	}
	sa, err := m.Peer.Sockaddr()
	if err != nil {
		return err
	}
	return k.retried(func() error { return syscall.Sendto(k.FD, m.Data, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, sa) })
}

// packet sends one message to the peer.
func (k *sock) packet(p []byte) error {
	if k.framed() {
		return k.write(socket.AppendFrame(nil, socket.Message{Data: p}))
	}
	return k.retried(func() error {
		_, err := unix.SendmsgN(k.FD, p, nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		return err
	})
}

// retried makes a call that sends until there is room.
func (k *sock) retried(call func() error) error {
	for {
		err := call()
		if err == unix.EAGAIN {
			err = k.t.waitFor(k.FD, unix.POLLOUT)
			if err == nil {
				continue
			}
		}
		if err != unix.EINTR {
			return err
		}
	}
}

// message waits for one message and its sender.
func (k *sock) message() ([]byte, socket.Address) {
	if k.framed() {
		m, _, err := k.frame()
		if err != nil {
			k.t.Fatalf("receiving: %v", err)
		}
		return m.Data, m.Peer
	}
	buf := make([]byte, longest+1)
	for {
		n, from, err := syscall.Recvfrom(k.FD, buf, unix.MSG_DONTWAIT)
		if err == unix.EAGAIN {
			err = k.t.waitFor(k.FD, unix.POLLIN)
			if err == nil {
				continue
			}
		}
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			k.t.Fatalf("receiving: %v", err)
		}
		return buf[:n], socket.FromSockaddr(from)
	}
}

// first waits for the first byte, or for the first message.
func (k *sock) first() []byte {
	if k.s.kind.Messages() {
		data, _ := k.message()
		return data
	}
	data, err := k.read(1)
	if err != nil {
		k.t.Fatalf("receiving: %v", err)
	}
	return data
}

// frame waits for one frame: a message, or what came back for one.
func (k *sock) frame() (m socket.Message, back *socket.Return, err error) {
	head, err := k.read(socket.FrameHeader)
	if err != nil {
		return m, nil, err
	}
	if len(head) < socket.FrameHeader {
		return m, nil, io.EOF
	}
	f, err := socket.ParseFrame(head)
	if err != nil {
		return m, nil, err
	}
	rest, err := k.read(f.Address + f.Data)
	if err != nil {
		return m, nil, err
	}
	peer, err := socket.ParseFrameAddress(rest[:f.Address])
	if err == nil && f.Return {
		r, rerr := socket.ParseReturn(rest[f.Address:], peer)
		return m, &r, rerr
	}
	return socket.Message{Data: rest[f.Address:], Type: f.Type, Peer: peer}, nil, err
}

// toDead connects to an address, sends, and returns what comes back: nil when
// nothing does.
func (k *sock) toDead(ctx context.Context, a socket.Address) error {
	if err := k.connect(ctx, a); err != nil {
		return err
	}
	if err := k.packet([]byte("anybody there?")); err != nil {
		return err
	}
	p := []unix.PollFd{{Fd: int32(k.FD), Events: unix.POLLIN}}
	if n, err := unix.Poll(p, int(time.Second/time.Millisecond)); err != nil || n == 0 {
		return err
	}
	if k.framed() {
		_, back, err := k.frame()
		if err == nil && back != nil {
			err = back.Errno
		}
		return err
	}
	_, _, err := unix.Recvfrom(k.FD, make([]byte, 1), unix.MSG_DONTWAIT)
	return err
}
