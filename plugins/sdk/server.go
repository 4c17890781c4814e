package sdk

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/internal/wire"
	"github.com/sosh-shell/sosh/plugins/internal/wire/pb"
)

// server answers the host's calls with the protocol's methods.
type server struct {
	pb.UnimplementedPluginServer
	p       Protocol
	desc    Description
	sockets sockets
	layers  layers
}

// sockets is how a socket gets here and away: passed as a descriptor for each
// call (passing), or held here under a handle (holding).
type sockets interface {
	// with calls f with the socket, which is valid until f returns.
	with(ctx context.Context, l *pb.Lent, f func(Lent) error) error
	// keep takes over the descriptor that came with a call.
	keep(ctx context.Context, call uint64) (int, error)
	// give hands a new socket to the host. The descriptor is no longer the caller's.
	give(ctx context.Context, call uint64, h Handle) (*pb.Opened, error)
	// connecting turns what Connect returned into what the host is told.
	connecting(ctx context.Context, l *pb.Lent, err error) error
	// listening and accepted say what was done to a socket.
	listening(l *pb.Lent)
	accepted(l *pb.Lent)
	// canEnd reports whether a direction of the socket can be ended.
	canEnd(l *pb.Lent, how How) error
	// facts are what the host cannot ask the kernel; nil when it can.
	facts(l *pb.Lent) *pb.Facts
	stream(s pb.Plugin_StreamServer) error
}

func (s *server) lacks(c socket.Call) error {
	return wire.Status(Faultf(Unsupported, "%s has no %s", s.desc.Name, c), nil, nil)
}

func (s *server) Describe(context.Context, *pb.DescribeRequest) (*pb.Description, error) {
	return wire.FromDescription(s.desc), nil
}

func (s *server) Resolve(ctx context.Context, m *pb.ResolveRequest) (*pb.ResolveResponse, error) {
	r, ok := s.p.(Resolver)
	if !ok {
		return nil, s.lacks(socket.CallResolve)
	}
	family, err := wire.ToFamily(m.Family)
	var as []Address
	if err == nil {
		as, err = r.Resolve(ctx, ResolveRequest{Text: string(m.Text), Family: family, Passive: m.Passive})
	}
	if err != nil {
		return nil, wire.Status(err, nil, nil)
	}
	return &pb.ResolveResponse{Addresses: wire.FromAddresses(as)}, nil
}

func (s *server) Open(ctx context.Context, m *pb.OpenRequest) (*pb.Opened, error) {
	family, err := wire.ToFamily(m.Family)
	if err != nil {
		return nil, wire.Status(err, nil, nil)
	}
	h, err := s.p.Open(ctx, OpenRequest{Family: family, Options: wire.ToSettings(m.Options)})
	if err != nil {
		return nil, wire.Status(err, h.Report, nil)
	}
	return s.opened(ctx, m.Call, h)
}

func (s *server) Accept(ctx context.Context, m *pb.AcceptRequest) (*pb.Opened, error) {
	a, ok := s.p.(Accepter)
	if !ok {
		return nil, s.lacks(socket.CallAccept)
	}
	var h Handle
	err := s.with(ctx, m.Socket, func(l Lent) (err error) {
		h, err = a.Accept(ctx, l)
		return err
	})
	s.sockets.accepted(m.Socket)
	if err != nil {
		return nil, wire.Status(err, h.Report, s.sockets.facts(m.Socket))
	}
	return s.opened(ctx, m.Socket.GetCall(), h)
}

// opened gives a new socket away and answers the call.
func (s *server) opened(ctx context.Context, call uint64, h Handle) (*pb.Opened, error) {
	if len(h.Mark) > socket.MaxMark {
		discard(h)
		return nil, wire.Status(Faultf(Failed, "%s gave a mark of %d bytes; %d are allowed",
			s.desc.Name, len(h.Mark), socket.MaxMark), h.Report, nil)
	}
	m, err := s.sockets.give(ctx, call, h)
	if err != nil {
		if !errors.Is(err, Unsupported) {
			err = Faultf(Failed, "%v", err) // no errno of the socket's
		}
		return nil, wire.Status(fmt.Errorf("handing the socket over: %w", err), h.Report, nil)
	}
	m.Mark, m.Report = h.Mark, wire.FromReport(h.Report)
	return m, nil
}

// discard closes a socket that nobody gets.
func discard(h Handle) {
	if f, ok := h.Carrier.(far); ok {
		f.close()
		return
	}
	closeDescriptor(h.FD)
}

