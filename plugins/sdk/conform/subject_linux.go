package conform

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/host"
)

// subject is one protocol in one form.
type subject struct {
	socket.Complete
	How
	desc    socket.Description
	kind    socket.Kind // of the sockets that Options choose
	carried bool        // FD is one end of a socketpair
	remote  bool        // in a process of its own
	pid     func() int  // its process
	ownEnd  bool        // a layer's: OwnEnd, or found out
	noPair  string      // why a layer, or one whose sockets are held, has no far end here

	firstPaired int // how many of the checks with a far end are made even so

	noSocket string // why there is none
	// describe asks the protocol anew what it is; in a host, by starting it.
	describe func(context.Context) (socket.Description, error)
}

func inProcess(p socket.Protocol, how How) *subject {
	s := &subject{Complete: direct{p}, How: how, desc: socket.Describe(p), pid: os.Getpid}
	s.describe = func(context.Context) (socket.Description, error) { return socket.Describe(p), nil }
	return s
}

func inHost(h *host.Host, name string, form host.Form, how How) (*subject, error) {
	p, err := h.Protocol(name)
	if err != nil {
		return nil, err
	}
	pid := func() int {
		for _, p := range h.Plugins() {
			if p.Name == name {
				return p.PID
			}
		}
		return 0
	}
	s := &subject{Complete: p, How: how, desc: p.Describe(), carried: form == host.Stream || p.Describe().Held, remote: true, pid: pid}
	s.describe = func(context.Context) (socket.Description, error) { return p.Describe(), nil }
	return s, nil
}

// direct is a protocol as it is, with the methods that it may lack.
type direct struct{ socket.Protocol }

func (d direct) Resolve(ctx context.Context, r socket.ResolveRequest) ([]socket.Address, error) {
	return d.Protocol.(socket.Resolver).Resolve(ctx, r)
}
func (d direct) Bind(ctx context.Context, s socket.Lent, a socket.Address) (socket.Report, error) {
	return d.Protocol.(socket.Binder).Bind(ctx, s, a)
}
func (d direct) Listen(ctx context.Context, s socket.Lent, n int) (socket.Report, error) {
	return d.Protocol.(socket.Listener).Listen(ctx, s, n)
}
func (d direct) Connect(ctx context.Context, s socket.Lent, a socket.Address) (socket.Report, error) {
	return d.Protocol.(socket.Connector).Connect(ctx, s, a)
}
func (d direct) Accept(ctx context.Context, s socket.Lent) (socket.Handle, error) {
	return d.Protocol.(socket.Accepter).Accept(ctx, s)
}
func (d direct) Shutdown(ctx context.Context, s socket.Lent, how socket.How) (socket.Report, error) {
	return d.Protocol.(socket.Shutdowner).Shutdown(ctx, s, how)
}
func (d direct) Option(ctx context.Context, s socket.Lent, set []socket.Setting, get []string) ([]socket.Setting, socket.Report, error) {
	return d.Protocol.(socket.Optioner).Option(ctx, s, set, get)
}
func (d direct) Info(ctx context.Context, s socket.Lent, names []string) ([]socket.Setting, error) {
	return d.Protocol.(socket.Informer).Info(ctx, s, names)
}
func (d direct) Wrap(ctx context.Context, r socket.WrapRequest) (socket.Handle, error) {
	return d.Protocol.(socket.Wrapper).Wrap(ctx, r)
}
func (d direct) Unwrap(ctx context.Context, s socket.Lent) ([]byte, error) {
	return d.Protocol.(socket.Wrapper).Unwrap(ctx, s)
}
func (d direct) Encode(ctx context.Context, m socket.Mark, fields []socket.Setting) (socket.Message, error) {
	return d.Protocol.(socket.Encoder).Encode(ctx, m, fields)
}
func (d direct) Decode(ctx context.Context, m socket.Mark, messages []socket.Message) ([][]socket.Setting, error) {
	return d.Protocol.(socket.Decoder).Decode(ctx, m, messages)
}
func (d direct) Run(ctx context.Context, r socket.RunRequest, out func(socket.Row) error) error {
	return d.Protocol.(socket.Runner).Run(ctx, r, out)
}

// sock is a socket of the check's, closed at its end.
type sock struct {
	t *trial
	s *subject
	socket.Handle
	shut sync.Once
}

// request asks for a socket of the subject's kind, with more options.
func (s *subject) request(more ...socket.Setting) socket.OpenRequest {
	return socket.OpenRequest{Options: slices.Concat(s.Options, more)}
}

func (s *subject) open(t *trial, more ...socket.Setting) *sock {
	h, err := s.Open(t.Context(), s.request(more...))
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return s.hold(t, h)
}

func (s *subject) hold(t *trial, h socket.Handle) *sock {
	k := &sock{t: t, s: s, Handle: h}
	t.Cleanup(k.close)
	return k
}

func (k *sock) lent() socket.Lent { return socket.Lent{FD: k.FD, Mark: k.Mark, Carrier: k.Carrier} }

func (k *sock) close() {
	k.shut.Do(func() { unix.Close(k.FD) })
}

