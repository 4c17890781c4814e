package host

import (
	"context"
	"errors"
	"syscall"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/internal/wire"
	"github.com/sosh-shell/sosh/plugins/internal/wire/pb"
)

// proxy is a plugin as a protocol. It has every method of the contract, and refuses
// those that the description lacks without starting anything.
type proxy struct {
	h *Host
	p *plugin
}

var _ socket.Complete = (*proxy)(nil)

// Describe implements socket.Protocol. It starts nothing.
func (x *proxy) Describe() socket.Description { return *x.p.desc.Load() }

// desc says what can be done with a socket: one that lives in a process has that
// build's description.
func (x *proxy) desc(s socket.Lent) *socket.Description {
	if c, ok := s.Carrier.(*carrier); ok {
		return c.pr.desc
	}
	return x.p.desc.Load()
}

// Resolve implements socket.Resolver.
func (x *proxy) Resolve(ctx context.Context, req socket.ResolveRequest) ([]socket.Address, error) {
	if !x.p.desc.Load().Can(socket.CallResolve) {
		return nil, x.lacks(socket.CallResolve)
	}
	var as []socket.Address
	_, err := x.call(ctx, x.h.cfg.ResolveTimeout, socket.CallResolve, func(ctx context.Context, pr *process) error {
		m, err := pr.rpc.Resolve(ctx, &pb.ResolveRequest{Text: []byte(req.Text), Family: string(req.Family), Passive: req.Passive})
		if err != nil {
			return err
		}
		if as, err = wire.ToAddresses(m.Addresses); err == nil && len(as) == 0 {
			err = errors.New("no address and no error")
		}
		if err != nil {
			return pr.broke("resolved to nonsense: %v", err)
		}
		return nil
	})
	_, err = outcome(nil, err)
	return as, err
}

// Open implements socket.Protocol.
func (x *proxy) Open(ctx context.Context, req socket.OpenRequest) (socket.Handle, error) {
	if x.far() {
		return x.openFar(ctx, req)
	}
	return x.open(ctx, req)
}

// far reports whether the sockets stay with the plugin.
func (x *proxy) far() bool { return x.p.form() == Stream }

func (pr *process) openRPC(ctx context.Context, call uint64, req socket.OpenRequest) (socket.Report, error) {
	m, err := pr.rpc.Open(ctx, &pb.OpenRequest{Call: call, Family: string(req.Family), Options: wire.FromSettings(req.Options)})
	return wire.ToReport(m.GetReport()), answer(err)
}

// Bind implements socket.Binder. A bind whose plugin died may have been done: then
// the second one fails, and the socket has an address that it had not before.
func (x *proxy) Bind(ctx context.Context, s socket.Lent, local socket.Address) (socket.Report, error) {
	before := localOf(s.FD)
	report, tries, err := x.done(ctx, s, socket.CallBind, func(ctx context.Context, pr *process, l *pb.Lent) (*pb.Done, error) {
		return pr.rpc.Bind(ctx, &pb.BindRequest{Socket: l, Local: wire.FromAddress(local)})
	})
	if tries > 1 && errors.Is(err, syscall.EINVAL) && s.Carrier == nil && localOf(s.FD) != before {
		err = nil
	}
	return report, err
}

// Listen implements socket.Listener.
func (x *proxy) Listen(ctx context.Context, s socket.Lent, backlog int) (socket.Report, error) {
	report, _, err := x.done(ctx, s, socket.CallListen, func(ctx context.Context, pr *process, l *pb.Lent) (*pb.Done, error) {
		return pr.rpc.Listen(ctx, &pb.ListenRequest{Socket: l, Backlog: int32(min(max(backlog, 0), 1<<30))})
	})
	return report, err
}

// Connect implements socket.Connector. A connect whose plugin died may have been
// begun, or even be done.
func (x *proxy) Connect(ctx context.Context, s socket.Lent, remote socket.Address) (socket.Report, error) {
	before := remoteOf(s.FD)
	report, tries, err := x.done(ctx, s, socket.CallConnect, func(ctx context.Context, pr *process, l *pb.Lent) (*pb.Done, error) {
		return pr.rpc.Connect(ctx, &pb.ConnectRequest{Socket: l, Remote: wire.FromAddress(remote)})
	})
	if tries > 1 && s.Carrier == nil && before.IsZero() {
		switch {
		case errors.Is(err, syscall.EALREADY):
			err = syscall.EINPROGRESS
		case errors.Is(err, syscall.EISCONN):
			err = nil
		}
	}
	return report, err
}

