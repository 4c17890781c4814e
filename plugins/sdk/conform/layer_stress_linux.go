package conform

import (
	"context"
	"errors"
	"io"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
)

// stressed are promises of a layer at both ends that has it hard.
var stressed = []check{
	{"A hostile peer ends a layer that is on, and nothing else", nil, func(t *trial, s *subject) {
		for i, m := range hostileMessages() {
			if i%8 > 0 {
				continue
			}
			c, k := s.ends(t)
			t.writeFD(k.fd, m.Data) // behind the layer's back; it is less than the kernel keeps
			must(t, unix.Shutdown(k.fd, unix.SHUT_WR))
			if _, err := c.readAll(); errors.Is(err, socket.Failed) || errors.Is(err, socket.Lost) {
				t.Errorf("%d hostile bytes: %v", len(m.Data), err)
			}
			c.close()
			k.close()
		}
	}},
	{"A close while the peer sends ends both", nil, func(t *trial, s *subject) {
		c, k := s.ends(t)
		piece := s.message(64 << 10)
		sent := make(chan error, 1)
		t.Go(func() {
			var err error
			for range 1024 {
				if err = k.write(piece); err != nil {
					break
				}
			}
			sent <- err
		})
		if _, err := c.read(1); err != nil {
			t.Fatal(err)
		}
		c.close()
		if err := <-sent; !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the peer's write: %v", err)
		}
		k.close()
	}},
	{"Several layers work at once", nil, func(t *trial, s *subject) {
		wg := t.group()
		for range 4 {
			c, k := s.ends(t)
			wg.Go(func() {
				s.exchange(t, c, k)
				c.close()
				k.close()
			})
		}
		wg.Wait()
	}},
	{"Hostile names and values are refused as wrong usage", nil, func(t *trial, s *subject) {
		c, k := s.ends(t)
		s.hostileToValues(t, c.lent())
		c.close()
		k.close()
	}},
	{"Layers stack", nil, func(t *trial, s *subject) {
		if s.desc.Kind.Messages() {
			return
		}
		var lower []*wrapped
		c, k := s.endsOver(t, func(t *trial) (c, k *beneath) {
			a, b := s.ends(t)
			lower = []*wrapped{a, b}
			return &beneath{a.FD}, &beneath{b.FD}
		})
		s.exchange(t, c, k)
		c.close()
		lower[0].FD = -1 // closed as the raw one of the upper
		lower[0].close()
		if _, err := k.readAll(); err != io.EOF {
			t.Errorf("a close above ended the peer's with %v", err)
		}
		k.close()
		lower[1].FD = -1
		lower[1].close()
	}},
	{"A peer that does not read does not keep a closed layer", nil, func(t *trial, s *subject) {
		c, k := s.ends(t)
		whole := s.message(64 << 10)
		if c.framed {
			whole = socket.AppendFrame(nil, socket.Message{Data: whole})
		}
		p, sent := whole, 0
		for full := false; !full; { // the kernel's buffers, and the layer's
			if t.ctx.Err() != nil || sent > 256<<20 {
				t.Fatalf("%d bytes went nowhere", sent)
			}
			n, err := unix.SendmsgN(c.FD, p, nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
			sent += max(n, 0)
			if p = p[max(n, 0):]; len(p) == 0 {
				p = whole
			}
			if err == unix.EAGAIN {
				n, _ := unix.Poll([]unix.PollFd{{Fd: int32(c.FD), Events: unix.POLLOUT}}, 300)
				full = n == 0
			} else if err != nil && err != unix.EINTR {
				t.Fatal(err)
			}
		}
		c.close()
		k.close()
	}},
	{"A wrap that is given up leaves nothing", nil, func(t *trial, s *subject) {
		c, k := tcpPair(t)
		below, err := unix.FcntlInt(uintptr(c.fd), unix.F_DUPFD_CLOEXEC, 0)
		must(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		h, err := s.Wrap(ctx, socket.WrapRequest{FD: below, Kind: socket.Stream, Host: s.Host, Options: s.Options})
		if err == nil { // it has no handshake
			w := &wrapped{t: t, s: s, Handle: h, beneath: &beneath{-1}}
			w.close()
		}
		c.close()
		k.close()
	}},
}
