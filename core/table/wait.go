package table

import (
	"context"
	"errors"
	"time"

	"github.com/sosh-shell/sosh/core/socket"
)

// direction is what a wait is for.
type direction int

const (
	toRead direction = iota
	toWrite
)

// errClosed ends the waits on a socket that was closed meanwhile.
var errClosed = socket.Faultf(socket.NoSocket, "the socket was closed")

// waitError is ctx's end in the table's words, nil while it goes on. It asks
// the clock too: a deadline already past counts even before its timer has fired.
func waitError(ctx context.Context) error {
	switch err := ctx.Err(); {
	case err == nil:
		if d, ok := ctx.Deadline(); ok && !time.Now().Before(d) {
			return socket.Timeout
		}
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return socket.Timeout
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return socket.Interrupted
}

// control derives from a waiting step's context the one for a call to a plugin,
// which is no wait for a peer: the step's time does not bound it (the host has a
// bound of its own), only a cancel ends it.
func control(ctx context.Context) (context.Context, context.CancelFunc) {
	if run, ok := ctx.Value(runKey{}).(context.Context); ok {
		return context.WithCancel(run)
	}
	if _, ok := ctx.Deadline(); !ok {
		return context.WithCancel(ctx)
	}
	c, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		if errors.Is(ctx.Err(), context.Canceled) {
			cancel()
		}
	})
	return c, func() { stop(); cancel() }
}

type runKey struct{}

// WithLimit gives one waiting step of a run, which ctx is, the time d. A cancel
// of the run is heard even when the step's time is over: a context tells only
// the first of its ends.
func WithLimit(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithDeadline(context.WithValue(ctx, runKey{}, ctx), time.Now().Add(d))
}

// resolveTime is the least time that resolving gets: the step's time is for the
// network, and the call may start the plugin first.
const resolveTime = time.Second

// resolving is for a call that may wait for a name server.
func resolving(ctx context.Context) (context.Context, context.CancelFunc) {
	c, cancel := control(ctx)
	deadline, ok := ctx.Deadline()
	if !ok {
		return c, cancel
	}
	if least := time.Now().Add(resolveTime); deadline.Before(least) {
		deadline = least
	}
	d, stop := context.WithDeadline(c, deadline)
	return d, func() { stop(); cancel() }
}

// Ended is why ctx has ended, as a fault; nil while it has not.
func Ended(ctx context.Context) error { return waitError(ctx) }

type idleKey struct{}

// WithIdle bounds each single wait under ctx by d, instead of all of them
// together by a deadline: for what may take long as long as it moves.
func WithIdle(ctx context.Context, d time.Duration) context.Context {
	return context.WithValue(ctx, idleKey{}, d)
}

// idle is ctx for one wait.
func idle(ctx context.Context) (context.Context, context.CancelFunc) {
	if d, ok := ctx.Value(idleKey{}).(time.Duration); ok {
		return context.WithDeadline(ctx, time.Now().Add(d))
	}
	return ctx, func() {}
}

// asFault gives a context's error, as it comes back from a plugin's call, its name here.
func asFault(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return socket.Timeout
	case errors.Is(err, context.Canceled):
		if e := waitError(ctx); e != nil {
			return e
		}
		return socket.Interrupted
	}
	return err
}

// turn is a lock that can be waited for with a context: at most one consumer
// reads a socket, at most one sender writes it.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

func (t turn) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	default:
	}
	if err := waitError(ctx); err != nil {
		return err
	}
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return waitError(ctx)
	}
}

func (t turn) try() bool {
	select {
	case t <- struct{}{}:
		return true
	default:
		return false
	}
}

func (t turn) give() { <-t }
