package host

import (
	"context"
	"errors"
	"sync"

	"github.com/sosh-shell/sosh/core/socket"
)

// plugin is one protocol's plugin, running or not.
type plugin struct {
	h    *Host
	name string
	path string
	desc socket.Description
	find func() (program, error) // what to run, checked now
	log  *ring
	at   *place // where it runs; nil for here

	mu       sync.Mutex
	proc     *process // nil while none runs
	starting *start   // nil while none is being started
	starts   int
	failed   bool // the last start failed, or the last process died by itself
	crashes  crashes
}

// start is one attempt, which all callers of its time share.
type start struct {
	done    chan struct{}
	proc    *process
	err     error
	callers int // that wait for it; under plugin.mu
	ctx     context.Context
	cancel  context.CancelFunc
}

func (p *plugin) state() socket.Plugin {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := socket.Plugin{Name: p.name, Version: p.desc.Version, Starts: p.starts, Path: p.path, State: "idle"}
	switch {
	case p.proc != nil && !p.proc.dead():
		s.State, s.PID = "running", p.proc.run.pid
	case p.failed || p.proc != nil && !p.proc.hasRetired():
		s.State, s.Reason = "failed", p.crashes.reason(p.h.now())
	}
	return s
}

// form is how its sockets travel.
func (p *plugin) form() Form {
	if p.at != nil {
		return Stream
	}
	return p.h.cfg.Form
}

// running returns the plugin's process, started when it must be. The start goes on
// when ctx ends: the next caller will want it. But one at a place, which may take
// long, ends with the last caller.
func (p *plugin) running(ctx context.Context) (*process, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p.mu.Lock()
	if p.proc != nil && !p.proc.dead() {
		defer p.mu.Unlock()
		return p.proc, nil
	}
	s := p.starting
	if s == nil {
		if err := p.crashes.refuse(p.name, p.h.now()); err != nil {
			p.mu.Unlock()
			return nil, err
		}
		s = &start{done: make(chan struct{})}
		s.ctx, s.cancel = context.WithCancel(p.h.ctx)
		p.starting = s
		if !p.h.task(func() { p.start(s) }) {
			p.starting = nil
			s.cancel()
			p.mu.Unlock()
			return nil, errClosed
		}
	}
	s.callers++
	p.mu.Unlock()
	select {
	case <-s.done:
		return s.proc, s.err
	case <-ctx.Done():
	}
	p.mu.Lock()
	s.callers--
	given := s.callers == 0 && p.at != nil && p.starting == s
	if given {
		p.starting = nil // whoever comes now begins anew
		s.cancel()
	}
	p.mu.Unlock()
	if given {
		<-s.done // nothing of it is left
	}
	return nil, ctx.Err()
}

func (p *plugin) start(s *start) {
	defer close(s.done)
	defer s.cancel()
	err := p.afterLast()
	var prog program
	if err == nil {
		prog, err = p.find()
	}
	if err == nil {
		s.proc, err = p.h.launch(s.ctx, p.name, prog, p.log, p.at)
		prog.close()
	}
	s.err = err
	p.mu.Lock()
	if p.starting != s { // given up, perhaps as it was done
		p.mu.Unlock()
		if err == nil {
			s.proc.end()
			s.proc.cleanup()
			s.proc, s.err = nil, context.Canceled
		}
		return
	}
	p.proc, p.failed, p.starting = s.proc, err != nil, nil
	if early := (*earlyEnd)(nil); errors.As(err, &early) {
		p.crashes.ended(p.h.now(), early.how, early.crash)
	} else if err != nil && !p.crashes.looping(p.h.now()) {
		p.crashes.last = err.Error()
	}
	if err == nil {
		p.starts++
		p.h.tasks.Go(func() { p.watch(s.proc) }) // this goroutine is a task, so Close still waits
	}
	p.mu.Unlock()
}

// afterLast waits until the process before has gone, and refuses when it was one too many.
func (p *plugin) afterLast() error {
	p.mu.Lock()
	last := p.proc
	p.mu.Unlock()
	if last == nil {
		return nil
	}
	<-last.run.exited // it is dead, or being killed
	p.noteEnd(last)
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.crashes.refuse(p.name, p.h.now())
}

// watch notices the end of a process, or ends it with the host, and cleans up.
func (p *plugin) watch(pr *process) {
	select {
	case <-pr.run.exited:
	case <-p.h.ctx.Done():
		pr.end()
	}
	died := p.h.ctx.Err() == nil
	if died {
		p.noteEnd(pr)
	}
	p.mu.Lock()
	if p.proc == pr {
		p.proc, p.failed = nil, died && !pr.hasRetired()
	}
	p.mu.Unlock()
	pr.cleanup()
}