// done runs a call that borrows a socket and answers with what it did.
func (s *server) done(ctx context.Context, l *pb.Lent, f func(Lent) (Report, error)) (*pb.Done, error) {
	var report Report
	err := s.with(ctx, l, func(l Lent) (err error) {
		report, err = f(l)
		return err
	})
	if err != nil {
		return nil, wire.Status(err, report, s.sockets.facts(l))
	}
	return &pb.Done{Report: wire.FromReport(report), Facts: s.sockets.facts(l)}, nil
}

func (s *server) Bind(ctx context.Context, m *pb.BindRequest) (*pb.Done, error) {
	b, ok := s.p.(Binder)
	if !ok {
		return nil, s.lacks(socket.CallBind)
	}
	return s.done(ctx, m.Socket, func(l Lent) (Report, error) {
		a, err := address(m.Local)
		if err != nil {
			return nil, err
		}
		return b.Bind(ctx, l, a)
	})
}

func (s *server) Listen(ctx context.Context, m *pb.ListenRequest) (*pb.Done, error) {
	p, ok := s.p.(Listener)
	if !ok {
		return nil, s.lacks(socket.CallListen)
	}
	done, err := s.done(ctx, m.Socket, func(l Lent) (Report, error) { return p.Listen(ctx, l, int(m.Backlog)) })
	if err == nil {
		s.sockets.listening(m.Socket)
	}
	return done, err
}

func (s *server) Connect(ctx context.Context, m *pb.ConnectRequest) (*pb.Done, error) {
	c, ok := s.p.(Connector)
	if !ok {
		return nil, s.lacks(socket.CallConnect)
	}
	a, err := address(m.Remote)
	var report Report
	if err == nil {
		err = s.with(ctx, m.Socket, func(l Lent) (err error) {
			report, err = c.Connect(ctx, l, a)
			return err
		})
		err = s.sockets.connecting(ctx, m.Socket, err)
	}
	if err != nil {
		return nil, wire.Status(err, report, s.sockets.facts(m.Socket))
	}
	return &pb.Done{Report: wire.FromReport(report), Facts: s.sockets.facts(m.Socket)}, nil
}

func (s *server) Shutdown(ctx context.Context, m *pb.ShutdownRequest) (*pb.Done, error) {
	p, ok := s.p.(Shutdowner)
	if !ok {
		return nil, s.lacks(socket.CallShutdown)
	}
	if m.Ask {
		if err := s.sockets.canEnd(m.Socket, How(m.How)); err != nil {
			return nil, wire.Status(err, nil, nil)
		}
		return &pb.Done{}, nil
	}
	return s.done(ctx, m.Socket, func(l Lent) (Report, error) { return p.Shutdown(ctx, l, How(m.How)) })
}

func (s *server) Option(ctx context.Context, m *pb.OptionRequest) (*pb.Values, error) {
	o, ok := s.p.(Optioner)
	if !ok {
		return nil, s.lacks(socket.CallOption)
	}
	return s.values(ctx, m.Socket, func(l Lent) ([]Setting, Report, error) {
		return o.Option(ctx, l, wire.ToSettings(m.Set), m.Get)
	})
}

func (s *server) Info(ctx context.Context, m *pb.InfoRequest) (*pb.Values, error) {
	i, ok := s.p.(Informer)
	if !ok {
		return nil, s.lacks(socket.CallInfo)
	}
	return s.values(ctx, m.Socket, func(l Lent) ([]Setting, Report, error) {
		v, err := i.Info(ctx, l, m.Names)
		return v, nil, err
	})
}

func (s *server) values(ctx context.Context, l *pb.Lent, f func(Lent) ([]Setting, Report, error)) (*pb.Values, error) {
	var v []Setting
	var report Report
	err := s.with(ctx, l, func(l Lent) (err error) {
		v, report, err = f(l)
		return err
	})
	if err != nil {
		return nil, wire.Status(err, report, s.sockets.facts(l))
	}
	return &pb.Values{Values: wire.FromSettings(v), Report: wire.FromReport(report), Facts: s.sockets.facts(l)}, nil
}

// Look tells the facts of a socket that is held here.
func (s *server) Look(_ context.Context, m *pb.Lent) (*pb.Facts, error) {
	if f := s.sockets.facts(m); f != nil {
		return f, nil
	}
	return nil, wire.Status(fmt.Errorf("no socket is held here by that handle: %w", syscall.ENOTCONN), nil, nil)
}

func (s *server) Stream(st pb.Plugin_StreamServer) error { return s.sockets.stream(st) }

func address(m *pb.Address) (Address, error) {
	a, err := wire.ToAddress(m)
	if err != nil {
		return Address{}, Faultf(Usage, "%v", err)
	}
	return a, nil
}
