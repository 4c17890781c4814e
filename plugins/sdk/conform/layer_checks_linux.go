package conform

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
)

var layering = []check{
	{"It declares a layer, and opens no socket", nil, func(t *trial, s *subject) {
		if !s.desc.Layer || s.desc.Address != "" {
			t.Errorf("%+v", s.desc)
		}
		if _, err := s.Open(t.Context(), socket.OpenRequest{}); !errors.Is(err, socket.Unsupported) {
			t.Errorf("open: %v", err)
		}
	}},
	{"An unknown option is refused before a byte is sent", nil, func(t *trial, s *subject) {
		bad := *s
		bad.Options = append([]socket.Setting{{Name: "no-such-option", Value: "1"}}, s.Options...)
		c, k := tcpPair(t)
		_, err := bad.wrap(t, c, false, nil)
		if !errors.Is(err, socket.Usage) {
			t.Errorf("wrap: %v", err)
		}
		c.close()
		if got := readRaw(t, k.fd, -1); len(got) > 0 {
			t.Errorf("%d bytes were sent", len(got))
		}
		k.close()
	}},
	{"A handshake that is given up ends at once", nil, func(t *trial, s *subject) {
		for _, accepted := range []bool{false, true} {
			c, _ := tcpPair(t) // a peer that says nothing
			t.within("wrap", func(ctx context.Context) {
				ctx, cancel := context.WithCancel(ctx)
				defer cancel()
				timer := time.AfterFunc(30*time.Millisecond, cancel)
				defer timer.Stop()
				w, err := s.wrapWithin(ctx, t, c, accepted, nil)
				if err == nil { // it has no handshake
					w.close()
				}
			})
		}
	}},
	{"A hostile peer ends a layer and nothing else", nil, func(t *trial, s *subject) {
		for i, m := range hostileMessages() {
			if i%8 > 0 { // it is a long list
				continue
			}
			for _, accepted := range []bool{false, true} {
				c, k := tcpPair(t)
				wrote := make(chan struct{})
				go func() {
					defer close(wrote)
					t.writeFD(k.fd, m.Data)
					k.close()
				}()
				w, err := s.wrap(t, c, accepted, nil)
				if err == nil {
					_, err = w.readAll()
					w.close()
				}
				if errors.Is(err, socket.Failed) || errors.Is(err, socket.Lost) {
					t.Errorf("%d hostile bytes: %v", len(m.Data), err)
				}
				<-wrote
				c.close()
			}
		}
	}},
}

