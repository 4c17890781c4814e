package host

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	hclog "github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/internal/wire"
	"github.com/sosh-shell/sosh/plugins/internal/wire/fdchan"
	"github.com/sosh-shell/sosh/plugins/internal/wire/pb"
)

// endGrace is how long a plugin has to end by itself once its lifeline is closed.
const endGrace = 100 * time.Millisecond

// longest is a time that no start takes.
const longest = 24 * time.Hour

// process is one running plugin: its process, its gRPC connection, its channel
// for descriptors.
type process struct {
	name   string
	desc   *socket.Description // of the build that it runs
	at     *place              // nil for here
	run    *child
	client *goplugin.Client
	rpc    pb.PluginClient
	ch     *fdchan.Conn // nil where descriptors cannot travel
	log    *ring

	version int // of the contract, that it speaks

	lastCall atomic.Uint64
	quiet    atomic.Int64   // until when nobody asks for facts, in Unix nanoseconds
	using    sync.WaitGroup // calls that use ch
	served   sync.WaitGroup

	mu      sync.Mutex
	gone    bool   // no more calls
	why     string // what it was ended for; "" for nothing
	excused bool   // ended by this program, and not for a fault
	noted   bool   // its plugin knows how it ended; under the plugin's lock
	late    late
	retired bool          // another process has taken over
	calls   int           // under way
	idle    chan struct{} // closed when it is retired and nothing of it is in use
	gives   map[uint64]*give
	conns   []*grpc.ClientConn // all that go-plugin made
	lines   map[*carrier]bool  // the sockets that it carries
}

// launch starts a plugin, here or at a place, and returns when it can be called.
func (h *Host) launch(ctx context.Context, name string, prog program, log *ring, at *place) (*process, error) {
	h.swept.Do(sweep)
	dir, remove, err := socketDir()
	if err != nil {
		return nil, startFailed(name, err)
	}
	defer remove() // once connected, nobody needs it any more

	over := make(chan struct{})
	pr := &process{name: name, desc: prog.desc, at: at, log: log, idle: make(chan struct{}), gives: map[uint64]*give{}, lines: map[*carrier]bool{}}
	var theirs *os.File
	cmdEnv := []string(nil)
	if at == nil && h.formOf(prog.desc) == Descriptors {
		if pr.ch, theirs, err = fdchan.Pair(); err != nil {
			return nil, startFailed(name, err)
		}
		defer theirs.Close()
		cmdEnv = []string{wire.DescriptorsKey + "=3"}
	}
	limit, greeting := h.cfg.StartTimeout, h.cfg.StartTimeout
	if at != nil { // it may take longer as long as it gets on: the timer alone decides
		limit, greeting = h.cfg.ReachTimeout, longest
	}
	// Three things end a start early: its time, the host's end, and at a place its
	// callers. go-plugin has a limit for the greeting only, and returns at once when
	// the process ends.
	var made atomic.Pointer[child] // go-plugin has it made when it starts
	kill := func() {
		if c := made.Load(); c != nil {
			c.kill()
		}
	}
	var late atomic.Bool
	timer := time.AfterFunc(limit, func() { late.Store(true); kill() })
	defer timer.Stop()
	pr.client = goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig: goplugin.HandshakeConfig{
			ProtocolVersion: wire.Version, MagicCookieKey: wire.CookieKey, MagicCookieValue: wire.CookieValue},
		VersionedPlugins: spoken(),
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		SkipHostEnv:      true,
		Logger:           hclog.NewNullLogger(),
		StartTimeout:     greeting,
		UnixSocketConfig: &goplugin.UnixSocketConfig{TempDir: dir},
		SyncStdout:       log.writer(over),
		SyncStderr:       log.writer(over),
		RunnerFunc: func(_ hclog.Logger, cmd *exec.Cmd, tmp string) (runner.Runner, error) {
			cmd.Env = append(cmd.Env, cmdEnv...)
			var c *child
			if at != nil {
				c = newTraveller(&h.starter, at, prog, log, over, func() { timer.Reset(limit) })
			} else {
				c = newChild(&h.starter, prog, cmd, tmp, theirs, log, over)
			}
			made.Store(c)
			return c, nil
		},
		GRPCDialOptions: pr.dialOptions(func(ctx context.Context) (net.Conn, error) { return made.Load().dial(ctx) }),
	})
	stop := context.AfterFunc(ctx, kill)
	rpc, err := pr.connect()
	timer.Stop()
	stop()
	switch {
	case err == nil && ctx.Err() != nil:
		err = errClosed
	case err == nil && late.Load():
		err = errors.New("it greeted and did not answer")
	}
	pr.run = made.Load()
	if err != nil {
		kill()
		if pr.run != nil && pr.run.pid != 0 {
			<-pr.run.exited
		}
		pr.cleanup()
		if at != nil {
			return nil, pr.whyNotThere(ctx, h, err, late.Load())
		}
		return nil, pr.whyNot(h, err, late.Load())
	}
	pr.rpc, pr.version = rpc, pr.client.NegotiatedVersion()
	if pr.ch != nil {
		pr.served.Go(pr.serve)
	}
	return pr, nil
}

