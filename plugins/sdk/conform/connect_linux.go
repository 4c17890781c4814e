package conform

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
)

var (
	needBind    = []socket.Call{socket.CallResolve, socket.CallBind}
	needListen  = []socket.Call{socket.CallResolve, socket.CallBind, socket.CallListen, socket.CallAccept}
	needConnect = []socket.Call{socket.CallResolve, socket.CallBind, socket.CallListen, socket.CallAccept, socket.CallConnect}
)

// ports are promises of protocols with ports.
var ports = []check{
	{"Bind to port 0 gets a port", needBind, func(t *trial, s *subject) {
		k := s.open(t)
		s.bindFree(k)
		if a := k.local(); a.Port == 0 || !a.IP.IsLoopback() {
			t.Errorf("bound to %v", a)
		}
	}},
	{"Bind refuses an address of another family", needBind, func(t *trial, s *subject) {
		as, err := s.Resolve(t.Context(), socket.ResolveRequest{Text: "[::1]:0", Passive: true})
		if err != nil {
			t.Fatal(err)
		}
		k := s.open(t) // IPv4
		if _, err := s.Bind(t.Context(), k.lent(), as[0]); !errors.Is(err, syscall.EAFNOSUPPORT) && !errors.Is(err, syscall.EINVAL) {
			t.Errorf("got %v", err)
		}
	}},
}

// waiting is a promise of those whose connections take time.
var waiting = []check{
	{"Connect does not wait, or can be given up where it must", needConnect, func(t *trial, s *subject) {
		full := fullListener(t)
		k := s.open(t)
		var err error
		t.within("it", func(ctx context.Context) {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			if s.carried { // it may wait, until it is given up
				timer := time.AfterFunc(50*time.Millisecond, cancel)
				defer timer.Stop()
			}
			_, err = s.Connect(ctx, k.lent(), full)
		})
		if !s.carried {
			if !errors.Is(err, syscall.EINPROGRESS) {
				t.Errorf("got %v", err)
			}
			return
		}
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		// The plugin is told a moment later; then the socket is as new.
		l := s.listen(t, 8)
		settles(t, func() string {
			if err := k.connect(t.Context(), l.local()); err != nil {
				return fmt.Sprintf("connecting again: %v", err)
			}
			return ""
		})
	}},
}

var connections = []check{
	{"Bind refuses an address that is listened on", needListen, func(t *trial, s *subject) {
		l, k := s.listen(t, 1), s.open(t)
		_, err := s.Bind(t.Context(), k.lent(), l.local())
		if s.desc.Held && err == nil { // it may be bound when it listens
			_, err = s.Listen(t.Context(), k.lent(), 1)
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("got %v", err)
		}
	}},
	{"Accept does not wait", needListen, func(t *trial, s *subject) {
		l := s.listen(t, 8)
		t.within("it", func(ctx context.Context) {
			if h, err := s.Accept(ctx, l.lent()); !errors.Is(err, syscall.EAGAIN) {
				t.Errorf("got fd %d, %v", h.FD, err)
			}
		})
	}},
	{"Accept makes a socket as Open does", needConnect, func(t *trial, s *subject) {
		_, server := s.pair(t)
		isFit(t, server)
	}},
	{"Accept takes every connection, once", needConnect, func(t *trial, s *subject) {
		l := s.listen(t, 16)
		clients := map[byte]*sock{} // until they are accepted
		wg := t.group()
		for i := range byte(10) {
			c := s.open(t)
			clients['0'+i] = c
			connect := func() {
				err := c.connect(t.Context(), l.local())
				if err == nil {
					err = c.packet([]byte{'0' + i})
				}
				if err != nil {
					t.Errorf("connect: %v", err)
				}
			}
			if s.desc.Held { // it may wait until it is accepted
				wg.Go(connect)
			} else {
				connect()
			}
		}
		for range 10 {
			k := l.accept()
			said := k.first()
			c, ok := clients[said[0]]
			if !ok {
				t.Fatalf("accepted %q once more", said)
			}
			if peer := remote(t, k); !s.desc.Held && peer != c.local() {
				t.Errorf("client %q is %v, its peer says %v", said, c.local(), peer)
			}
			delete(clients, said[0])
		}
		wg.Wait()
		if h, err := s.Accept(t.Context(), l.lent()); !errors.Is(err, syscall.EAGAIN) {
			t.Errorf("one too many: fd %d, %v", h.FD, err)
		}
	}},
	{"Connect leaves the error for the caller", needConnect, func(t *trial, s *subject) {
		l := s.listen(t, 1)
		a := l.local()
		l.close()
		settles(t, func() string { // the listener may live a moment longer
			err := s.open(t).connect(t.Context(), a)
			if told := s.desc.Held && err != nil && !errors.Is(err, socket.Failed); !told && !errors.Is(err, syscall.ECONNREFUSED) {
				return fmt.Sprintf("connected to a closed port: %v", err)
			}
			return ""
		})
	}},
	{"Connect does not take an error that waits for the caller", needConnect, func(t *trial, s *subject) {
		if s.carried {
			t.notApplicable("its errors are where its plugin is")
		}
		c, k := s.pair(t)
		must(t, k.write([]byte("unread")))
		c.reset()
		must(t, t.waitFor(k.FD, unix.POLLERR)) // ECONNRESET waits
		s.Connect(t.Context(), k.lent(), k.local())
		if n, err := unix.GetsockoptInt(k.FD, unix.SOL_SOCKET, unix.SO_ERROR); err != nil || syscall.Errno(n) != syscall.ECONNRESET {
			t.Errorf("SO_ERROR is %d (%v)", n, err)
		}
	}},
}

// reset closes a socket so that the peer is told of a reset.
func (k *sock) reset() {
	if k.s.desc.Address != socket.PathForm {
		must(k.t, unix.SetsockoptLinger(k.FD, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}))
	}
	k.close() // for a unix socket what is unread makes it one
}

// remote is the peer's address.
func remote(t *trial, k *sock) socket.Address {
	if k.Carrier != nil {
		return k.Carrier.Facts().Remote
	}
	sa, err := syscall.Getpeername(k.FD)
	if err != nil {
		t.Fatal(err)
	}
	return socket.FromSockaddr(sa)
}

// fullListener is the address of a TCP listener that takes no more connections:
// who connects to it waits.
func fullListener(t *trial) socket.Address {
	l, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(l) })
	if err := unix.Bind(l, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(l, 0); err != nil {
		t.Fatal(err)
	}
	sa, err := syscall.Getsockname(l)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		c, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(c) })
		syscall.Connect(c, sa)
	}
	return socket.FromSockaddr(sa)
}
