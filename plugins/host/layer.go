package host

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/internal/wire"
	"github.com/sosh-shell/sosh/plugins/internal/wire/pb"
)

// Wrap implements socket.Wrapper. The plugin gets a copy of the descriptor; there is
// no second try when it dies, as it may have read and written by then.
func (x *proxy) Wrap(ctx context.Context, req socket.WrapRequest) (socket.Handle, error) {
	defer closeFD(req.FD)
	none := socket.Handle{FD: -1}
	switch {
	case !x.p.desc.Load().Can(socket.CallWrap):
		return none, x.lacks(socket.CallWrap)
	case x.p.form() == Stream:
		return none, socket.Faultf(socket.Unsupported, "%s needs descriptors, which cannot travel here", x.p.name)
	case len(req.Unread) > socket.MaxMessage:
		return none, socket.Faultf(socket.Full, "%d unread bytes are too many to hand over: receive them first", len(req.Unread))
	}
	pr, call, err := x.sendBelow(ctx, req.FD)
	if err != nil {
		return none, err
	}
	defer pr.leave()
	// The stream outlives this call: only until the layer is on does ctx end it.
	life, cancel := context.WithCancel(context.Background())
	stop := context.AfterFunc(ctx, cancel)
	opened, st, err := pr.wrap(life, call, req)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		err = pr.judge(ctx, context.Background(), 0, err)
		pr.settle(call, false)
		cancel()
		if ctx.Err() != nil {
			pr.endAlone() // it may go on, and keep its copy of the socket
		}
		if errors.Is(err, errDied) {
			err = pluginError(x.p.name, "", "died as it shook hands")
		}
		report, err := outcome(nil, err)
		return socket.Handle{FD: -1, Report: report}, err
	}
	return x.layered(pr, call, opened, st, cancel)
}

// sendBelow sends the descriptor beneath to a process, which the caller leaves. Until
// that is done nobody can have read or written it: a plugin that dies before is
// started again.
func (x *proxy) sendBelow(ctx context.Context, fd int) (*process, uint64, error) {
	for tries := 1; ; tries++ {
		pr, err := x.p.running(ctx)
		if err != nil {
			return nil, 0, err
		}
		if pr.enter() {
			call := pr.lastCall.Add(1)
			if err = pr.expect(call); err == nil {
				if err = pr.sendLend(ctx, call, fd); err == nil {
					return pr, call, nil
				}
				err = pr.judge(ctx, context.Background(), 0, err)
				pr.settle(call, false)
			}
			pr.leave()
		} else {
			err = pr.absent()
		}
		switch {
		case !errors.Is(err, errDied):
			return nil, 0, err
		case errors.Is(err, errMoved):
			tries--
		case tries == maxTries:
			return nil, 0, x.died(socket.CallWrap)
		}
	}
}

// wrap makes the call and waits for its first word.
func (pr *process) wrap(life context.Context, call uint64, req socket.WrapRequest) (*pb.Opened, grpc.ServerStreamingClient[pb.LayerEvent], error) {
	var first *pb.LayerEvent
	var st grpc.ServerStreamingClient[pb.LayerEvent]
	err := pr.lent(call, socket.Lent{}, func(*pb.Lent) (err error) {
		if st, err = pr.rpc.Wrap(life, wire.FromWrap(call, req), grpc.MaxCallSendMsgSize(wire.MaxCarried), grpc.MaxCallRecvMsgSize(wire.MaxCarried)); err == nil {
			first, err = st.Recv()
		}
		return err
	})
	if err == nil && first.GetOpened().GetHandle() == 0 {
		err = pr.broke("began a layer without a number")
	}
	return first.GetOpened(), st, err
}

// layered takes in the descriptor above and follows the layer from now on.
func (x *proxy) layered(pr *process, call uint64, m *pb.Opened, st grpc.ServerStreamingClient[pb.LayerEvent], cancel context.CancelFunc) (socket.Handle, error) {
	g := pr.settle(call, true)
	var err error
	var h socket.Handle
	if g.came {
		h, err = pr.received(g, socket.FamilyUnix, wire.ToReport(m.GetReport()))
	} else {
		err = pr.broke("gave no descriptor")
	}
	if err != nil {
		cancel()
		return socket.Handle{FD: -1}, err
	}
	c := &carrier{pr: pr, handle: m.GetHandle(), layer: true, cancel: cancel, attached: true, live: true,
		ended: make(chan struct{}), gone: make(chan struct{})}
	c.facts.State = "open"
	if !pr.carry(c) || !x.h.task(func() { c.follow(st) }) {
		pr.drop(c)
		cancel()
		closeFD(h.FD)
		return socket.Handle{FD: -1}, x.died(socket.CallWrap)
	}
	h.Carrier = c
	return h, nil
}

