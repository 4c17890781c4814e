package lang

import (
	"context"
	"io"
)

// begin makes a run that a failed expansion, skip and an interrupted program can end.
func (sh *Shell) begin(ctx context.Context) (run context.Context, end func()) {
	run, cancel := context.WithCancelCause(ctx)
	sh.mu.Lock()
	sh.cancel = cancel
	sh.mu.Unlock()
	sh.now.Store(&run)
	sh.exitAsked.Store(false)
	sh.told.Store(false)
	return run, func() {
		sh.mu.Lock()
		sh.cancel = nil
		sh.mu.Unlock()
		sh.now.Store(nil)
		if sh.cfg.Prompt { // jobs of a script go on until its end, which cancels them
			cancel(nil)
		}
	}
}

// interrupt ends the run under way.
func (sh *Shell) interrupt(cause error) {
	sh.mu.Lock()
	cancel := sh.cancel
	sh.mu.Unlock()
	if cancel != nil {
		cancel(cause)
	}
}

// jobContext is what a job's context comes from: the script's run, but no line
// of a prompt, whose Ctrl-C is not the jobs'.
func (sh *Shell) jobContext(ctx context.Context) context.Context {
	if sh.cfg.Prompt {
		return context.WithoutCancel(ctx)
	}
	if run := sh.now.Load(); run != nil {
		return *run
	}
	return ctx
}

// Script parses all of r, then runs it: nothing is done when a part of it
// cannot be read. It returns the exit status.
func (sh *Shell) Script(ctx context.Context, r io.Reader) int {
	f, err := sh.parse(r, sh.cfg.Name)
	if err != nil {
		return sh.bad(err)
	}
	f.Name = sh.cfg.Name
	run, end := sh.begin(ctx)
	status := sh.status(run, sh.runner.Run(run, f))
	status = sh.End(run, status)
	end()
	return status
}

// Stream runs statements as they come, as from a pipe that another program
// feeds. A bad one ends it.
func (sh *Shell) Stream(ctx context.Context, r io.Reader) int {
	run, end := sh.begin(ctx)
	defer end()
	return sh.End(run, sh.stream(run, r))
}

func (sh *Shell) stream(ctx context.Context, r io.Reader) (status int) {
	in := newScriptReader(r)
	ran := false
	for stmt, err := range sh.parser.StmtsSeq(in) {
		if in.bad != nil {
			err = in.bad
		}
		if err == nil {
			err = sh.check(stmt)
		}
		if err != nil {
			status = sh.bad(err)
			if ran {
				io.WriteString(sh.cfg.Stderr, "  what stands before it has run\n")
			}
			return status
		}
		in.renew()
		sh.rewrite(stmt)
		ran = true
		status = sh.status(ctx, sh.runner.Run(ctx, stmt))
		if sh.runner.Exited() || ctx.Err() != nil {
			return status
		}
	}
	if in.bad != nil {
		return sh.bad(in.bad)
	}
	return status
}

// Line runs one complete input of a prompt. It reports the exit status, and
// whether the shell is to end.
func (sh *Shell) Line(ctx context.Context, text string) (status int, exit bool) {
	note := notes{journal: sh.cfg.Session.Journal, text: text}
	f, err := sh.parse(Text(text), "")
	if err != nil {
		note.refused(err)
		return sh.bad(err), false
	}
	run, end := sh.begin(ctx)
	defer end()
	note.whole(len(f.Stmts))
	defer note.done()
	for i, stmt := range f.Stmts {
		note.begin(i)
		status = sh.status(run, sh.runner.Run(run, stmt))
		note.end(status)
		if run.Err() != nil {
			sh.setLast(ctx, status)
			return status, false
		}
		if sh.runner.Exited() { // what exits otherwise is a word that could not be expanded
			return status, sh.exitAsked.Load()
		}
	}
	return status, false
}
