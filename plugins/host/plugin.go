package host

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/sosh-shell/sosh/core/socket"
)

// plugin is one protocol's plugin, running or not.
type plugin struct {
	h    *Host
	name string
	path string
	find func() (program, error) // what to run, checked now
	log  *ring
	at   *place // where it runs; nil for here
	// desc is of the build that gets the calls, or would.
	desc atomic.Pointer[socket.Description]

	reloading sync.Mutex // one takeover at a time

	mu       sync.Mutex
	proc     *process // nil while none runs
	starting *start   // nil while none is being started
	starts   int
	failed   bool // the last start failed, or the last process died by itself
	crashes  crashes
	removed  bool              // it is off the record: nothing is started
	all      map[*process]bool // the processes, proc and those that have made room for it
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
	s := socket.Plugin{Name: p.name, Version: p.desc.Load().Version, Starts: p.starts, Path: p.path, State: "idle"}
	switch {
	case p.proc != nil && !p.proc.dead():
		s.State, s.PID = "running", p.proc.run.pid
	case p.failed || p.proc != nil && !p.proc.isExcused():
		s.State, s.Reason = "failed", p.crashes.reason(p.h.now())
	}
	for pr := range p.all {
		s.Processes++
		s.Holds += pr.carries()
	}
	return s
}

// runs reports whether a process gets the calls, or soon will.
func (p *plugin) runs() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.proc != nil && !p.proc.dead() || p.starting != nil
}

// recorded says what is on record while nothing runs.
func (p *plugin) recorded(d *socket.Description) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.removed = false
	if p.proc == nil || p.proc.dead() {
		p.desc.Store(d)
	}
}

// form is how its sockets travel.
func (p *plugin) form() Form {
	if p.at != nil {
		return Stream
	}
	return p.h.formOf(p.desc.Load())
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
	if p.removed {
		p.mu.Unlock()
		return nil, p.isRemoved()
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

func (p *plugin) isRemoved() error {
	return pluginError(p.name, "plugin install PATH brings it back", "was removed")
}

func (p *plugin) start(s *start) {
	defer close(s.done)
	defer s.cancel()
	err := p.afterLast()
	var pr *process
	if err == nil {
		pr, err = p.launch(s.ctx)
	}
	p.mu.Lock()
	if p.starting != s { // given up, perhaps as it was done
		p.mu.Unlock()
		if s.err = err; err == nil {
			pr.end()
			pr.cleanup()
			s.err = context.Canceled
		}
		return
	}
	defer p.mu.Unlock()
	p.starting = nil
	switch {
	case err != nil:
		s.err, p.failed = err, true
		p.noteFailure(err)
	case p.removed:
		p.spare(pr)
		s.err = p.isRemoved()
	case p.proc != nil && !p.proc.dead(): // a reload was faster, and its build is the newer
		p.spare(pr)
		s.proc = p.proc
	default:
		p.adopt(pr)
		s.proc = pr
	}
}

// launch starts a process of the build on record. It is called in a task.
func (p *plugin) launch(ctx context.Context) (*process, error) {
	prog, err := p.find()
	if err != nil {
		return nil, err
	}
	defer prog.close()
	return p.h.launch(ctx, p.name, prog, p.log, p.at)
}

// spare follows a process that nobody will call. p.mu is held.
func (p *plugin) spare(pr *process) {
	p.keep(pr)
	pr.retire()
}

// adopt makes pr the process that gets the calls. p.mu is held.
func (p *plugin) adopt(pr *process) {
	if p.proc != nil {
		p.proc.retire()
	}
	p.proc, p.failed = pr, false
	p.desc.Store(pr.desc)
	p.keep(pr)
}

// keep follows a process to its end. p.mu is held.
func (p *plugin) keep(pr *process) {
	p.starts++
	p.all[pr] = true
	p.h.tasks.Go(func() { p.watch(pr) }) // whoever calls is a task, so Close still waits
}

// watch notices the end of a process, or ends it when it is idle or with the host,
// and cleans up.
func (p *plugin) watch(pr *process) {
	died := false
	select {
	case <-pr.run.exited:
		died = p.h.ctx.Err() == nil
	case <-pr.idle:
		pr.dismiss(p.h.ctx)
	case <-p.h.ctx.Done():
		pr.end()
	}
	if died {
		p.noteEnd(pr)
	}
	p.mu.Lock()
	if p.proc == pr {
		p.proc, p.failed = nil, died && !p.removed && !pr.isExcused()
	}
	p.mu.Unlock()
	pr.cleanup()
	p.mu.Lock()
	delete(p.all, pr)
	p.mu.Unlock()
}
