package conform

import (
	"context"
	"io"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
)

// beneath is the host's copy of a descriptor beneath a layer.
type beneath struct{ fd int }

func (b *beneath) close() {
	if b.fd >= 0 {
		unix.Close(b.fd)
		b.fd = -1
	}
}

// wrapped is one end.
type wrapped struct {
	t *trial
	s *subject
	socket.Handle
	*beneath
	in     []byte
	framed bool
}

// wrap puts the layer on b, which it does not close.
func (s *subject) wrap(t *trial, b *beneath, accepted bool, unread []byte) (*wrapped, error) {
	ctx, cancel := context.WithTimeout(t.Context(), t.patience)
	defer cancel()
	return s.wrapWithin(ctx, t, b, accepted, unread)
}

func (s *subject) wrapWithin(ctx context.Context, t *trial, b *beneath, accepted bool, unread []byte) (*wrapped, error) {
	below, err := unix.FcntlInt(uintptr(b.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	req := socket.WrapRequest{FD: below, Kind: socket.Stream, Unread: unread, Host: s.Host, Options: s.Options}
	if accepted {
		req.Accepted, req.Host = true, ""
		if s.Server != nil {
			req.Options = s.Server
		}
	}
	h, err := s.Wrap(ctx, req)
	if err != nil {
		return nil, err
	}
	w := &wrapped{t: t, s: s, Handle: h, beneath: b, framed: s.desc.Kind.Messages()}
	t.Cleanup(w.release)
	return w, nil
}

// ends are the two ends of one connection with the layer on both.
func (s *subject) ends(t *trial) (client, server *wrapped) {
	return s.endsOver(t, tcpPair)
}

func (s *subject) endsOver(t *trial, pair func(*trial) (c, k *beneath)) (client, server *wrapped) {
	c, k := pair(t)
	done := make(chan error, 1)
	go func() {
		var err error
		server, err = s.wrap(t, k, true, nil)
		done <- err
	}()
	client, err := s.wrap(t, c, false, nil)
	serr := <-done
	if err != nil || serr != nil {
		t.Fatalf("wrap: client %v, server %v", err, serr)
	}
	return client, server
}

func (w *wrapped) lent() socket.Lent {
	return socket.Lent{FD: w.FD, Mark: w.Mark, Carrier: w.Carrier}
}

// release closes the upper descriptor, and waits for nothing.
func (w *wrapped) release() {
	if w.FD >= 0 {
		unix.Close(w.FD)
		w.FD = -1
	}
}

// close closes the end as a host does: the upper descriptor, and, when the layer is
// gone, the lower.
func (w *wrapped) close() {
	w.release()
	ctx, cancel := context.WithTimeout(context.Background(), w.t.patience)
	defer cancel()
	if err := w.Carrier.(socket.LayerCarrier).Gone(ctx); err != nil {
		w.t.Errorf("the layer is not gone after its close: %v", err)
	}
	w.beneath.close()
}

// write writes a message, or bytes where there are none.
func (w *wrapped) write(p []byte) error {
	if w.framed {
		p = socket.AppendFrame(nil, socket.Message{Data: p})
	}
	return w.t.writeFD(w.FD, p)
}

func (t *trial) writeFD(fd int, p []byte) error {
	for len(p) > 0 {
		n, err := unix.SendmsgN(fd, p, nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		if err == unix.EAGAIN {
			err = t.waitFor(fd, unix.POLLOUT)
		}
		if err != nil && err != unix.EINTR {
			return err
		}
		p = p[max(n, 0):]
	}
	return nil
}

// more reads what comes next; io.EOF or the reason at the end.
func (w *wrapped) more() error {
	buf := make([]byte, 64<<10)
	for {
		n, _, err := unix.Recvfrom(w.FD, buf, unix.MSG_DONTWAIT)
		switch {
		case err == unix.EAGAIN:
			if err := w.t.waitFor(w.FD, unix.POLLIN); err != nil {
				return err
			}
		case err == unix.EINTR:
		case err != nil && err != unix.ECONNRESET:
			return err
		case n <= 0:
			return w.end()
		default:
			w.in = append(w.in, buf[:n]...)
			return nil
		}
	}
}

// end is the reason of the end.
func (w *wrapped) end() error {
	ctx, cancel := context.WithTimeout(context.Background(), w.t.patience)
	defer cancel()
	if err := w.Carrier.End(ctx); err != nil {
		return err
	}
	return io.EOF
}

// read reads a message, or n bytes where there are none.
func (w *wrapped) read(n int) ([]byte, error) {
	for {
		if m, ok := w.take(n); ok {
			return m, nil
		}
		if err := w.more(); err != nil {
			return w.in, err
		}
	}
}

func (w *wrapped) take(n int) ([]byte, bool) {
	if !w.framed {
		if len(w.in) < n {
			return nil, false
		}
		p := w.in[:n]
		w.in = w.in[n:]
		return p, true
	}
	if len(w.in) < socket.FrameHeader {
		return nil, false
	}
	f, err := socket.ParseFrame(w.in)
	if err != nil {
		w.t.Fatal(err)
	}
	start := socket.FrameHeader + f.Address
	if len(w.in) < start+f.Data {
		return nil, false
	}
	p := w.in[start : start+f.Data]
	w.in = w.in[start+f.Data:]
	return p, true
}

// readAll reads to the end and returns everything, and the reason.
func (w *wrapped) readAll() ([]byte, error) {
	var all []byte
	for {
		n := 1
		if !w.framed {
			n = max(len(w.in), 1)
		}
		p, err := w.read(n)
		if err != nil {
			return append(all, p...), err
		}
		all = append(all, p...)
	}
}

// fact is a fact by name.
func (w *wrapped) fact(name string) string {
	f, err := w.s.Info(w.t.Context(), w.lent(), []string{name})
	if err != nil || len(f) != 1 {
		w.t.Fatalf("info %s: %v, %v", name, f, err)
	}
	return f[0].Value
}

// tcpPair is one connection over the loopback, closed at the check's end.
func tcpPair(t *trial) (client, server *beneath) {
	l, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(l)
	must(t, unix.Bind(l, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	must(t, unix.Listen(l, 1))
	at, err := unix.Getsockname(l)
	must(t, err)
	c, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	client = &beneath{c}
	t.Cleanup(client.close)
	must(t, unix.Connect(c, at))
	k, _, err := unix.Accept4(l, unix.SOCK_CLOEXEC)
	must(t, err)
	server = &beneath{k}
	t.Cleanup(server.close)
	must(t, unix.SetNonblock(c, true))
	must(t, unix.SetNonblock(k, true))
	return client, server
}

func must(t *trial, err error) {
	if err != nil {
		t.Fatal(err)
	}
}