func (pr *process) connect() (pb.PluginClient, error) {
	c, err := pr.client.Client()
	if err != nil {
		return nil, err
	}
	raw, err := c.Dispense(wire.PluginName)
	if err != nil {
		return nil, err
	}
	return raw.(pb.PluginClient), nil
}

// dialOptions are put after go-plugin's own and win. The plugin's socket is dialled
// once: its file is removed then, and a connection that breaks is a plugin's death.
func (pr *process) dialOptions(dial func(context.Context) (net.Conn, error)) []grpc.DialOption {
	var dialled atomic.Bool
	window := int32(wire.Window)
	var options []grpc.DialOption
	if pr.at != nil {
		window = wire.FarWindow
		options = append(options, grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: wire.Quiet, Timeout: wire.Patience, PermitWithoutStream: true}))
	}
	return append(options,
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			if dialled.Swap(true) {
				return nil, errors.New("the plugin has gone")
			}
			return dial(ctx)
		}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(wire.MaxMessage), grpc.MaxCallSendMsgSize(wire.MaxMessage),
			grpc.ForceCodecV2(wire.Codec{})),
		grpc.WithMaxHeaderListSize(maxHeaders),
		grpc.WithInitialWindowSize(window),
		grpc.WithInitialConnWindowSize(4*window),
		grpc.WithDisableServiceConfig(),
		grpc.WithIdleTimeout(0),
		grpc.WithUnaryInterceptor(fitting),
		// go-plugin forgets a connection that fails while it is set up. Its first
		// use is a stream, so this sees every one.
		grpc.WithStreamInterceptor(func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, next grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
			pr.mu.Lock()
			if len(pr.conns) == 0 || pr.conns[len(pr.conns)-1] != cc {
				pr.conns = append(pr.conns, cc)
			}
			pr.mu.Unlock()
			if strings.HasPrefix(method, broker) {
				return nil, status.Error(codes.Unimplemented, "nobody is brokered")
			}
			return next(ctx, desc, cc, method, opts...)
		}),
	)
}

// maxHeaders bounds the headers and trailers of one answer in bytes: a failure is in
// them, with its report.
const maxHeaders = 256 << 10

// broker is go-plugin's service for connections beside the one. No plugin needs it, and
// each connection that a plugin offers there would cost a goroutine here.
const broker = "/plugin.GRPCBroker/"

// rpcPlugin makes go-plugin hand out the client of our service.
type rpcPlugin struct {
	goplugin.NetRPCUnsupportedPlugin
}

func (rpcPlugin) GRPCServer(*goplugin.GRPCBroker, *grpc.Server) error {
	return errors.New("a host serves nothing")
}

func (rpcPlugin) GRPCClient(_ context.Context, _ *goplugin.GRPCBroker, cc *grpc.ClientConn) (any, error) {
	return pb.NewPluginClient(cc), nil
}

// serve takes in what the plugin gives until it is gone, or sends garbage: then
// it is ended.
func (pr *process) serve() {
	pr.distrust(pr.ch.Serve(pr.take))
	if !pr.run.dying() {
		pr.blame("closed its descriptor channel")
	}
	pr.run.kill() // without the channel it is of no use
}

// distrust ends a plugin that has sent garbage.
func (pr *process) distrust(err error) {
	if errors.Is(err, fdchan.ErrGarbage) {
		pr.condemn("sent %v", err)
	}
}

// dead reports whether the process cannot be called any more.
func (pr *process) dead() bool {
	select {
	case <-pr.run.exited:
		return true
	default:
	}
	pr.mu.Lock()
	gone := pr.gone
	pr.mu.Unlock()
	return gone || pr.run.ended()
}

// enter begins a call, false when it is too late. Each needs a leave.
func (pr *process) enter() bool {
	pr.mu.Lock()
	defer pr.mu.Unlock()
	if pr.gone {
		return false
	}
	pr.calls++
	pr.using.Add(1)
	return true
}

func (pr *process) leave() {
	pr.mu.Lock()
	pr.calls--
	pr.rest()
	pr.mu.Unlock()
	pr.using.Done()
}

// fell kills the process and returns when it is gone: from then on nothing more
// can come from it.
func (pr *process) fell() {
	pr.mu.Lock()
	pr.gone = true
	pr.mu.Unlock()
	pr.run.kill()
	<-pr.run.exited
}

// end ends the process in order: its lifeline, a moment, SIGKILL.
func (pr *process) end() {
	pr.mu.Lock()
	pr.gone, pr.excused = true, pr.why == ""
	pr.mu.Unlock()
	pr.run.dismiss()
	t := time.NewTimer(endGrace)
	defer t.Stop()
	select {
	case <-pr.run.exited:
	case <-t.C:
		pr.run.kill()
		<-pr.run.exited
	}
}

// cleanup frees what a process that is gone has left here. Calls under way end
// first: they may still find their descriptor in the channel.
func (pr *process) cleanup() {
	pr.loseAll()
	pr.client.Kill() // kills nobody any more; ends go-plugin's goroutines
	pr.mu.Lock()
	conns := pr.conns
	pr.mu.Unlock()
	for _, cc := range conns {
		cc.Close()
	}
	pr.using.Wait()
	if pr.ch != nil {
		pr.ch.Close()
		pr.served.Wait()
	}
	if pr.run != nil {
		pr.run.killStrays()
	}
}
