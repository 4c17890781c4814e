package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/internal/wire"
	"github.com/sosh-shell/sosh/plugins/internal/wire/fdchan"
	"github.com/sosh-shell/sosh/plugins/internal/wire/pb"
)

// maxTries is how many processes may die under one call.
const maxTries = 3

// errDied is a call whose process ended before it answered.
var errDied = errors.New("the plugin died")

// errMoved is a call that came to a process after another had taken over: nothing
// was asked of it. It is errDied, too.
var errMoved = fmt.Errorf("%w: another has taken over", errDied)

// answered is an error that the plugin itself answered with.
type answered struct {
	error
	report socket.Report
	facts  *pb.Facts
}

func (a *answered) Unwrap() error { return a.error }

// answer takes apart what a gRPC call returned.
func answer(err error) error {
	if err == nil {
		return nil
	}
	if f, ok := wire.FromStatus(err); ok {
		return &answered{wire.ToError(f.Error), wire.ToReport(f.Report), f.Facts}
	}
	return err
}

// try makes one call on one process. limit is the plugin's time to answer; ctx is
// the caller's patience.
func (pr *process) try(ctx context.Context, limit time.Duration, f func(context.Context) error) error {
	if !pr.enter() {
		return pr.absent()
	}
	defer pr.leave()
	return pr.tryEntered(ctx, limit, f)
}

func (pr *process) tryEntered(ctx context.Context, limit time.Duration, f func(context.Context) error) error {
	limited, cancel := ctx, context.CancelFunc(func() {})
	if limit != patient { // a deadline travels with the call, and one in 146 years is more than some clocks can set
		limited, cancel = context.WithTimeout(ctx, limit)
	}
	defer cancel()
	return pr.judge(ctx, limited, limit, answer(f(limited)))
}

// judge says whose fault an error is: the plugin's answer, the caller who gave up,
// a plugin that hangs, or one that died.
func (pr *process) judge(ctx, limited context.Context, limit time.Duration, err error) error {
	var a *answered
	if err == nil || errors.As(err, &a) {
		return err
	}
	if at, ok := limited.Deadline(); ok && status.Code(err) == codes.DeadlineExceeded && time.Until(at) < time.Second {
		<-limited.Done() // gRPC's clock, or the plugin's, was a little faster
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case limited.Err() != nil:
		pr.blame("did not answer within %v", limit)
		pr.fell()
		return pluginError(pr.name, "the next command starts it again", "did not answer within %v and was ended", limit)
	case errors.Is(err, errDied), errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNRESET), errors.Is(err, os.ErrClosed),
		status.Code(err) == codes.Unavailable, status.Code(err) == codes.Canceled:
		pr.brokeOff()
		return errDied
	}
	if _, ok := status.FromError(err); ok {
		return pr.refused(err)
	}
	return err
}

// lend sends the socket's descriptor ahead of a call and calls f. The plugin closes
// its copy when it has served the call; when it never did, it is told to.
func (pr *process) lend(ctx context.Context, s socket.Lent, f func(*pb.Lent) error) error {
	call := pr.lastCall.Add(1)
	if err := pr.sendLend(ctx, call, s.FD); err != nil {
		return err
	}
	return pr.lent(call, s, f)
}

func (pr *process) sendLend(ctx context.Context, call uint64, fd int) error {
	if pr.ch == nil {
		return pr.keepsSockets()
	}
	return pr.ch.Send(ctx, fdchan.Message{Kind: fdchan.Lend, Call: call, FD: fd})
}

// keepsSockets is the error for a call that was begun by descriptor when the plugin
// became a build whose sockets are held.
func (pr *process) keepsSockets() error {
	return pluginError(pr.name, "open another", "its new build keeps its sockets itself")
}

func (pr *process) lent(call uint64, s socket.Lent, f func(*pb.Lent) error) error {
	err := answer(f(&pb.Lent{Call: call, Mark: s.Mark}))
	var a *answered
	if err != nil && !errors.As(err, &a) {
		// Best effort: a full channel means that the plugin hangs, and it will be ended.
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		pr.ch.Send(ctx, fdchan.Message{Kind: fdchan.Drop, Call: call, FD: -1})
	}
	return err
}

// call makes a call that may be made again: on a new process when one dies. tries
// counts the processes that the call reached, at least one.
func (x *proxy) call(ctx context.Context, limit time.Duration, what socket.Call, f func(context.Context, *process) error) (tries int, err error) {
	for tries = 1; ; tries++ {
		pr, err := x.p.running(ctx)
		if err != nil {
			return tries, err
		}
		err = pr.try(ctx, limit, func(ctx context.Context) error { return f(ctx, pr) })
		switch {
		case !errors.Is(err, errDied):
			return tries, err
		case errors.Is(err, errMoved):
			tries-- // it did not reach it
		case tries == maxTries:
			return tries, x.died(what)
		}
	}
}

func (x *proxy) died(what socket.Call) error {
	return pluginError(x.p.name, "sosh -v shows what it prints", "died in %s, %d times in a row", what, maxTries)
}

// outcome takes the plugin's answer apart: the error itself, and the report.
func outcome(report socket.Report, err error) (socket.Report, error) {
	var a *answered
	if errors.As(err, &a) {
		return a.report, a.error
	}
	return report, err
}

// lacks is the error for what the protocol cannot do.
func (x *proxy) lacks(c socket.Call) error {
	verb := string(c)
	switch c {
	case socket.CallOption:
		return socket.Faultf(socket.Unsupported, "%s has no options", x.p.name)
	case socket.CallInfo:
		return socket.Faultf(socket.Unsupported, "%s has no facts of its own", x.p.name)
	case socket.CallWrap:
		return socket.Faultf(socket.Unsupported, "%s is no layer", x.p.name)
	case socket.CallEncode, socket.CallDecode:
		return socket.Faultf(socket.Unsupported, "messages of %s have no fields", x.p.name)
	case socket.CallRun:
		return socket.Faultf(socket.Unsupported, "%s has no commands", x.p.name)
	case socket.CallShutdown:
		verb = "be shut down"
	case socket.CallResolve:
		verb = "resolve addresses"
	}
	return socket.Faultf(socket.Unsupported, "%s cannot %s", x.p.name, verb)
}

// notOurs is the error for a socket that did not come from here.
func notOurs(name string) error {
	return fmt.Errorf("%w: this socket is not held by the %s plugin", syscall.EBADF, name)
}
