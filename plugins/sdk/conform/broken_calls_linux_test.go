package conform_test

import (
	"context"
	"errors"
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/sdk"
)

// lentBy makes each call that is lent a socket do something more.
func lentBy(more func(sdk.Lent)) func(*faulty) {
	return func(f *faulty) {
		f.info = func(ctx context.Context, s sdk.Lent, names []string) ([]sdk.Setting, error) {
			more(s)
			return f.good.Info(ctx, s, names)
		}
	}
}

const (
	shutWrite = "Shutdown for writing ends after every byte, and leaves reading"
	shutBoth  = "Shutdown for both ends both"
	shutNone  = "Shutdown of what is not connected fails"
)

var brokenCalls = []broken{
	{does: "Bind binds to the world", construct: badTCP(func(f *faulty) {
		f.bind = func(ctx context.Context, s sdk.Lent, a sdk.Address) (sdk.Report, error) {
			if a.Family == sdk.FamilyIP4 {
				a.IP = netip.IPv4Unspecified()
			}
			return f.good.Bind(ctx, s, a)
		}
	}), fails: []string{"Bind to port 0 gets a port"}},
	{does: "Bind shares an address", construct: badTCP(func(f *faulty) {
		f.bind = func(ctx context.Context, s sdk.Lent, a sdk.Address) (sdk.Report, error) {
			unix.SetsockoptInt(s.FD, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
			return f.good.Bind(ctx, s, a)
		}
	}), fails: []string{"Bind refuses an address that is listened on"}},
	{does: "Bind keeps silent about another family", construct: badTCP(func(f *faulty) {
		f.bind = func(ctx context.Context, s sdk.Lent, a sdk.Address) (sdk.Report, error) {
			if a.Family == sdk.FamilyIP6 {
				return nil, nil
			}
			return f.good.Bind(ctx, s, a)
		}
	}), fails: []string{"Bind refuses an address of another family"}},
	{does: "Connect waits", construct: badTCP(func(f *faulty) {
		f.connect = func(ctx context.Context, s sdk.Lent, a sdk.Address) (sdk.Report, error) {
			r, err := f.good.Connect(ctx, s, a)
			if errors.Is(err, syscall.EINPROGRESS) {
				unix.Poll([]unix.PollFd{{Fd: int32(s.FD), Events: unix.POLLOUT}}, 3*int(patience/time.Millisecond))
			}
			return r, err
		}
	}), fails: []string{"Connect does not wait, or can be given up where it must"}},
	{does: "Connect reads SO_ERROR", construct: badTCP(func(f *faulty) {
		f.connect = func(ctx context.Context, s sdk.Lent, a sdk.Address) (sdk.Report, error) {
			r, err := f.good.Connect(ctx, s, a)
			unix.GetsockoptInt(s.FD, unix.SOL_SOCKET, unix.SO_ERROR)
			return r, err
		}
	}), fails: []string{soError, leavesError}},
	{does: "Connect writes into the connection", construct: badTCP(func(f *faulty) {
		f.connect = func(ctx context.Context, s sdk.Lent, a sdk.Address) (sdk.Report, error) {
			r, err := f.good.Connect(ctx, s, a)
			unix.SendmsgN(s.FD, []byte("x"), nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
			return r, err
		}
	}), fails: []string{bytesWhole, "A close ends the peer's stream after every byte", "A reset is told apart from an end", takesAll, soError,
		leavesError, copies, shutBoth, shutWrite}},
	{does: "Shutdown does nothing", construct: badTCP(func(f *faulty) {
		f.shutdown = func(context.Context, sdk.Lent, sdk.How) (sdk.Report, error) { return nil, nil }
	}), fails: []string{shutWrite, shutBoth, shutNone}},
	{does: "Shutdown for both leaves reading", construct: badTCP(func(f *faulty) {
		f.shutdown = func(ctx context.Context, s sdk.Lent, how sdk.How) (sdk.Report, error) {
			if how == sdk.ShutdownBoth {
				how = sdk.ShutdownWrite
			}
			return f.good.Shutdown(ctx, s, how)
		}
	}), fails: []string{shutBoth}},
	{does: "Shutdown keeps silent about a socket without a peer", construct: badTCP(func(f *faulty) {
		f.shutdown = func(ctx context.Context, s sdk.Lent, how sdk.How) (sdk.Report, error) {
			r, err := f.good.Shutdown(ctx, s, how)
			if errors.Is(err, syscall.ENOTCONN) {
				err = nil
			}
			return r, err
		}
	}), fails: []string{shutNone}},
	{does: "Shutdown for writing ends reading", construct: badTCP(func(f *faulty) {
		f.shutdown = func(ctx context.Context, s sdk.Lent, _ sdk.How) (sdk.Report, error) {
			return f.good.Shutdown(ctx, s, sdk.ShutdownBoth)
		}
	}), fails: []string{shutWrite}},
	{does: "A call clears close-on-exec", construct: badTCP(lentBy(func(s sdk.Lent) { unix.FcntlInt(uintptr(s.FD), unix.F_SETFD, 0) })),
		fails: []string{asItWas}},
	{does: "A call keeps a copy", construct: badTCP(lentBy(func(s sdk.Lent) { unix.FcntlInt(uintptr(s.FD), unix.F_DUPFD_CLOEXEC, 0) })),
		fails: []string{copies, left}},
	{does: "A call does not heed its cancel", construct: badTCP(func(f *faulty) {
		f.info = func(ctx context.Context, s sdk.Lent, names []string) ([]sdk.Setting, error) {
			if ctx.Err() != nil {
				time.Sleep(patience + patience/4)
			}
			return f.good.Info(ctx, s, names)
		}
	}), fails: []string{"A cancelled call is answered at once"}},
	{does: "A call waits", construct: badTCP(func(f *faulty) {
		f.listen = func(ctx context.Context, s sdk.Lent, n int) (sdk.Report, error) {
			if ctx.Err() == nil && unbound(s.FD) { // or the checks with many calls would last
				time.Sleep(patience + patience/4)
			}
			return f.good.Listen(ctx, s, n)
		}
	}), fails: []string{"No call waits"}},
	{does: "Two calls at once are one too many", construct: badTCP(func(f *faulty) {
		var under atomic.Int32
		f.info = func(ctx context.Context, s sdk.Lent, names []string) ([]sdk.Setting, error) {
			defer under.Add(-1)
			if under.Add(1) > 1 {
				return nil, sdk.Faultf(sdk.Failed, "busy")
			}
			time.Sleep(time.Millisecond)
			return f.good.Info(ctx, s, names)
		}
	}), fails: []string{"Every call may be made at once, on one socket and on many"}},
}

// unbound reports whether a socket has no port yet.
func unbound(fd int) bool {
	sa, err := syscall.Getsockname(fd)
	return err == nil && socket.FromSockaddr(sa).Port == 0
}
