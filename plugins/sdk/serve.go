package sdk

import (
	"context"
	"io"
	"log"
	"log/slog"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"syscall"

	hclog "github.com/hashicorp/go-hclog"
	plugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/internal/wire"
	"github.com/sosh-shell/sosh/plugins/internal/wire/fdchan"
	"github.com/sosh-shell/sosh/plugins/internal/wire/pb"
)

// Serve is a plugin's whole main function. It returns, or ends the process, when
// sosh is done with the plugin or is gone. Started by anybody else it says so on
// stderr and ends the process with status 1.
//
// Stdout and stderr go to sosh's log, never to a terminal; so do the packages
// log and log/slog. The capabilities that the description does not keep are dropped
// before anything else.
func Serve(p Protocol) {
	if os.Getenv(wire.StdioKey) != "" {
		ServeStdio(p)
		return
	}
	logToHost()
	if os.Getenv(wire.CookieKey) == wire.CookieValue {
		go exitWithHost()
	}
	s := newServer(p)
	if err := s.connectSockets(os.Getenv(wire.DescriptorsKey)); err != nil {
		log.Fatalf("%s: %v", wire.DescriptorsKey, err)
	}
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: plugin.HandshakeConfig{
			ProtocolVersion: wire.Version, MagicCookieKey: wire.CookieKey, MagicCookieValue: wire.CookieValue},
		Plugins:    plugin.PluginSet{wire.PluginName: grpcPlugin{server: s}},
		GRPCServer: newGRPCServer,
		Logger:     hclog.New(&hclog.LoggerOptions{Level: hclog.Warn, Output: os.Stderr}),
	})
}

// newServer checks what the protocol says of itself, and drops what it does not need:
// capabilities, and memory.
func newServer(p Protocol) *server {
	s := &server{p: p, desc: socket.Describe(p)}
	if err := wire.CheckDescription(s.desc); err != nil {
		log.Fatalf("half declared: %v", err)
	}
	if err := dropCapabilities(s.desc.Capabilities); err != nil {
		log.Fatal(err)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	return s
}

// gcPercent makes a plugin collect twice as often as Go would: what it keeps is little,
// and each protocol has a process. A thousand calls leave 2 MiB less behind.
const gcPercent = 50

// logToHost sends what the packages log and log/slog are given to stderr, which is the
// host's log: a line each. It knows the time itself.
func logToHost() {
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}})))
	log.SetFlags(0) // after SetDefault, which sends log to slog
	log.SetOutput(os.Stderr)
}

// exitWithHost ends the process when the host is gone, however it went: stdin is
// a pipe whose other end only the host holds.
func exitWithHost() {
	stdin := os.Stdin
	if err := syscall.SetNonblock(0, true); err == nil {
		stdin = os.NewFile(0, "lifeline") // waits in the poller, not in a thread
	}
	io.Copy(io.Discard, stdin)
	inUse.Wait()
	os.Exit(0)
}

// connectSockets decides by what the host offers how sockets travel.
func (s *server) connectSockets(number string) error {
	if number == "" || s.desc.Held {
		s.sockets = newHolding(s.p)
		return nil
	}
	fd, err := strconv.Atoi(number)
	if err != nil {
		return err
	}
	ch, err := fdchan.New(fd)
	if err != nil {
		return err
	}
	p := newPassing(ch)
	s.sockets = p
	go p.receive()
	return nil
}

func newGRPCServer(opts []grpc.ServerOption) *grpc.Server {
	return grpc.NewServer(append([]grpc.ServerOption{
		grpc.InitialWindowSize(wire.Window), grpc.InitialConnWindowSize(4 * wire.Window)}, append(opts,
		grpc.MaxRecvMsgSize(wire.MaxCarried), grpc.MaxSendMsgSize(wire.MaxCarried),
		grpc.UnaryInterceptor(recoverUnary), grpc.StreamInterceptor(recoverStream))...)...)
}

// A panic in one handler would end every call of the plugin.
func recoverUnary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (resp any, err error) {
	defer recovered(info.FullMethod, &err)
	return next(ctx, req)
}

func recoverStream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) (err error) {
	defer recovered(info.FullMethod, &err)
	return next(srv, ss)
}

func recovered(method string, err *error) {
	if r := recover(); r != nil {
		*err = wire.Status(panicked(path.Base(method), r), nil, nil)
	}
}

// grpcPlugin is the one entry of go-plugin's set.
type grpcPlugin struct {
	plugin.NetRPCUnsupportedPlugin
	server *server
}

func (g grpcPlugin) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	pb.RegisterPluginServer(s, g.server)
	return nil
}

func (grpcPlugin) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, plugin.ErrProcessNotFound // the host has its own
}
