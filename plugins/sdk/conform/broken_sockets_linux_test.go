package conform_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/sdk"
	"github.com/sosh-shell/sosh/plugins/sdk/conform"
)

const (
	bytesWhole  = "Bytes arrive whole and in order, both ways"
	fit         = "Open makes a socket of the described kind, close-on-exec and non-blocking"
	soError     = "Connect does not take an error that waits for the caller"
	leavesError = "Connect leaves the error for the caller"
	unknown     = "Open refuses an unknown option as wrong usage"
	asItWas     = "A lent descriptor is as it was after every call"
	hostile     = "Hostile names and values are refused as wrong usage"
	left        = "Nothing is left behind: no descriptor, no goroutine"
	copies      = "No call leaves a copy of a socket behind"
	noWait      = "Accept does not wait"
	takesAll    = "Accept takes every connection, once"
	argued      = "A command takes the arguments that it shows"
	malformed   = "Resolve refuses a malformed address as wrong usage"
)

var errPlain = errors.New("no")

// plain takes an error its identity.
func plain(err error) error {
	if err != nil {
		return errPlain
	}
	return nil
}

var brokenDescriptions = []broken{
	{does: "Describe changes", construct: badTCP(func(f *faulty) {
		n := 0
		f.describe = func(d sdk.Description) sdk.Description { n++; d.Synopsis = fmt.Sprint("take ", n); return d }
	}), fails: []string{"Describe returns the same every time"}},
	{does: "Can changes", construct: func() sdk.Protocol { return &fickle{faulty: badTCP(func(*faulty) {})().(*faulty)} },
		fails: []string{"Describe returns the same every time"}},
	{does: "Describe is half declared", construct: badTCP(func(f *faulty) {
		f.describe = func(d sdk.Description) sdk.Description { d.Synopsis = ""; return d }
	}), fails: []string{"Describe is whole"}},
	{does: "Describe declares fields, and nothing makes or reads them", construct: badTCP(func(f *faulty) {
		f.describe = func(d sdk.Description) sdk.Description {
			d.Fields = []sdk.Field{{Name: "op", Type: sdk.IntField, Help: "which"}}
			return d
		}
	}), fails: []string{"Describe is whole"}},
	{does: "Describe shows arguments that are refused", construct: badTCP(func(f *faulty) {
		f.describe = func(d sdk.Description) sdk.Description {
			d.Commands = []sdk.Command{{Name: "bad", Synopsis: "do it", Usage: []string{"bad [-c N] --to ADDR", "bad ADDR [PORT]"}}}
			return d
		}
	}), fails: []string{argued}},
	{does: "Describe names arguments that are refused", construct: badTCP(func(f *faulty) {
		f.describe = func(d sdk.Description) sdk.Description {
			d.Commands = []sdk.Command{{Name: "bad", Synopsis: "do it", Usage: []string{"bad"}, Args: []string{"A", "B"}, Max: 1}}
			return d
		}
	}), fails: []string{argued}},
	{does: "Describe waits", construct: badTCP(func(f *faulty) {
		f.describe = func(d sdk.Description) sdk.Description { time.Sleep(patience / 80); return d }
	}), fails: []string{"Describe does not wait"}, may: []string{"Describe makes no system call"}},
	{does: "Describe reads a file", construct: badTCP(func(f *faulty) {
		f.describe = func(d sdk.Description) sdk.Description { os.ReadFile("/etc/hostname"); return d }
	}), fails: []string{"Describe makes no system call"}},
}

// fickle means to have Info the first time that it is asked.
type fickle struct {
	*faulty
	asked bool
}

func (f *fickle) Can(c socket.Call) bool {
	was := f.asked
	f.asked = f.asked || c == socket.CallInfo
	return c != socket.CallInfo || !was
}

// openedBy changes what Open has opened.
func openedBy(change func(f *faulty, r sdk.OpenRequest, h *sdk.Handle)) func(*faulty) {
	return func(f *faulty) {
		f.open = func(ctx context.Context, r sdk.OpenRequest) (sdk.Handle, error) {
			h, err := f.good.Open(ctx, r)
			if err == nil {
				change(f, r, &h)
			}
			return h, err
		}
	}
}

// acceptedBy changes what Accept has taken.
func acceptedBy(change func(l sdk.Lent, h *sdk.Handle)) func(*faulty) {
	return func(f *faulty) {
		f.accept = func(ctx context.Context, l sdk.Lent) (sdk.Handle, error) {
			h, err := f.good.Accept(ctx, l)
			if err == nil {
				change(l, &h)
			}
			return h, err
		}
	}
}

