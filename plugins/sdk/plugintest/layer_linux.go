package plugintest

import (
	"context"
	"crypto/rand"
	"io"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/host"
)

// LayerTest says how two ends of one layer are put on a connection.
type LayerTest struct {
	Client, Server []socket.Setting
	Host           string // as the client's socket was opened with
	// OwnEnd says that the layer has an end of its own, so that one of the stream
	// beneath alone is a cut.
	OwnEnd bool
	// Largest is the length of the largest message that is sent; 1 MiB if it is 0.
	Largest int
	// Message makes a message of so many bytes that the layer carries unchanged; nil
	// for random ones.
	Message func(size int) []byte
}

// layerCalls is what a layer and its host have.
type layerCalls interface {
	socket.Protocol
	socket.Wrapper
	socket.Optioner
	socket.Informer
}

// layerSubject is one layer in one form.
type layerSubject struct {
	layerCalls
	LayerTest
	desc socket.Description
}

// layerCheck is one promise of a layer.
type layerCheck struct {
	promise string
	run     func(*testing.T, *layerSubject)
}

// RunLayer holds a layer to the promises of [socket.Wrapper], with itself at both
// ends of TCP connections over the loopback: in process, and through a real plugin
// process. The test program's TestMain must call [Main].
func RunLayer(t *testing.T, construct func() socket.Protocol, how LayerTest) {
	t.Run("in process", func(t *testing.T) {
		p := construct()
		calls, ok := p.(layerCalls)
		if !ok {
			t.Fatalf("%T is no layer", p)
		}
		RunLayerCalls(t, calls, how)
	})
	t.Run("by descriptors", func(t *testing.T) {
		h := Host(t, host.Descriptors, nil, construct)
		calls, err := h.Protocol(construct().Describe().Name)
		if err != nil {
			t.Fatal(err)
		}
		RunLayerCalls(t, calls, how)
	})
}

// RunLayerCalls is RunLayer for a layer as a host gives it.
func RunLayerCalls(t *testing.T, calls layerCalls, how LayerTest) {
	s := &layerSubject{layerCalls: calls, LayerTest: how, desc: calls.Describe()}
	if s.Largest == 0 {
		s.Largest = 1 << 20
	}
	if s.Message == nil {
		s.Message = func(n int) []byte { return randomBytes(n) }
	}
	c, k := s.ends(t) // a plugin's process, and what serves it here, are not the checks' leaks
	c.close()
	k.close()
	for _, c := range layerChecks {
		t.Run(c.promise, func(t *testing.T) {
			before := openDescriptors(t)
			goroutines := runtime.NumGoroutine()
			c.run(t, s)
			eventually(t, "descriptors are left open", func() bool { return openDescriptors(t) <= before })
			eventually(t, "goroutines are left", func() bool { return runtime.NumGoroutine() <= goroutines })
		})
	}
}

// wrapped is one end.
type wrapped struct {
	t *testing.T
	s *layerSubject
	socket.Handle
	raw    int // the host's copy of the descriptor beneath; -1 when it is closed
	in     []byte
	framed bool
}

// wrap puts the layer on fd, which it does not close.
func (s *layerSubject) wrap(t *testing.T, fd int, accepted bool, unread []byte, kind socket.Kind) (*wrapped, error) {
	t.Helper()
	below, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	req := socket.WrapRequest{FD: below, Kind: kind, Unread: unread, Host: s.Host, Options: s.Client}
	if accepted {
		req.Accepted, req.Options, req.Host = true, s.Server, ""
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	h, err := s.Wrap(ctx, req)
	if err != nil {
		return nil, err
	}
	return &wrapped{t: t, s: s, Handle: h, raw: fd, framed: s.desc.Kind.Messages()}, nil
}

// ends are the two ends of one connection with the layer on both.
func (s *layerSubject) ends(t *testing.T) (client, server *wrapped) {
	t.Helper()
	return s.endsOver(t, tcpPair)
}

func (s *layerSubject) endsOver(t *testing.T, pair func(*testing.T) (int, int)) (client, server *wrapped) {
	t.Helper()
	c, k := pair(t)
	done := make(chan error, 1)
	go func() {
		var err error
		server, err = s.wrap(t, k, true, nil, socket.Stream)
		done <- err
	}()
	client, err := s.wrap(t, c, false, nil, socket.Stream)
	serr := <-done
	if err != nil || serr != nil {
		t.Fatalf("wrap: client %v, server %v", err, serr)
	}
	return client, server
}

func (w *wrapped) lent() socket.Lent {
	return socket.Lent{FD: w.FD, Mark: w.Mark, Carrier: w.Carrier}
}

// close closes the end as a host does: the upper descriptor, and, when the layer is
// gone, the lower.
func (w *wrapped) close() {
	if w.FD >= 0 {
		unix.Close(w.FD)
		w.FD = -1
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := w.Carrier.(socket.LayerCarrier).Gone(ctx); err != nil {
		w.t.Errorf("the layer is not gone after its close: %v", err)
	}
	w.closeRaw()
}

func (w *wrapped) closeRaw() {
	if w.raw >= 0 {
		unix.Close(w.raw)
		w.raw = -1
	}
}

// write writes a message, or bytes where there are none.
func (w *wrapped) write(p []byte) error {
	if w.framed {
		p = socket.AppendFrame(nil, socket.Message{Data: p})
	}
	return writeFD(w.FD, p)
}

func writeFD(fd int, p []byte) error {
	for len(p) > 0 {
		n, err := unix.SendmsgN(fd, p, nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		if err == unix.EAGAIN {
			err = waitFor(fd, unix.POLLOUT)
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
			if err := waitFor(w.FD, unix.POLLIN); err != nil {
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
	ctx, cancel := context.WithTimeout(context.Background(), patience)
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
	w.t.Helper()
	f, err := w.s.Info(w.t.Context(), w.lent(), []string{name})
	if err != nil || len(f) != 1 {
		w.t.Fatalf("info %s: %v, %v", name, f, err)
	}
	return f[0].Value
}

// tcpPair is one connection over the loopback.
func tcpPair(t *testing.T) (client, server int) {
	t.Helper()
	l, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(l)
	must(t, unix.Bind(l, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	must(t, unix.Listen(l, 1))
	at, err := unix.Getsockname(l)
	must(t, err)
	client, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	must(t, unix.Connect(client, at))
	server, _, err = unix.Accept4(l, unix.SOCK_CLOEXEC)
	must(t, err)
	must(t, unix.SetNonblock(client, true))
	must(t, unix.SetNonblock(server, true))
	return client, server
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func randomBytes(n int) []byte {
	p := make([]byte, n)
	rand.Read(p)
	return p
}

func openDescriptors(t *testing.T) int {
	t.Helper()
	d, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	return len(d)
}

// eventually waits until ok holds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); {
		if time.Now().After(end) {
			t.Error(what)
			return
		}
		syscall.Select(0, nil, nil, nil, &syscall.Timeval{Usec: 2000})
	}
}
