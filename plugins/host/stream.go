package host

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/internal/wire"
	"github.com/sosh-shell/sosh/plugins/internal/wire/pb"
)

// patient is the limit of a call that waits for a peer: the caller's own.
const patient = time.Duration(math.MaxInt64 / 2)

// openFar opens a socket that stays with the plugin.
func (x *proxy) openFar(ctx context.Context, req socket.OpenRequest) (socket.Handle, error) {
	var h socket.Handle
	_, err := x.call(ctx, x.h.cfg.CallTimeout, "open", func(ctx context.Context, pr *process) error {
		if !pr.looks() && pr.desc.Kind.Messages() {
			return x.messageless(pr)
		}
		var err error
		h, err = x.take(pr, false, func() (*pb.Opened, error) {
			return pr.rpc.Open(ctx, &pb.OpenRequest{Family: string(req.Family), Options: wire.FromSettings(req.Options)})
		})
		return err
	})
	if err != nil {
		report, err := outcome(nil, err)
		return socket.Handle{FD: -1, Report: report}, err
	}
	return h, nil
}

// acceptFar accepts a connection that stays with the plugin.
func (x *proxy) acceptFar(ctx context.Context, s socket.Lent) (socket.Handle, error) {
	c, ok := s.Carrier.(*carrier)
	if !ok || c.pr.name != x.p.name {
		return socket.Handle{FD: -1}, notOurs(x.p.name)
	}
	if err := ctx.Err(); err != nil {
		return socket.Handle{FD: -1}, err
	}
	if err := c.broken(); err != nil {
		return socket.Handle{FD: -1}, err // as the plugin told it: its call would know of no socket
	}
	var h socket.Handle
	err := c.pr.try(context.Background(), x.h.cfg.CallTimeout, func(ctx context.Context) error {
		var err error
		h, err = x.take(c.pr, true, func() (*pb.Opened, error) {
			drainOne(s.FD) // the note that this accept answers; not before it is sure to be made
			return c.pr.rpc.Accept(ctx, &pb.AcceptRequest{Socket: &pb.Lent{Handle: c.handle, Mark: s.Mark}})
		})
		return err
	})
	if err != nil {
		report, err := outcome(nil, c.fate(err))
		return socket.Handle{FD: -1, Report: report}, err
	}
	return h, nil
}

// take makes the call that gives a socket, and carries the socket.
func (x *proxy) take(pr *process, connected bool, rpc func() (*pb.Opened, error)) (socket.Handle, error) {
	ours, theirs, err := pair() // before: with descriptors used up, nothing is asked for
	if err != nil {
		return socket.Handle{}, err
	}
	m, err := rpc()
	kind := pr.desc.Kind
	if k := socket.Kind(m.GetKind()); k != "" {
		kind = k
	}
	if err == nil && (m.Handle == 0 || len(m.Mark) > socket.MaxMark || !pr.desc.Gives(kind)) {
		err = pr.broke("gave no handle, a mark of %d bytes, or a %q socket", len(m.Mark), kind)
	}
	if err != nil {
		ours.Close()
		closeFD(theirs)
		return socket.Handle{}, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := &carrier{pr: pr, handle: m.Handle, kind: kind, cancel: cancel, ended: make(chan struct{}), gone: make(chan struct{}), live: connected}
	c.update(m.Facts)
	st, err := pr.rpc.Stream(ctx, carried...)
	if err == nil {
		err = st.Send(&pb.ToSocket{What: &pb.ToSocket_Handle{Handle: m.Handle}})
	}
	p := &pump{carrier: c, st: st, ours: ours}
	if err == nil && (!pr.carry(c) || !x.h.task(p.run)) {
		err = errDied
	}
	if err != nil {
		pr.drop(c)
		cancel()
		ours.Close()
		closeFD(theirs)
		return socket.Handle{}, err
	}
	return socket.Handle{FD: theirs, Mark: m.Mark, Carrier: c, Kind: kind, Report: wire.ToReport(m.Report)}, nil
}

// borrowFar makes a call on a socket that the plugin holds. There is no second try:
// the socket is gone with its plugin.
func (x *proxy) borrowFar(ctx context.Context, s socket.Lent, what socket.Call,
	rpc func(context.Context, *process, *pb.Lent) (*pb.Facts, error)) error {
	c, ok := s.Carrier.(*carrier)
	if !ok || c.pr.name != x.p.name {
		return notOurs(x.p.name)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	limit := x.h.cfg.CallTimeout
	if what == socket.CallConnect {
		limit = patient
	}
	err := c.pr.try(ctx, limit, func(ctx context.Context) error {
		facts, err := rpc(ctx, c.pr, &pb.Lent{Handle: c.handle, Mark: s.Mark})
		c.update(facts)
		return err
	})
	var a *answered
	if errors.As(err, &a) {
		c.update(a.facts)
	}
	if err == nil && what == socket.CallConnect {
		c.connected()
	}
	return c.fate(err)
}

// fate makes a plugin's death what it is for a socket that it carried. Where it was ended
// for what it did in this very call, that is said.
func (c *carrier) fate(err error) error {
	if errors.Is(err, errDied) {
		c.lose()
		return c.gonePlugin()
	}
	var e *socket.Error
	if err == nil || !c.pr.dead() || isAnswer(err) || !errors.Is(err, socket.Failed) || !errors.As(err, &e) {
		return err
	}
	c.lose()
	return &socket.Error{Op: e.Op, Err: socket.Faultf(socket.Lost, "%v, and what it carried is lost", e.Err), Hint: e.Hint}
}

func isAnswer(err error) bool {
	var a *answered
	return errors.As(err, &a)
}

// shutdownFar ends the writing direction behind the bytes that are still in the
// pair: the pair is half closed, and the pump passes that on.
func (x *proxy) shutdownFar(ctx context.Context, s socket.Lent, c *carrier, how socket.How) (report socket.Report, err error) {
	if c.pr.desc.Held { // it may have no half ends
		_, _, err = x.done(ctx, s, socket.CallShutdown, func(ctx context.Context, pr *process, l *pb.Lent) (*pb.Done, error) {
			return pr.rpc.Shutdown(ctx, &pb.ShutdownRequest{Socket: l, How: int32(how), Ask: true})
		})
		if err != nil {
			return nil, err
		}
	}
	if how == socket.ShutdownBoth {
		report, _, err = x.done(ctx, s, socket.CallShutdown, func(ctx context.Context, pr *process, l *pb.Lent) (*pb.Done, error) {
			return pr.rpc.Shutdown(ctx, &pb.ShutdownRequest{Socket: l, How: int32(socket.ShutdownRead)})
		})
		if err != nil {
			return report, err
		}
	}
	err = shutdownWrite(s.FD)
	if err == nil {
		report = append(report, socket.Syscall{Call: "shutdown(fd, SHUT_WR)", Result: "0"})
	}
	return report, err
}
