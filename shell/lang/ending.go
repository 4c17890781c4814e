package lang

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/shell/command"
	"github.com/sosh-shell/sosh/shell/render"
)

// DeferTime is what deferred commands, and an EXIT trap after the deadline or a
// signal, have in all.
const DeferTime = 2 * time.Second

// unwindTime is what jobs have to end when the shell does.
const unwindTime = 150 * time.Millisecond

// errSkipped ends a script that cannot be judged.
var errSkipped = errors.New("skipped")

// deferred is the commands kept for an end. Safe for concurrent use.
type deferred struct {
	mu   sync.Mutex
	list []deferral
}

type deferral struct {
	args []string
	pos  syntax.Pos
}

// maxDeferred bounds them.
const maxDeferred = 10000

func (d *deferred) add(args []string, pos syntax.Pos) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.list) >= maxDeferred {
		return socket.Faultf(socket.Full, "defer: %d commands wait already", maxDeferred)
	}
	d.list = append(d.list, deferral{append([]string(nil), args...), pos})
	return nil
}

// takeDeferred gives them up, the last first.
func (d *deferred) takeDeferred() []deferral {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []deferral
	for i := len(d.list) - 1; i >= 0; i-- {
		out = append(out, d.list[i])
	}
	d.list = nil
	return out
}

func (d *deferred) any() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.list) > 0
}

// cleaning is the context of what runs at an end: not bound by what has ended.
func cleaning(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(context.WithoutCancel(ctx), DeferTime,
		socket.Faultf(socket.Timeout, "the deferred commands have had their %v", DeferTime))
}

// End is the end of a shell, which status was the last of: the EXIT trap and the
// deferred commands run, jobs are ended. It returns the status of it all: that
// of a job that failed and was not waited for, where there is no other.
// [Shell.Script] and [Shell.Stream] call it themselves.
func (sh *Shell) End(ctx context.Context, status int) int {
	sh.mu.Lock()
	trap := sh.exitTrap
	sh.exitTrap = ""
	sh.mu.Unlock()
	waits := trap != "" || sh.deferred.any()
	for _, j := range sh.jobs.running() {
		waits = waits || j.deferred.any() || j.trap != ""
	}
	if waits && sh.cfg.Ending != nil {
		sh.cfg.Ending()
	}
	if trap != "" {
		status = sh.runTrap(ctx, trap, status)
	}
	clean, cancel := cleaning(ctx)
	defer cancel()
	for _, d := range sh.deferred.takeDeferred() {
		sh.runDeferred(clean, d)
	}
	sh.endJobs(clean)
	if j := sh.jobs.verdict(); j != nil && status == 0 {
		status = j.status
		if !j.client {
			fmt.Fprintf(sh.cfg.Stderr, "%sjob %s failed with status %d and was not waited for: %s\n", sh.name(), j.name(), status, render.Line(j.text))
		}
	}
	return status
}

// runTrap runs the EXIT trap, which sees status as $? and may change it by exit.
func (sh *Shell) runTrap(ctx context.Context, trap string, status int) int {
	f, err := sh.parse(strings.NewReader(trap), "EXIT trap")
	if err != nil {
		sh.bad(err)
		return status
	}
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = cleaning(ctx)
		defer cancel()
	}
	sh.setLast(ctx, status)
	sh.exitAsked.Store(false)
	for _, st := range f.Stmts {
		err := sh.runner.Run(ctx, st)
		if sh.exitAsked.Load() && sh.runner.Exited() {
			return exitCode(err)
		}
		if sh.runner.Exited() {
			break
		}
	}
	return status
}

func exitCode(err error) int {
	var es interp.ExitStatus
	if errors.As(err, &es) {
		return int(es)
	}
	if err != nil {
		return command.StatusFailed
	}
	return 0
}

// setLast makes $? that status.
func (sh *Shell) setLast(ctx context.Context, status int) {
	ctx, cancel := cleaning(ctx)
	defer cancel()
	// As a command, not as a statement: no ERR trap and no errexit hears of it.
	if f, err := syntax.NewParser().Parse(strings.NewReader(fmt.Sprintf("(exit %d)", status)), ""); err == nil {
		sh.runner.Run(ctx, f.Stmts[0].Cmd)
	}
}

func (sh *Shell) runDeferred(ctx context.Context, d deferral) {
	call := called(d.pos, d.args...)
	err := sh.runner.Run(ctx, &syntax.Stmt{Position: d.pos, Cmd: call})
	var es interp.ExitStatus
	if err != nil && !errors.As(err, &es) && ctx.Err() == nil {
		io.WriteString(sh.cfg.Stderr, render.Line(err.Error())+"\n")
	}
	if cause := context.Cause(ctx); cause != nil {
		fmt.Fprintf(sh.cfg.Stderr, "%s%v: %s\n", sh.where(d.pos), cause, render.Line(strings.Join(d.args, " ")))
	}
}

// endJobs ends those that still run and waits until they have ended, or cannot.
func (sh *Shell) endJobs(ctx context.Context) {
	running := sh.jobs.running()
	if len(running) == 0 {
		return
	}
	limit := time.Now().Add(unwindTime)
	for _, j := range running {
		if j.deferred.any() || j.trap != "" {
			limit, _ = ctx.Deadline()
		}
		sh.jobs.mu.Lock()
		j.killed = true
		sh.jobs.mu.Unlock()
		j.cancel(killing{terminate}) // nothing is told: they were to end
	}
	over := time.NewTimer(time.Until(limit))
	defer over.Stop()
	for _, j := range running {
		select {
		case <-j.done:
		case <-over.C:
			return
		}
	}
}

// terminate is the signal that ends what has no other.
var terminate, _ = signalByName("TERM")

// trapped is the trap builtin: EXIT is ours, as it must run after the deadline
// and signals too, ERR the interpreter's.
func (sh *Shell) trapped(ctx context.Context, hc *handler, args []string) error {
	fail := func(format string, a ...any) error {
		fmt.Fprintf(behind(hc.Stderr), sh.where(hc.Pos)+"trap: "+format+"\n", a...)
		return interp.ExitStatus(command.StatusUsage)
	}
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		sh.mu.Lock()
		trap := sh.exitTrap
		sh.mu.Unlock()
		if trap != "" {
			q, _ := syntax.Quote(trap, syntax.LangBash)
			fmt.Fprintf(hc.Stdout, "trap -- %s EXIT\n", q)
		}
		return hc.Builtin(ctx, []string{"trap"})
	}
	action := "-"
	if len(args) > 1 {
		action, args = args[0], args[1:]
	}
	if strings.HasPrefix(action, "-") && action != "-" {
		return fail("%s is not supported", render.Line(action))
	}
	j := jobOf(ctx)
	for _, name := range args {
		switch name = strings.TrimPrefix(strings.ToUpper(name), "SIG"); {
		case name == "EXIT" || name == "0":
			text := strings.TrimPrefix(action, "-")
			switch {
			case j != nil:
				j.trap = text
			case !hc.Env.Get(marker).Set:
				return fail("EXIT in a part of a pipe is not supported")
			default:
				sh.mu.Lock()
				sh.exitTrap = text
				sh.mu.Unlock()
			}
		case name == "ERR":
			if err := hc.Builtin(ctx, []string{"trap", "--", action, "ERR"}); err != nil {
				return err
			}
		case action != "-":
			return fail("%s is not supported: there are EXIT and ERR; the EXIT trap runs after Ctrl-C, after SIGTERM and at the deadline too", render.Line(name))
		}
	}
	return nil
}
