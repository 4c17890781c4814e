package host

import (
	"context"
	"errors"
	"syscall"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/internal/wire/fdchan"
)

// give is a descriptor that a call waits for.
type give struct {
	came bool
	msg  fdchan.Message
}

// expect makes room for the descriptor of a call, before the call: with descriptors
// used up it fails with EMFILE, and nothing has been asked for. Each needs a settle.
func (pr *process) expect(call uint64) error {
	if pr.ch == nil {
		return pr.keepsSockets()
	}
	if err := pr.ch.Reserve(); err != nil {
		return err
	}
	pr.mu.Lock()
	defer pr.mu.Unlock()
	pr.gives[call] = &give{}
	return nil
}

// take keeps the descriptor of a call that waits for it; one that comes too late is
// not taken, and so closed. One that nobody asked for ends the process.
func (pr *process) take(m fdchan.Message) bool {
	pr.mu.Lock()
	defer pr.mu.Unlock()
	g, ok := pr.gives[m.Call]
	switch {
	case ok && !g.came && m.Kind == fdchan.Give:
		g.came, g.msg = true, m
		return true
	case !ok && m.Kind == fdchan.Give && pr.late.forget(m.Call):
		return false
	}
	// Nobody asked for it. Each costs time, and there may be no end of them.
	pr.gone = true
	pr.blameLocked("sent a descriptor that nobody had asked for")
	pr.run.kill()
	return false
}

// late are the calls that ended without their descriptor: it may still come, once.
type late struct {
	calls map[uint64]bool
	order []uint64
}

// maxLate bounds the calls that are kept so: of more, the oldest are forgotten.
const maxLate = 1024

func (l *late) remember(call uint64) {
	if l.calls == nil {
		l.calls = map[uint64]bool{}
	}
	if len(l.order) == maxLate {
		delete(l.calls, l.order[0])
		l.order = l.order[1:]
	}
	l.calls[call] = true
	l.order = append(l.order, call)
}

// forget reports whether the call was among them.
func (l *late) forget(call uint64) bool {
	was := l.calls[call]
	delete(l.calls, call)
	return was
}

// settle ends the wait of expect and returns what came: with wanted false it is
// closed. The plugin sends the descriptor before its answer, and what a dead plugin
// sent can still be read: so when it has not come now, it will not.
func (pr *process) settle(call uint64, wanted bool) (g give) {
	pr.distrust(pr.ch.Drain(pr.take))
	pr.mu.Lock()
	g = *pr.gives[call]
	delete(pr.gives, call)
	if !g.came {
		pr.late.remember(call)
	}
	pr.mu.Unlock()
	switch {
	case !g.came:
		pr.ch.Release()
	case !wanted && g.msg.FD >= 0:
		closeFD(g.msg.FD)
		g = give{}
	}
	return g
}

// received makes the handle of a descriptor that came, checked against what was
// asked for and declared.
func (pr *process) received(g give, family socket.Family, report socket.Report) (socket.Handle, error) {
	none := socket.Handle{FD: -1, Report: report}
	if g.msg.FD < 0 {
		return none, syscall.EMFILE
	}
	if err := check(g.msg.FD, *pr.desc, family); err != nil {
		closeFD(g.msg.FD)
		return none, pr.broke("gave a bad descriptor: %v", err)
	}
	return socket.Handle{FD: g.msg.FD, Mark: socket.Mark(g.msg.Mark), Report: report}, nil
}

// open asks for a new socket. One whose plugin died after giving it is as good as
// any: it needs no plugin.
func (x *proxy) open(ctx context.Context, req socket.OpenRequest) (socket.Handle, error) {
	var h socket.Handle
	_, err := x.call(ctx, x.h.cfg.CallTimeout, "open", func(ctx context.Context, pr *process) error {
		call := pr.lastCall.Add(1)
		if err := pr.expect(call); err != nil {
			return err
		}
		report, err := pr.openRPC(ctx, call, req)
		var a *answered
		wanted := err == nil || !errors.As(err, &a) && ctx.Err() == nil
		if wanted && err != nil {
			// It seems to have died: only when it is gone is the channel's content final.
			if derr := pr.judge(ctx, ctx, 0, err); !errors.Is(derr, errDied) {
				pr.settle(call, false)
				return err
			}
		}
		g := pr.settle(call, wanted)
		switch {
		case g.came:
			h, err = pr.received(g, req.Family, report)
		case err == nil:
			err = pr.broke("gave no descriptor")
		}
		return err
	})
	if err != nil {
		report, err := outcome(h.Report, err)
		return socket.Handle{FD: -1, Report: report}, err
	}
	return h, nil
}