// paired are promises that need the layer at both ends.
var paired = []check{
	{"It can be put on both ends of a connection", nil, func(t *trial, s *subject) {
		c, k := s.ends(t)
		c.close()
		k.close()
	}},
	{"What is written arrives whole and in order, both ways", nil, func(t *trial, s *subject) {
		c, k := s.ends(t)
		s.exchange(t, c, k)
		c.close()
		k.close()
	}},
	{"Empty and large messages keep their bounds", nil, func(t *trial, s *subject) {
		if !s.desc.Kind.Messages() {
			return
		}
		c, k := s.ends(t)
		for _, n := range []int{0, 1, 0, 1000, s.largest(), 0, 65536, 3} {
			m := s.message(n)
			sent := make(chan error, 1)
			go func() { sent <- c.write(m) }()
			if got, err := k.read(0); err != nil || !bytes.Equal(got, m) {
				t.Fatalf("a message of %d bytes came as %d: %v", n, len(got), err)
			}
			must(t, <-sent)
		}
		c.close()
		k.close()
	}},
	{"A close ends the peer's in order, after all that was written", nil, func(t *trial, s *subject) {
		for range 5 {
			c, k := s.ends(t)
			data := s.message(200 << 10)
			closed := make(chan struct{})
			go func() {
				defer close(closed)
				c.write(data)
				c.close()
			}()
			got, err := k.readAll()
			if err != io.EOF || !bytes.Equal(got, data) {
				t.Fatalf("%d bytes of %d, %v", len(got), len(data), err)
			}
			k.close()
			<-closed
		}
	}},
	{"A half close ends one direction, after all that was written, and leaves the other", nil, func(t *trial, s *subject) {
		c, k := s.ends(t)
		data := s.message(200 << 10)
		sent := make(chan error, 1)
		go func() {
			err := c.write(data)
			if err == nil {
				err = unix.Shutdown(c.FD, unix.SHUT_WR)
			}
			sent <- err
		}()
		got, err := k.readAll()
		if err != io.EOF || !bytes.Equal(got, data) {
			t.Fatalf("%d bytes of %d, %v", len(got), len(data), err)
		}
		must(t, <-sent)
		answer := s.message(1000)
		must(t, k.write(answer))
		if got, err := c.read(len(answer)); err != nil || !bytes.Equal(got, answer) {
			t.Errorf("after it %d bytes came back, %v", len(got), err)
		}
		k.close()
		if _, err := c.readAll(); err != io.EOF {
			t.Errorf("then: %v", err)
		}
		c.close()
	}},
	{"A reset beneath is a reset above", nil, func(t *trial, s *subject) {
		c, k := s.ends(t)
		k.Carrier.Abort()
		k.close()
		if _, err := c.readAll(); !errors.Is(err, socket.Reset) {
			t.Errorf("after a reset: %v", err)
		}
		c.close()
	}},
	{"A stream that is cut is no end, where the layer has one", nil, func(t *trial, s *subject) {
		c, k := s.ends(t)
		data := s.message(1000)
		must(t, k.write(data))
		if got, err := c.read(len(data)); err != nil || !bytes.Equal(got, data) {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
		must(t, unix.Shutdown(k.fd, unix.SHUT_WR)) // behind the layer's back
		_, err := c.readAll()
		if s.ownEnd && !errors.Is(err, socket.Truncated) || !s.ownEnd && err != io.EOF {
			t.Errorf("after a cut: %v", err)
		}
		c.close()
		k.close()
	}},
	{"Unread bytes come before those of the socket", nil, func(t *trial, s *subject) {
		c, k := tcpPair(t)
		var client *wrapped
		var wg sync.WaitGroup
		data := s.message(5000)
		wg.Go(func() {
			var err error
			if client, err = s.wrap(t, c, false, nil); err == nil {
				err = client.write(data)
			}
			if err != nil {
				t.Error(err)
			}
		})
		must(t, t.waitFor(k.fd, unix.POLLIN))
		server, err := s.wrap(t, k, true, readRaw(t, k.fd, 3))
		if err != nil {
			t.Fatal(err)
		}
		wg.Wait()
		if got, err := server.read(len(data)); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		client.close()
		server.close()
	}},
	{"The bytes beneath are counted", nil, func(t *trial, s *subject) {
		c, k := s.ends(t)
		s.exchange(t, c, k)
		for _, ends := range [][2]*wrapped{{c, k}, {k, c}} {
			must(t, unix.Shutdown(ends[0].FD, unix.SHUT_WR))
			if _, err := ends[1].readAll(); err != io.EOF {
				t.Errorf("the end: %v", err)
			}
		}
		c.close()
		k.close()
		for _, f := range [][2]string{{c.fact("sent"), k.fact("received")}, {k.fact("sent"), c.fact("received")}} {
			if n, err := strconv.Atoi(f[0]); f[0] != f[1] || err != nil || n < 1000 {
				t.Errorf("%s bytes were sent, %s received", f[0], f[1])
			}
		}
	}},
	{"Options can be read", nil, func(t *trial, s *subject) {
		c, k := s.ends(t)
		for _, o := range s.desc.Options {
			if _, _, err := s.Option(t.Context(), c.lent(), nil, []string{o.Name}); err != nil {
				t.Errorf("option %s: %v", o.Name, err)
			}
		}
		if _, _, err := s.Option(t.Context(), c.lent(), nil, []string{"no-such-option"}); !errors.Is(err, socket.Usage) {
			t.Errorf("an unknown one: %v", err)
		}
		if _, err := s.Info(t.Context(), c.lent(), []string{"no-such-fact"}); !errors.Is(err, socket.Usage) {
			t.Errorf("an unknown fact: %v", err)
		}
		c.close()
		k.close()
	}},
	{"Unwrap loses nothing: what was written arrives, and the socket goes on", nil, func(t *trial, s *subject) {
		for range 10 {
			c, k := s.ends(t)
			data := s.message(40 << 10)
			must(t, c.write(data))
			var wg sync.WaitGroup
			var extra []byte
			if s.ownEnd {
				wg.Go(func() { extra = k.unwrap() })
			}
			if rest := c.unwrap(); len(rest) > 0 {
				t.Errorf("%d bytes were unread at the client", len(rest))
			}
			if !s.ownEnd { // nothing tells the layer's bytes from those after it
				if got, err := k.read(len(data)); err != nil || !bytes.Equal(got, data) {
					t.Fatalf("%d bytes, %v", len(got), err)
				}
				extra = k.unwrap()
			}
			must(t, t.writeFD(c.fd, []byte("in the clear")))
			wg.Wait()
			if s.ownEnd {
				if got, err := k.readAll(); err != io.EOF || !bytes.Equal(got, data) {
					t.Fatalf("%d bytes of %d arrived, %v", len(got), len(data), err)
				}
			}
			extra = append(extra, readRaw(t, k.fd, len("in the clear")-len(extra))...)
			if string(extra) != "in the clear" {
				t.Errorf("after the layer came %q", extra)
			}
			c.close()
			k.close()
		}
	}},
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
		go func() {
			var err error
			for range 1024 {
				if err = k.write(piece); err != nil {
					break
				}
			}
			sent <- err
		}()
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
		var wg sync.WaitGroup
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
		p := whole
		for full := false; !full; { // the kernel's buffers, and the layer's
			n, err := unix.SendmsgN(c.FD, p, nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
			if p = p[max(n, 0):]; len(p) == 0 {
				p = whole
			}
			if err == unix.EAGAIN {
				n, _ := unix.Poll([]unix.PollFd{{Fd: int32(c.FD), Events: unix.POLLOUT}}, 300)
				full = n == 0
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

// exchange sends much both ways at once.
func (s *subject) exchange(t *trial, c, k *wrapped) {
	const pieces = 24
	data := make([][]byte, pieces)
	for i := range data {
		data[i] = s.message([]int{1, 100, 1460, 16 << 10, 100 << 10}[i%5])
	}
	sent := make(chan error, 2)
	for _, w := range []*wrapped{c, k} {
		go func() {
			for _, p := range data {
				if err := w.write(p); err != nil {
					sent <- err
					return
				}
			}
			sent <- nil
		}()
	}
	var wg sync.WaitGroup
	for _, w := range []*wrapped{c, k} {
		wg.Go(func() {
			for i, p := range data {
				if got, err := w.read(len(p)); err != nil || !bytes.Equal(got, p) {
					t.Errorf("piece %d: %d bytes of %d, %v", i, len(got), len(p), err)
					return
				}
			}
		})
	}
	for range 2 {
		must(t, <-sent)
	}
	wg.Wait()
}

// unwrap takes the layer off as a host does: the upper descriptor is read to its end
// later.
func (w *wrapped) unwrap() []byte {
	ctx, cancel := context.WithTimeout(context.Background(), w.t.patience)
	defer cancel()
	rest, err := w.s.Unwrap(ctx, w.lent())
	if err != nil {
		w.t.Errorf("unwrap: %v", err)
	}
	return rest
}

// readRaw reads n bytes of a socket, or all to the end when n is negative.
func readRaw(t *trial, fd, n int) []byte {
	var got []byte
	buf := make([]byte, 4096)
	for n < 0 || len(got) < n {
		b := buf
		if n >= 0 {
			b = buf[:min(len(buf), n-len(got))]
		}
		m, _, err := unix.Recvfrom(fd, b, unix.MSG_DONTWAIT)
		switch {
		case err == unix.EAGAIN:
			must(t, t.waitFor(fd, unix.POLLIN))
		case err == unix.EINTR:
		case err != nil:
			t.Fatal(err)
		case m == 0:
			return got
		default:
			got = append(got, b[:m]...)
		}
	}
	return got
}
