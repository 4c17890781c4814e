package conform_test

import (
	"context"
	"reflect"

	"github.com/sosh-shell/sosh/plugins/sdk"
	"github.com/sosh-shell/sosh/plugins/tcp"
	"github.com/sosh-shell/sosh/plugins/udp"
	"github.com/sosh-shell/sosh/plugins/unix"
)

// packets is a protocol of datagrams, sockets one with connections.
type (
	packets interface {
		sdk.Protocol
		sdk.Resolver
		sdk.Binder
		sdk.Connector
		sdk.Shutdowner
		sdk.Optioner
		sdk.Informer
	}
	sockets interface {
		packets
		sdk.Listener
		sdk.Accepter
	}
)

// faultyPackets is a good protocol with some of its calls replaced.
type faultyPackets struct {
	good     packets
	describe func(sdk.Description) sdk.Description
	resolve  func(context.Context, sdk.ResolveRequest) ([]sdk.Address, error)
	open     func(context.Context, sdk.OpenRequest) (sdk.Handle, error)
	bind     func(context.Context, sdk.Lent, sdk.Address) (sdk.Report, error)
	connect  func(context.Context, sdk.Lent, sdk.Address) (sdk.Report, error)
	shutdown func(context.Context, sdk.Lent, sdk.How) (sdk.Report, error)
	option   func(context.Context, sdk.Lent, []sdk.Setting, []string) ([]sdk.Setting, sdk.Report, error)
	info     func(context.Context, sdk.Lent, []string) ([]sdk.Setting, error)
}

func (f *faultyPackets) Describe() sdk.Description {
	if f.describe == nil {
		return f.good.Describe()
	}
	return f.describe(f.good.Describe())
}

func (f *faultyPackets) Resolve(ctx context.Context, r sdk.ResolveRequest) ([]sdk.Address, error) {
	return or(f.resolve, f.good.Resolve)(ctx, r)
}

func (f *faultyPackets) Open(ctx context.Context, r sdk.OpenRequest) (sdk.Handle, error) {
	return or(f.open, f.good.Open)(ctx, r)
}

func (f *faultyPackets) Bind(ctx context.Context, s sdk.Lent, a sdk.Address) (sdk.Report, error) {
	return or(f.bind, f.good.Bind)(ctx, s, a)
}

func (f *faultyPackets) Connect(ctx context.Context, s sdk.Lent, a sdk.Address) (sdk.Report, error) {
	return or(f.connect, f.good.Connect)(ctx, s, a)
}

func (f *faultyPackets) Shutdown(ctx context.Context, s sdk.Lent, how sdk.How) (sdk.Report, error) {
	return or(f.shutdown, f.good.Shutdown)(ctx, s, how)
}

func (f *faultyPackets) Option(ctx context.Context, s sdk.Lent, set []sdk.Setting, get []string) ([]sdk.Setting, sdk.Report, error) {
	return or(f.option, f.good.Option)(ctx, s, set, get)
}

func (f *faultyPackets) Info(ctx context.Context, s sdk.Lent, names []string) ([]sdk.Setting, error) {
	return or(f.info, f.good.Info)(ctx, s, names)
}

// faulty has connections, too.
type faulty struct {
	*faultyPackets
	good   sockets
	listen func(context.Context, sdk.Lent, int) (sdk.Report, error)
	accept func(context.Context, sdk.Lent) (sdk.Handle, error)
}

func (f *faulty) Listen(ctx context.Context, s sdk.Lent, n int) (sdk.Report, error) {
	return or(f.listen, f.good.Listen)(ctx, s, n)
}

func (f *faulty) Accept(ctx context.Context, s sdk.Lent) (sdk.Handle, error) {
	return or(f.accept, f.good.Accept)(ctx, s)
}

// or is the fault, a function, where there is one.
func or[F any](fault, good F) F {
	if reflect.ValueOf(fault).IsNil() {
		return good
	}
	return fault
}

// badTCP, badUnix and badUDP are these protocols with a fault.
func badTCP(fault func(*faulty)) func() sdk.Protocol  { return bad(tcp.New, fault) }
func badUnix(fault func(*faulty)) func() sdk.Protocol { return bad(unix.New, fault) }

func bad(good func() sdk.Protocol, fault func(*faulty)) func() sdk.Protocol {
	return func() sdk.Protocol {
		g := good().(sockets)
		f := &faulty{faultyPackets: &faultyPackets{good: g}, good: g}
		fault(f)
		return f
	}
}

func badUDP(fault func(*faultyPackets)) func() sdk.Protocol {
	return func() sdk.Protocol {
		f := &faultyPackets{good: udp.New().(packets)}
		fault(f)
		return f
	}
}

// named gives a protocol a name of its own, for a plugin process.
func named(name string, fault func(*faulty)) func(*faulty) {
	return func(f *faulty) {
		fault(f)
		f.describe = func(d sdk.Description) sdk.Description { d.Name = name; return d }
	}
}