var brokenOpens = []broken{
	{does: "Open opens nothing", construct: badTCP(func(f *faulty) {
		f.open = func(context.Context, sdk.OpenRequest) (sdk.Handle, error) { return sdk.Handle{FD: -1}, errPlain }
	}), fails: []string{"Open opens a socket"}},
	{does: "Open gives a kind that is not described", how: conform.How{Options: []socket.Setting{{Name: "kind", Value: "seqpacket"}}},
		construct: badUnix(func(f *faulty) {
			f.describe = func(d sdk.Description) sdk.Description { d.Kinds = nil; return d }
		}), fails: []string{fit}},
	{does: "Open ignores the family", construct: badTCP(func(f *faulty) {
		f.open = func(ctx context.Context, r sdk.OpenRequest) (sdk.Handle, error) {
			if r.Family == sdk.FamilyIP6 {
				r.Family = sdk.FamilyIP4
			}
			return f.good.Open(ctx, r)
		}
	}), fails: []string{"Open makes the asked-for family, and chooses IPv4 or the one that it has"}},
	{does: "Open forgets close-on-exec", construct: badTCP(openedBy(func(_ *faulty, _ sdk.OpenRequest, h *sdk.Handle) {
		unix.FcntlInt(uintptr(h.FD), unix.F_SETFD, 0)
	})), fails: []string{fit}},
	{does: "Open forgets O_NONBLOCK", construct: badTCP(func(f *faulty) {
		openedBy(func(_ *faulty, _ sdk.OpenRequest, h *sdk.Handle) { unix.SetNonblock(h.FD, false) })(f)
		f.listen = func(ctx context.Context, s sdk.Lent, n int) (sdk.Report, error) {
			unix.SetNonblock(s.FD, true) // else its accept waits, which is another fault
			return f.good.Listen(ctx, s, n)
		}
		f.connect = func(ctx context.Context, s sdk.Lent, a sdk.Address) (sdk.Report, error) {
			unix.SetNonblock(s.FD, true)
			return f.good.Connect(ctx, s, a)
		}
	}), fails: []string{fit, asItWas}},
	{does: "Open takes unknown options", construct: badTCP(func(f *faulty) {
		f.open = func(ctx context.Context, r sdk.OpenRequest) (sdk.Handle, error) {
			h, err := f.good.Open(ctx, r)
			if errors.Is(err, sdk.Usage) && len(r.Options) > 0 {
				r.Options = nil
				return f.good.Open(ctx, r)
			}
			return h, err
		}
	}), fails: []string{unknown, hostile}},
	{does: "Open refuses without wrong usage", construct: badTCP(func(f *faulty) {
		f.open = func(ctx context.Context, r sdk.OpenRequest) (sdk.Handle, error) {
			h, err := f.good.Open(ctx, r)
			if len(r.Options) > 0 {
				err = plain(err)
			}
			return h, err
		}
	}), fails: []string{unknown, hostile}},
	{does: "Open leaks the descriptor that it refuses to give", construct: badTCP(func(f *faulty) {
		f.open = func(ctx context.Context, r sdk.OpenRequest) (sdk.Handle, error) {
			h, err := f.good.Open(ctx, r)
			if err != nil && len(r.Options) > 0 && r.Options[0].Name == "no-such-option" {
				unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			}
			return h, err
		}
	}), fails: []string{"Open and its refusals keep no descriptor", left}},
	{does: "Open ignores its options", construct: badTCP(func(f *faulty) {
		f.open = func(ctx context.Context, r sdk.OpenRequest) (sdk.Handle, error) {
			if len(r.Options) == 1 && r.Options[0].Value == "on" {
				r.Options = nil
			}
			return f.good.Open(ctx, r)
		}
	}), fails: []string{"Open sets the options that it is given"}},
	{does: "Open gives a mark that is too long", construct: badTCP(openedBy(func(_ *faulty, _ sdk.OpenRequest, h *sdk.Handle) {
		h.Mark = make(sdk.Mark, socket.MaxMark+1)
	})), fails: []string{"A mark has at most 256 bytes"}},
	{does: "Open keeps a copy", how: conform.How{Patience: patience / 3}, construct: badTCP(openedBy(func(_ *faulty, r sdk.OpenRequest, h *sdk.Handle) {
		if len(r.Options) == 0 {
			unix.FcntlInt(uintptr(h.FD), unix.F_DUPFD_CLOEXEC, 0)
		}
	})), fails: []string{copies, "Open and its refusals keep no descriptor", "A close ends the peer's stream after every byte",
		"A close while the peer sends ends its sending", "Connections leave no descriptors behind", leavesError,
		"A reset is told apart from an end", soError, left}},
	{does: "Accept keeps a copy", construct: badTCP(acceptedBy(func(_ sdk.Lent, h *sdk.Handle) {
		unix.FcntlInt(uintptr(h.FD), unix.F_DUPFD_CLOEXEC, 0)
	})), fails: []string{"Connections leave no descriptors behind", left}},
	{does: "Accept forgets close-on-exec", construct: badTCP(acceptedBy(func(_ sdk.Lent, h *sdk.Handle) {
		unix.FcntlInt(uintptr(h.FD), unix.F_SETFD, 0)
	})), fails: []string{"Accept makes a socket as Open does"}},
	{does: "Accept forgets O_NONBLOCK", construct: badTCP(acceptedBy(func(_ sdk.Lent, h *sdk.Handle) {
		unix.SetNonblock(h.FD, false)
	})), fails: []string{"Accept makes a socket as Open does"}},
	{does: "Accept waits", construct: badTCP(func(f *faulty) {
		var backlog atomic.Int32
		f.listen = func(ctx context.Context, s sdk.Lent, n int) (sdk.Report, error) {
			backlog.Store(int32(n))
			return f.good.Listen(ctx, s, n)
		}
		f.accept = func(ctx context.Context, l sdk.Lent) (sdk.Handle, error) {
			if backlog.Load() == 8 { // or the checks with many calls would last
				unix.Poll([]unix.PollFd{{Fd: int32(l.FD), Events: unix.POLLIN}}, int(patience/time.Millisecond)*3/2)
			}
			return f.good.Accept(ctx, l)
		}
	}), fails: []string{noWait}},
	{does: "Accept fails where nothing is pending", construct: badTCP(func(f *faulty) {
		f.accept = func(ctx context.Context, l sdk.Lent) (sdk.Handle, error) {
			h, err := f.good.Accept(ctx, l)
			return h, plain(err)
		}
	}), fails: []string{noWait, takesAll}},
	{does: "Accept drops a connection", construct: badTCP(acceptedBy(func(l sdk.Lent, _ *sdk.Handle) {
		if n, _, err := unix.Accept4(l.FD, unix.SOCK_CLOEXEC); err == nil {
			unix.Close(n)
		}
	})), fails: []string{takesAll}},
}