// local is the socket's own address.
func (k *sock) local() socket.Address {
	if k.Carrier != nil {
		return k.Carrier.Facts().Local
	}
	sa, err := syscall.Getsockname(k.FD)
	if err != nil {
		k.t.Fatal(err)
	}
	return socket.FromSockaddr(sa)
}

// listen makes a listener on a free address.
func (s *subject) listen(t *trial, backlog int) *sock {
	l := s.open(t)
	s.bindFree(l)
	if _, err := s.Listen(t.Context(), l.lent(), backlog); err != nil {
		t.Fatalf("listen: %v", err)
	}
	return l
}

// free is an address that a socket can be bound to: port 0 of the loopback, a path
// that is not there, or a word that nobody has said.
func (s *subject) free(t *trial) socket.Address {
	text := ":0"
	switch s.desc.Address {
	case socket.PathForm:
		text = filepath.Join(scratch(t), "s")
	case socket.TextForm:
		text = "sosh-" + rand.Text()
	}
	as, err := s.Resolve(t.Context(), socket.ResolveRequest{Text: text, Passive: true})
	if err != nil {
		t.Fatalf("resolve: %v", err)
	}
	return as[0]
}

// scratch is a directory of the check's own. The names of those of testing.T are too
// long for the address of a unix socket.
func scratch(t *trial) string {
	dir, err := os.MkdirTemp("", "sosh")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func (s *subject) bindFree(k *sock) {
	if _, err := s.Bind(k.t.Context(), k.lent(), s.free(k.t)); err != nil {
		k.t.Fatalf("bind: %v", err)
	}
}

// connect connects, with the waiting that the caller has to do.
func (k *sock) connect(ctx context.Context, a socket.Address) error {
	_, err := k.s.Connect(ctx, k.lent(), a)
	if !errors.Is(err, syscall.EINPROGRESS) {
		return err
	}
	if k.s.carried {
		return fmt.Errorf("connect of a carried socket did not wait: %w", err)
	}
	if err := k.t.waitFor(k.FD, unix.POLLOUT); err != nil {
		return err
	}
	n, err := unix.GetsockoptInt(k.FD, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return err
	}
	if n != 0 {
		return syscall.Errno(n)
	}
	return nil
}

// accept waits for a connection and takes it.
func (l *sock) accept() *sock {
	if err := l.t.waitFor(l.FD, unix.POLLIN); err != nil {
		l.t.Fatalf("waiting for a connection: %v", err)
	}
	h, err := l.s.Accept(l.t.Context(), l.lent())
	if err != nil {
		l.t.Fatalf("accept: %v", err)
	}
	return l.s.hold(l.t, h)
}

// pair is two ends of one connection.
func (s *subject) pair(t *trial) (client, server *sock) {
	l := s.listen(t, 8)
	client = s.open(t)
	if err := client.connect(t.Context(), l.local()); err != nil {
		t.Fatalf("connect: %v", err)
	}
	server = l.accept()
	l.close()
	return client, server
}

// waitFor waits until the descriptor is ready.
func (t *trial) waitFor(fd int, events int16) error {
	const glance = 100 * time.Millisecond // then it looks whether the check is over
	for end := time.Now().Add(t.patience); ; {
		left := time.Until(end)
		if t.ctx.Err() != nil {
			return context.Cause(t.ctx)
		}
		if left <= 0 {
			return errors.New("waited in vain")
		}
		p := []unix.PollFd{{Fd: int32(fd), Events: events}}
		n, err := unix.Poll(p, int(min(left, glance)/time.Millisecond)+1)
		if err != nil && err != unix.EINTR {
			return err
		}
		if n > 0 {
			return nil
		}
	}
}

// write writes all bytes.
func (k *sock) write(p []byte) error {
	for len(p) > 0 {
		n, err := unix.SendmsgN(k.FD, p, nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		if err == unix.EAGAIN {
			err = k.t.waitFor(k.FD, unix.POLLOUT)
		}
		if err != nil && err != unix.EINTR {
			return err
		}
		p = p[max(n, 0):]
	}
	return nil
}

// read reads until there are n bytes, or the end when n is negative.
func (k *sock) read(n int) ([]byte, error) {
	var got []byte
	buf := make([]byte, 64<<10)
	for n < 0 || len(got) < n {
		size := len(buf)
		if n >= 0 {
			size = min(size, n-len(got))
		}
		m, _, err := unix.Recvfrom(k.FD, buf[:size], unix.MSG_DONTWAIT)
		switch {
		case err == unix.EAGAIN:
			if err := k.t.waitFor(k.FD, unix.POLLIN); err != nil {
				return got, err
			}
		case err == unix.EINTR:
		case err != nil:
			return got, err
		case m == 0:
			if k.Carrier != nil {
				ctx, cancel := context.WithTimeout(context.Background(), k.t.patience)
				defer cancel()
				return got, k.Carrier.End(ctx)
			}
			return got, nil
		default:
			got = append(got, buf[:m]...)
		}
	}
	return got, nil
}
