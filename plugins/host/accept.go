package host

import (
	"context"
	"errors"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/internal/wire"
	"github.com/sosh-shell/sosh/plugins/internal/wire/pb"
)

// Accept implements socket.Accepter. A connection that the plugin has taken exists
// nowhere else, so an accept is not given up, nor made again, once it is asked for:
// ctx is heard before that only. It does not wait, so that is soon over.
func (x *proxy) Accept(ctx context.Context, s socket.Lent) (socket.Handle, error) {
	none := socket.Handle{FD: -1}
	switch {
	case !x.p.desc.Load().Can(socket.CallAccept):
		return none, x.lacks(socket.CallAccept)
	case s.Carrier != nil || x.far():
		return x.acceptFar(ctx, s)
	case s.FD < 0:
		return none, notOurs(x.p.name)
	}
	defer nonblocking(s.FD)
	a := &accepting{x: x, family: familyOf(s.FD), s: s}
	if err := a.send(ctx); err != nil {
		return none, err
	}
	return a.finish()
}

// accepting is one accept on one process.
type accepting struct {
	x      *proxy
	s      socket.Lent
	family socket.Family
	pr     *process
	call   uint64
}

// send sends the listener's descriptor. Until that is done nothing can have been
// accepted: a plugin that dies before is started again.
func (a *accepting) send(ctx context.Context) error {
	for tries := 1; ; tries++ {
		pr, err := a.x.p.running(ctx)
		if err != nil {
			return err
		}
		if pr.enter() {
			err = pr.tryEntered(ctx, a.x.h.cfg.CallTimeout, func(ctx context.Context) error { return a.sendTo(ctx, pr) })
			if err == nil {
				a.pr = pr // finish leaves it
				return nil
			}
			pr.leave()
		} else {
			err = pr.absent()
		}
		switch {
		case !errors.Is(err, errDied):
			return err
		case errors.Is(err, errMoved):
			tries--
		case tries == maxTries:
			return a.x.died(socket.CallAccept)
		}
	}
}

func (a *accepting) sendTo(ctx context.Context, pr *process) error {
	a.call = pr.lastCall.Add(1)
	if err := pr.expect(a.call); err != nil {
		return err
	}
	if err := pr.sendLend(ctx, a.call, a.s.FD); err != nil {
		pr.settle(a.call, false)
		return err
	}
	return nil
}

// finish makes the call. It takes no context: nobody may give it up.
func (a *accepting) finish() (socket.Handle, error) {
	defer a.pr.leave()
	var report socket.Report
	err := a.pr.tryEntered(context.Background(), a.x.h.cfg.CallTimeout, func(ctx context.Context) error {
		return a.pr.lent(a.call, a.s, func(l *pb.Lent) error {
			m, err := a.pr.rpc.Accept(ctx, &pb.AcceptRequest{Socket: l})
			report = wire.ToReport(m.GetReport())
			return err
		})
	})
	// When the plugin died or hung it is gone by now, and the channel's content final.
	var refused *answered
	g := a.pr.settle(a.call, !errors.As(err, &refused))
	switch {
	case g.came:
		return a.pr.received(g, a.family, report)
	case err == nil:
		err = a.pr.broke("gave no descriptor")
	case errors.Is(err, errDied):
		err = pluginError(a.x.p.name, "accept again: the listener is unharmed",
			"died in accept: a connection that it had just taken may be gone")
	}
	report, err = outcome(report, err)
	return socket.Handle{FD: -1, Report: report}, err
}
