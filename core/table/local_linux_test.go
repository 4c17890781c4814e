package table

import (
	"context"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sosh-shell/sosh/core/socket"
)

// localTCP is a TCP protocol in this process: what a plugin would do, without one.
type localTCP struct {
	socket.Complete // what it lacks

	afterAccept  func() // runs between the system call and the return
	afterConnect func() error
}

func (p *localTCP) Describe() socket.Description {
	d := socket.Description{Name: "tcp", Kind: socket.Stream, Address: socket.HostPort,
		Options: []socket.Option{{Name: "nodelay", Type: socket.BoolOption}}}
	d.Calls = []socket.Call{socket.CallResolve, socket.CallBind, socket.CallListen, socket.CallConnect,
		socket.CallAccept, socket.CallShutdown, socket.CallOption}
	return d
}

func (p *localTCP) Open(_ context.Context, req socket.OpenRequest) (socket.Handle, error) {
	dom := syscall.AF_INET
	if req.Family == socket.FamilyIP6 {
		dom = syscall.AF_INET6
	}
	fd, err := syscall.Socket(dom, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	return socket.Handle{FD: fd, Mark: socket.Mark("m")}, err
}

// Resolve takes addresses separated by commas, so that a test has a name with several.
func (p *localTCP) Resolve(_ context.Context, req socket.ResolveRequest) ([]socket.Address, error) {
	var list []socket.Address
	for text := range strings.SplitSeq(req.Text, ",") {
		ap, err := netip.ParseAddrPort(text)
		if err != nil {
			return nil, socket.Faultf(socket.Usage, "%q is no address", text)
		}
		list = append(list, socket.AddressOf(ap))
	}
	return list, nil
}

func (p *localTCP) Bind(_ context.Context, l socket.Lent, a socket.Address) (socket.Report, error) {
	sa, err := a.Sockaddr()
	if err != nil {
		return nil, err
	}
	syscall.SetsockoptInt(l.FD, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	return nil, syscall.Bind(l.FD, sa)
}

func (p *localTCP) Listen(_ context.Context, l socket.Lent, n int) (socket.Report, error) {
	return nil, syscall.Listen(l.FD, n)
}

func (p *localTCP) Connect(_ context.Context, l socket.Lent, a socket.Address) (socket.Report, error) {
	sa, err := a.Sockaddr()
	if err != nil {
		return nil, err
	}
	err = syscall.Connect(l.FD, sa)
	if p.afterConnect != nil {
		err = p.afterConnect()
	}
	return nil, err
}

func (p *localTCP) Accept(_ context.Context, l socket.Lent) (socket.Handle, error) {
	fd, _, err := syscall.Accept4(l.FD, syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC)
	if err == nil && p.afterAccept != nil {
		p.afterAccept()
	}
	return socket.Handle{FD: fd, Mark: socket.Mark("m")}, err
}

func (p *localTCP) Shutdown(_ context.Context, l socket.Lent, how socket.How) (socket.Report, error) {
	return nil, syscall.Shutdown(l.FD, int(how))
}

func (p *localTCP) Option(context.Context, socket.Lent, []socket.Setting, []string) ([]socket.Setting, socket.Report, error) {
	return nil, nil, nil
}

func (p *localTCP) Info(context.Context, socket.Lent, []string) ([]socket.Setting, error) {
	return nil, nil
}

type providers struct{ tcp *localTCP }

func (p providers) Protocol(name string) (socket.Complete, error) {
	switch name {
	case "tcp":
		return p.tcp, nil
	case "udp":
		return localUDP{p.tcp}, nil
	case "swap", "frames", "stuck":
		return &localLayer{name: name}, nil
	}
	return nil, socket.Faultf(socket.Usage, "no protocol is named %q", name)
}
func (p providers) Descriptions() []socket.Description {
	return []socket.Description{p.tcp.Describe()}
}
func (providers) Plugins() []socket.Plugin { return nil }

func TestMain(m *testing.M) {
	before := descriptors()
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			code = 1
		}
		if after := descriptors(); after > before {
			os.Stderr.WriteString("descriptors leaked: " + strconv.Itoa(after-before) + "\n")
			code = 1
		}
	}
	os.Exit(code)
}

// descriptors counts this process's, but for the runtime's own epoll and its waker.
func descriptors() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	n := 0
	for _, e := range entries {
		to, err := os.Readlink("/proc/self/fd/" + e.Name())
		if err == nil && !strings.HasPrefix(to, "anon_inode:") {
			n++
		}
	}
	return n
}

func newTable(t *testing.T) (*Table, *localTCP) {
	t.Helper()
	p := &localTCP{}
	tab := New(providers{p})
	t.Cleanup(tab.Close)
	return tab, p
}

// bounded is the time a test may wait for what must come.
func bounded(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// pair gives both ends of a connection and their listener.
func pair(t *testing.T, tab *Table) (srv, client, server *Socket) {
	t.Helper()
	ctx := bounded(t)
	srv = must[*Socket](t)(tab.Open(ctx, Spec{Protocol: "tcp", Listen: "127.0.0.1:0"}))
	f, _ := srv.Facts()
	client = must[*Socket](t)(tab.Open(ctx, Spec{Protocol: "tcp", Connect: f.Local.Text(socket.HostPort)}))
	server = must[*Socket](t)(srv.Accept(ctx, ""))
	return srv, client, server
}
