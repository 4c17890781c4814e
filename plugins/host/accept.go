package host

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/internal/wire"
	"github.com/sosh-shell/sosh/plugins/internal/wire/pb"
)

const (
	// acceptGrace is how long a cancelled accept waits for the answer. A plugin
	// answers in a millisecond: so a connection that came with the cancel is returned.
	acceptGrace = 100 * time.Millisecond
	// maxKept bounds the connections kept for one listener.
	maxKept = 16
)

// Accept implements socket.Accepter. A connection that the plugin has taken exists
// nowhere else, so an accept is not given up, nor made again, once it is asked for:
// what a cancelled one brings is returned, or kept for the next on that listener.
func (x *proxy) Accept(ctx context.Context, s socket.Lent) (socket.Handle, error) {
	none := socket.Handle{FD: -1}
	switch {
	case !x.p.desc.Can(socket.CallAccept):
		return none, x.lacks(socket.CallAccept)
	case x.h.cfg.Form == Stream:
		return x.acceptFar(ctx, s)
	case s.Carrier != nil || s.FD < 0:
		return none, notOurs(x.p.name)
	}
	defer nonblocking(s.FD)
	listener := cookie(s.FD)
	if h, ok := x.h.unkeep(listener); ok {
		return h, nil
	}
	a := &accepting{x: x, family: familyOf(s.FD), s: s}
	if err := a.send(ctx); err != nil {
		return none, err
	}
	if ctx.Done() == nil {
		return a.finish()
	}
	return x.h.carryThrough(ctx, listener, a.finish)
}

// carryThrough returns what f returns, or ctx's error soon after ctx has ended; what
// f brings later is kept for the next accept on that listener.
func (h *Host) carryThrough(ctx context.Context, listener uint64, f func() (socket.Handle, error)) (socket.Handle, error) {
	type result struct {
		h   socket.Handle
		err error
	}
	done := make(chan result, 1)
	var mu sync.Mutex
	gaveUp := false
	ok := h.task(func() {
		got, err := f()
		mu.Lock()
		defer mu.Unlock()
		switch {
		case !gaveUp:
			done <- result{got, err}
		case err == nil:
			h.keep(listener, got)
		}
	})
	if !ok {
		return f() // the host is closing: it ends at once, with its plugin
	}
	select {
	case r := <-done:
		return r.h, r.err
	case <-ctx.Done():
	}
	t := time.NewTimer(acceptGrace)
	defer t.Stop()
	select {
	case r := <-done:
		return r.h, r.err
	case <-t.C:
	}
	mu.Lock()
	defer mu.Unlock()
	select {
	case r := <-done: // in the same moment
		return r.h, r.err
	default:
		gaveUp = true
		return socket.Handle{FD: -1}, ctx.Err()
	}
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
			err = errDied
		}
		if !errors.Is(err, errDied) {
			return err
		}
		if tries == maxTries {
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
		return a.x.received(g, a.family, report)
	case err == nil:
		err = pluginError(a.x.p.name, "its author must mend it", "gave no descriptor")
	case errors.Is(err, errDied):
		err = pluginError(a.x.p.name, "accept again: the listener is unharmed",
			"died in accept: a connection that it had just taken may be gone")
	}
	report, err = outcome(report, err)
	return socket.Handle{FD: -1, Report: report}, err
}

// keep and unkeep hold connections whose accept was given up.
func (h *Host) keep(listener uint64, got socket.Handle) {
	h.mu.Lock()
	room := !h.closed && len(h.kept[listener]) < maxKept
	if room {
		h.kept[listener] = append(h.kept[listener], got)
	}
	h.mu.Unlock()
	if !room {
		closeHandles([]socket.Handle{got})
	}
}

func (h *Host) unkeep(listener uint64) (socket.Handle, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	hs := h.kept[listener]
	if len(hs) == 0 {
		return socket.Handle{}, false
	}
	if len(hs) == 1 {
		delete(h.kept, listener)
	} else {
		h.kept[listener] = hs[1:]
	}
	return hs[0], true
}

func closeHandles(hs []socket.Handle) {
	for _, h := range hs {
		closeFD(h.FD)
	}
}