// resolvedBy changes what Resolve has answered.
func resolvedBy(change func(r sdk.ResolveRequest, as []sdk.Address, err error) ([]sdk.Address, error)) func(*faulty) {
	return func(f *faulty) {
		f.resolve = func(ctx context.Context, r sdk.ResolveRequest) ([]sdk.Address, error) {
			as, err := f.good.Resolve(ctx, r)
			return change(r, as, err)
		}
	}
}

const anyWords = "Resolve answers hostile words with an error or an address"

var brokenResolvers = []broken{
	{does: "Resolve takes a malformed address for a failure", construct: badTCP(resolvedBy(func(_ sdk.ResolveRequest, as []sdk.Address, err error) ([]sdk.Address, error) {
		if errors.Is(err, sdk.Usage) {
			err = errPlain
		}
		return as, err
	})), fails: []string{malformed, anyWords}},
	{does: "Resolve takes a name without an address for a failure", construct: badTCP(resolvedBy(func(r sdk.ResolveRequest, as []sdk.Address, err error) ([]sdk.Address, error) {
		if r.Text == "nosuch.invalid:80" {
			err = errPlain
		}
		return as, err
	})), fails: []string{"Resolve says that a name has no address"}},
	{does: "Resolve answers nothing at all", construct: badTCP(resolvedBy(func(r sdk.ResolveRequest, as []sdk.Address, err error) ([]sdk.Address, error) {
		if r.Text == "%" {
			return nil, nil
		}
		return as, err
	})), fails: []string{anyWords}},
	{does: "Resolve panics at a NUL", construct: badTCP(resolvedBy(func(r sdk.ResolveRequest, as []sdk.Address, err error) ([]sdk.Address, error) {
		if r.Text == "\x00" {
			panic("a NUL")
		}
		return as, err
	})), fails: []string{anyWords}},
	{does: "Resolve ignores the family", construct: badTCP(func(f *faulty) {
		f.resolve = func(ctx context.Context, r sdk.ResolveRequest) ([]sdk.Address, error) {
			r.Family = sdk.FamilyNone
			return f.good.Resolve(ctx, r)
		}
	}), fails: []string{"Resolve returns an address or an error, of the asked-for family"}},
	{does: "Resolve listens to the world", construct: badTCP(func(f *faulty) {
		f.resolve = func(ctx context.Context, r sdk.ResolveRequest) ([]sdk.Address, error) {
			if r.Passive && r.Text == ":0" {
				r.Text = "0.0.0.0:0"
			}
			return f.good.Resolve(ctx, r)
		}
	}), fails: []string{"Resolve of no host to bind to is the loopback", "Bind to port 0 gets a port"}},
}
