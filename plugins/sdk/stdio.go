package sdk

import (
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"

	plugin "github.com/hashicorp/go-plugin"

	"github.com/sosh-shell/sosh/plugins/internal/wire"
	"github.com/sosh-shell/sosh/plugins/internal/wire/pb"
)

// ServeStdio is [Serve] where the host is far away: it speaks over stdin and stdout,
// and the sockets live here. The end of stdin is the host's end, and ends the process
// with all its sockets. What is printed goes to stderr, and so to the host's log.
//
// Serve does this by itself when the host asks for it.
func ServeStdio(p Protocol) {
	logToHost()
	if os.Getenv(wire.CookieKey) != wire.CookieValue {
		log.Fatal("this is a plugin of sosh, which starts it: open PROTOCOL --via COMMAND")
	}
	forget(os.Getenv(wire.CarriedKey))
	in, out, err := takeStdio()
	if err != nil {
		log.Fatal(err)
	}
	s := newServer(p)
	s.sockets = newHolding(s.p)
	g := newGRPCServer([]grpc.ServerOption{
		grpc.InitialWindowSize(wire.FarWindow), grpc.InitialConnWindowSize(4 * wire.FarWindow),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: wire.Quiet, Timeout: wire.Patience}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: wire.Quiet / 2, PermitWithoutStream: true}),
	})
	pb.RegisterPluginServer(g, s)
	alive := health.NewServer() // go-plugin's client asks
	alive.SetServingStatus(plugin.GRPCServiceName, grpc_health_v1.HealthCheckResponse_SERVING)
	grpc_health_v1.RegisterHealthServer(g, alive)
	if _, err := fmt.Fprintf(out, "%s%s %d\n", wire.Marker(os.Getenv(wire.StdioKey)), wire.Serves, wire.Version); err != nil {
		os.Exit(1)
	}
	g.Serve(&oneConn{conn: &stdio{in: in, out: out}})
}

// forget removes this program's file, and the directory that was made for it alone.
// It goes on running: a file lives until its last user has ended.
func forget(dir string) {
	if exe, err := os.Executable(); dir != "" && err == nil && filepath.Dir(exe) == dir {
		os.Remove(exe)
		os.Remove(dir)
	}
}

// stdio is the two streams as one connection. When either fails the host has gone.
type stdio struct{ in, out *os.File }

func (c *stdio) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	if n == 0 && err != nil && !os.IsTimeout(err) {
		os.Exit(0)
	}
	return n, err
}

func (c *stdio) Write(p []byte) (int, error) {
	n, err := c.out.Write(p)
	if err != nil && !os.IsTimeout(err) {
		os.Exit(0)
	}
	return n, err
}

// Close is gRPC giving up a host that answers nothing.
func (c *stdio) Close() error {
	os.Exit(0)
	return nil
}

func (c *stdio) LocalAddr() net.Addr                { return stdioAddr{} }
func (c *stdio) RemoteAddr() net.Addr               { return stdioAddr{} }
func (c *stdio) SetReadDeadline(t time.Time) error  { return c.in.SetReadDeadline(t) }
func (c *stdio) SetWriteDeadline(t time.Time) error { return c.out.SetWriteDeadline(t) }
func (c *stdio) SetDeadline(t time.Time) error {
	c.in.SetReadDeadline(t)
	return c.out.SetWriteDeadline(t)
}

type stdioAddr struct{}

func (stdioAddr) Network() string { return "stdio" }
func (stdioAddr) String() string  { return "stdio" }

// oneConn is a listener that accepts once.
type oneConn struct {
	conn net.Conn
	mu   sync.Mutex
	over chan struct{}
}

func (l *oneConn) Accept() (net.Conn, error) {
	l.mu.Lock()
	c := l.conn
	l.conn = nil
	if l.over == nil {
		l.over = make(chan struct{})
	}
	over := l.over
	l.mu.Unlock()
	if c == nil {
		<-over
		return nil, io.EOF
	}
	return c, nil
}

func (l *oneConn) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over != nil {
		close(l.over)
		l.over = nil
	}
	return nil
}

func (l *oneConn) Addr() net.Addr { return stdioAddr{} }
