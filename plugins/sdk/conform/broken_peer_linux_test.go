package conform_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/plugins/sdk"
	"github.com/sosh-shell/sosh/plugins/sdk/conform"
)

// served is an address at which each connection is served by serve, until the test's
// end.
func served(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range conns { // those that a broken one keeps open
			c.Close()
		}
		mu.Unlock()
		all.Wait()
	})
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
			all.Go(func() {
				defer c.Close()
				serve(c)
			})
		}
	})
	return l.Addr().String()
}

// echo sends back what it gets, in upper case.
func echo(c net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := c.Read(buf)
		if _, werr := c.Write(bytes.ToUpper(buf[:n])); err != nil || werr != nil {
			return
		}
	}
}

const (
	reaches  = "Connect reaches the address that was given"
	many     = "Many connect at once, and leave no descriptors behind"
	abandons = "A connect that is given up leaves nothing"
	comes    = "What is sent comes back whole and in order"
	allComes = "After the end of writing all comes back, then the peer's end"
)

// client is tcp that can only connect.
type client struct{ *faultyPackets }

func badClient(fault func(f *faultyPackets)) func() sdk.Protocol {
	return func() sdk.Protocol {
		f := badTCP(func(*faulty) {})().(*faulty).faultyPackets
		fault(f)
		return client{f}
	}
}

// brokenPeers are of those that cannot listen, and are told an address; some have a
// peer that is broken, which looks no other.
var brokenPeers = []broken{
	{does: "Nothing: a client is good", construct: badClient(func(*faultyPackets) {}), peer: echo},
	{does: "A client connects to nobody", construct: badClient(func(f *faultyPackets) {
		f.connect = func(context.Context, sdk.Lent, sdk.Address) (sdk.Report, error) { return nil, syscall.ECONNREFUSED }
	}), peer: echo, fails: []string{reaches, many, comes, allComes}},
	{does: "A client keeps a copy of each connection", construct: badClient(func(f *faultyPackets) {
		f.connect = func(ctx context.Context, s sdk.Lent, a sdk.Address) (sdk.Report, error) {
			r, err := f.good.Connect(ctx, s, a)
			unix.FcntlInt(uintptr(s.FD), unix.F_DUPFD_CLOEXEC, 0)
			return r, err
		}
	}), peer: echo, fails: []string{many, left}},
	{does: "A client waits when it is given up", construct: badClient(func(f *faultyPackets) {
		f.resolve = func(ctx context.Context, r sdk.ResolveRequest) ([]sdk.Address, error) {
			return f.good.Resolve(context.WithoutCancel(ctx), r)
		}
		f.connect = func(ctx context.Context, s sdk.Lent, a sdk.Address) (sdk.Report, error) {
			if ctx.Err() != nil {
				unix.Poll(nil, int(2*patience.Milliseconds()))
			}
			return f.good.Connect(ctx, s, a)
		}
	}), peer: echo, fails: []string{abandons}},
	{does: "A byte is lost on the way back", construct: badClient(func(*faultyPackets) {}), peer: func(c net.Conn) {
		if _, err := io.ReadFull(c, make([]byte, 1)); err == nil {
			echo(c)
		}
	}, fails: []string{comes, allComes}},
	{does: "The end of writing ends all", construct: badClient(func(f *faultyPackets) {
		f.shutdown = func(ctx context.Context, s sdk.Lent, _ sdk.How) (sdk.Report, error) {
			return f.good.Shutdown(ctx, s, sdk.ShutdownBoth)
		}
	}), peer: echo, fails: []string{allComes}},
	{does: "A close of a connection that lives with its plugin does not end", construct: func() sdk.Protocol { return sdk.NewDialer(clinging{}) },
		form: conform.FormDescriptors, how: conform.How{Address: "anybody"},
		fails: []string{"A close is answered once all is out", left}},
}

// clinging is a dialer whose connections cannot be closed.
type clinging struct{}

func (clinging) Describe() sdk.Description {
	return sdk.Description{Name: "clinging", Synopsis: "keeps its connections"}
}

func (clinging) Dial(context.Context, sdk.DialRequest) (net.Conn, error) {
	ours, _ := net.Pipe()
	return clung{ours}, nil
}

type clung struct{ net.Conn }

func (clung) Close() error { select {} }
