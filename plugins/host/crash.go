package host

import (
	"errors"
	"fmt"
	"time"
)

// A plugin that ends by its own fault maxCrashes times within crashTime is not started
// again for as long: what needs a new process at each call would else start hundreds.
const (
	maxCrashes = 5
	crashTime  = time.Minute
)

// crashes remembers how a plugin's processes ended. Not for concurrent use.
type crashes struct {
	at    []time.Time // the last, at most maxCrashes, oldest first
	last  string      // how the last process ended, a crash or not; "" for none
	until time.Time   // not started before; zero where it may be
}

// ended notes the end of a process. One that somebody killed is no crash.
func (c *crashes) ended(now time.Time, how string, crash bool) {
	c.last = how
	if !crash {
		return
	}
	if c.at = append(c.at, now); len(c.at) > maxCrashes {
		c.at = c.at[1:]
	}
	if len(c.at) == maxCrashes && now.Sub(c.at[0]) < crashTime {
		c.until = now.Add(crashTime)
		c.at = nil
	}
}

// forget makes the next start as good as the first.
func (c *crashes) forget() { c.at, c.until = nil, time.Time{} }

// looping reports whether the plugin is not to be started now.
func (c *crashes) looping(now time.Time) bool { return now.Before(c.until) }

// reason is what became of the plugin, in words; "" where there is nothing to say.
func (c *crashes) reason(now time.Time) string {
	if c.looping(now) {
		return fmt.Sprintf("ended %d times within a minute, the last time because it %s; it is not started again before %s",
			maxCrashes, c.last, c.until.Format(time.TimeOnly))
	}
	return c.last
}

// refuse is the error of a call to a plugin that is not to be started now.
func (c *crashes) refuse(name string, now time.Time) error {
	if !c.looping(now) {
		return nil
	}
	return pluginError(name, fmt.Sprintf("plugin reload %s tries at once; sosh -v shows what it prints", name), "%s", c.reason(now))
}

// TryAgain forgets how often a plugin has ended: the next call starts it, whatever
// became of it before. An unknown name is an error.
func (h *Host) TryAgain(name string) error {
	p, err := h.plugin(name)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.crashes.forget()
	return nil
}

// afterLast waits until the process before has gone, and refuses when it was one too many.
func (p *plugin) afterLast() error {
	p.mu.Lock()
	last := p.proc
	p.mu.Unlock()
	if last != nil && last.dead() { // else a reload was faster
		<-last.run.exited // it is being killed, if it has not gone
		p.noteEnd(last)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.crashes.refuse(p.name, p.h.now())
}

// noteFailure notes why there is no process. p.mu is held.
func (p *plugin) noteFailure(err error) {
	if early := (*earlyEnd)(nil); errors.As(err, &early) {
		p.crashes.ended(p.h.now(), early.how, early.crash)
	} else if !p.crashes.looping(p.h.now()) {
		p.crashes.last = err.Error()
	}
}

// noteEnd notes how a process ended, once. What becomes of one that has made room for
// another says nothing of that.
func (p *plugin) noteEnd(pr *process) {
	how, crash := pr.ending()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !pr.noted && !pr.isExcused() {
		pr.noted = true
		p.crashes.ended(p.h.now(), how, crash)
	}
}

func (pr *process) isExcused() bool {
	pr.mu.Lock()
	defer pr.mu.Unlock()
	return pr.excused || pr.retired
}

// ending is how a process that has exited ended, and whether that was its own fault.
func (pr *process) ending() (how string, crash bool) {
	pr.mu.Lock()
	why := pr.why
	pr.mu.Unlock()
	if why != "" {
		return why, true
	}
	how, crash = pr.run.ending()
	return how, crash && pr.at == nil // the network's end looks the same
}