// Shutdown implements socket.Shutdowner.
func (x *proxy) Shutdown(ctx context.Context, s socket.Lent, how socket.How) (socket.Report, error) {
	if c, ok := s.Carrier.(*carrier); ok && c.pr.desc.Can(socket.CallShutdown) && how != socket.ShutdownRead && c.flowing() {
		return x.shutdownFar(ctx, s, c, how)
	}
	report, _, err := x.done(ctx, s, socket.CallShutdown, func(ctx context.Context, pr *process, l *pb.Lent) (*pb.Done, error) {
		return pr.rpc.Shutdown(ctx, &pb.ShutdownRequest{Socket: l, How: int32(how)})
	})
	return report, err
}

// done makes a call that borrows a socket and answers with a report.
func (x *proxy) done(ctx context.Context, s socket.Lent, what socket.Call,
	rpc func(context.Context, *process, *pb.Lent) (*pb.Done, error)) (report socket.Report, tries int, err error) {
	if !x.desc(s).Can(what) {
		return nil, 1, x.lacks(what)
	}
	tries, err = x.borrow(ctx, s, what, func(ctx context.Context, pr *process, l *pb.Lent) (*pb.Facts, error) {
		m, err := rpc(ctx, pr, l)
		report = wire.ToReport(m.GetReport())
		return m.GetFacts(), err
	})
	report, err = outcome(report, err)
	return report, tries, err
}

// borrow makes a call that borrows a socket: by its descriptor, or by its handle
// where the plugin holds it.
func (x *proxy) borrow(ctx context.Context, s socket.Lent, what socket.Call,
	rpc func(context.Context, *process, *pb.Lent) (*pb.Facts, error)) (tries int, err error) {
	if c, ok := s.Carrier.(*carrier); ok && c.layer {
		return 1, x.borrowLayer(ctx, c, rpc)
	}
	if s.Carrier != nil || x.far() {
		return 1, x.borrowFar(ctx, s, what, rpc)
	}
	if s.FD < 0 {
		return 1, notOurs(x.p.name)
	}
	defer nonblocking(s.FD)
	return x.call(ctx, x.h.cfg.CallTimeout, what, func(ctx context.Context, pr *process) error {
		return pr.lend(ctx, s, func(l *pb.Lent) error { _, err := rpc(ctx, pr, l); return err })
	})
}

// Option implements socket.Optioner.
func (x *proxy) Option(ctx context.Context, s socket.Lent, set []socket.Setting, get []string) ([]socket.Setting, socket.Report, error) {
	return x.values(ctx, s, socket.CallOption, func(ctx context.Context, pr *process, l *pb.Lent) (*pb.Values, error) {
		return pr.rpc.Option(ctx, &pb.OptionRequest{Socket: l, Set: wire.FromSettings(set), Get: wire.FromNames(get)})
	})
}

// Info implements socket.Informer.
func (x *proxy) Info(ctx context.Context, s socket.Lent, names []string) ([]socket.Setting, error) {
	if c, ok := s.Carrier.(*carrier); ok && c.layer {
		if facts, ok := c.lastFacts(names); ok {
			return facts, nil
		}
	}
	v, _, err := x.values(ctx, s, socket.CallInfo, func(ctx context.Context, pr *process, l *pb.Lent) (*pb.Values, error) {
		return pr.rpc.Info(ctx, &pb.InfoRequest{Socket: l, Names: wire.FromNames(names)})
	})
	return v, err
}

func (x *proxy) values(ctx context.Context, s socket.Lent, what socket.Call,
	rpc func(context.Context, *process, *pb.Lent) (*pb.Values, error)) (v []socket.Setting, report socket.Report, err error) {
	if !x.desc(s).Can(what) {
		return nil, nil, x.lacks(what)
	}
	_, err = x.borrow(ctx, s, what, func(ctx context.Context, pr *process, l *pb.Lent) (*pb.Facts, error) {
		m, err := rpc(ctx, pr, l)
		v, report = wire.ToSettings(m.GetValues()), wire.ToReport(m.GetReport())
		return m.GetFacts(), err
	})
	report, err = outcome(report, err)
	if err != nil {
		v = nil
	}
	return v, report, err
}