// abortTime bounds the plugin's answer to an abort: one that does not answer is ended,
// as it holds a copy of the socket beneath.
const abortTime = time.Second

// abort makes the layer's end a reset before the close that follows: a cancelled call
// could come after it.
func (c *carrier) abort() {
	ctx, cancel := context.WithTimeout(context.Background(), abortTime)
	defer cancel()
	if _, err := c.pr.rpc.Abort(ctx, &pb.LayerRequest{Layer: c.handle}); err != nil {
		if ctx.Err() != nil || status.Code(err) == codes.DeadlineExceeded { // gRPC's clock may be a little faster
			c.pr.blame("did not reset a layer within %v", abortTime)
			c.pr.fell()
		}
		c.cancel()
	}
}

// maxEvents bounds what a plugin may tell of one layer: its beginning, its end, what
// it leaves, and as much again.
const maxEvents = 8

// follow notes what the plugin tells of the layer, until nothing of it is left.
func (c *carrier) follow(st grpc.ServerStreamingClient[pb.LayerEvent]) {
	defer close(c.gone)
	defer c.pr.drop(c)
	defer c.cancel()
	for events := 1; ; events++ {
		m, err := st.Recv()
		if err == nil && events > maxEvents {
			c.pr.condemn("told of a layer's end more than %d times", maxEvents)
		}
		switch {
		case err != nil && c.wasAborted():
			c.end(socket.Reset)
			return
		case errors.Is(err, io.EOF):
			c.end(nil) // taken off, or closed by us
			return
		case err != nil:
			c.pr.brokeOff() // so that who hears of it and wraps anew gets another process
			c.lose()
			return
		}
		if f := m.GetFinish(); f != nil {
			c.end(wire.ToError(f.GetError()))
		}
		if v := m.GetLeft(); v != nil {
			c.mu.Lock()
			c.left, c.unread = wire.ToSettings(v.GetFacts()), v.GetUnread()
			c.mu.Unlock()
		}
	}
}

// lastFacts are the facts of a layer that has gone, all or those named; ok is false
// while it lives.
func (c *carrier) lastFacts(names []string) (facts []socket.Setting, ok bool) {
	if c.Gone(ended) != nil {
		return nil, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.left {
		if len(names) == 0 || slices.Contains(names, f.Name) {
			facts = append(facts, f)
		}
	}
	return facts, true
}

// ended is a context that waits for nothing.
var ended = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// borrowLayer makes a call on a layer of this plugin's.
func (x *proxy) borrowLayer(ctx context.Context, c *carrier, rpc func(context.Context, *process, *pb.Lent) (*pb.Facts, error)) error {
	if c.pr.name != x.p.name {
		return notOurs(x.p.name)
	}
	return c.fate(c.pr.try(ctx, x.h.cfg.CallTimeout, func(ctx context.Context) error {
		_, err := rpc(ctx, c.pr, &pb.Lent{Layer: c.handle})
		return err
	}))
}

// Unwrap implements socket.Wrapper.
func (x *proxy) Unwrap(ctx context.Context, s socket.Lent) ([]byte, error) {
	c, ok := s.Carrier.(*carrier)
	if !ok || !c.layer || c.pr.name != x.p.name {
		return nil, notOurs(x.p.name)
	}
	var unread []byte
	err := c.fate(c.pr.try(ctx, patient, func(ctx context.Context) error {
		m, err := c.pr.rpc.Unwrap(ctx, &pb.LayerRequest{Layer: c.handle}, grpc.MaxCallRecvMsgSize(wire.MaxCarried))
		unread = m.GetUnread()
		return err
	}))
	if err != nil {
		return c.afterwards(ctx, err)
	}
	return unread, nil
}

// afterwards is Unwrap for a layer that has ended by itself, or as it was asked to:
// what it left is here, and the reason of its own end is the error. err is what the
// plugin said.
func (c *carrier) afterwards(ctx context.Context, err error) ([]byte, error) {
	_, err = outcome(nil, err)
	soon, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTime)
	defer cancel()
	if c.Gone(soon) != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	unread := c.unread
	c.unread = nil
	if errors.Is(err, socket.Lost) {
		err = c.err
	}
	return unread, err
}
