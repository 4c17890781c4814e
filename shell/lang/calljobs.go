package lang

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/core/table"
	"github.com/sosh-shell/sosh/shell/command"
	"github.com/sosh-shell/sosh/shell/render"
)

// callJobs is the jobs as one call of a command has them.
type callJobs struct {
	sh  *Shell
	ctx context.Context
	hc  *handler
}

func (c callJobs) List() []command.Job { return c.sh.jobs.list() }

func noSuchJob(op, name string) error {
	return &socket.Error{Op: op, Place: render.Line(name), Err: socket.Faultf(socket.NoSocket, "no such job"), Hint: "jobs lists them"}
}

// Wait implements [command.Jobs].
func (c callJobs) Wait(ctx context.Context, names []string, one bool) (int, error) {
	t := &c.sh.jobs
	list := t.of(jobOf(c.ctx))
	if len(names) > 0 {
		list = nil
	}
	for _, name := range names {
		j := t.find(name)
		switch {
		case j == nil:
			return 0, noSuchJob("wait", name)
		case j == jobOf(c.ctx):
			return 0, &socket.Error{Op: "wait", Place: name, Err: socket.Faultf(socket.Usage, "a job cannot wait for itself")}
		}
		list = append(list, j)
	}
	t.hold(list, 1)
	defer t.hold(list, -1)
	if one {
		return c.waitOne(ctx, list)
	}
	status := 0
	for _, j := range list {
		select {
		case <-j.done:
		case <-ctx.Done():
			return 0, &socket.Error{Op: "wait", Place: j.name(), Err: table.Ended(ctx)}
		}
		if s := t.take(j); len(names) > 0 || status == 0 {
			status = s
		}
	}
	return status, nil
}

// waitOne waits for the first to end.
func (c callJobs) waitOne(ctx context.Context, list []*job) (int, error) {
	if len(list) == 0 {
		return 0, &socket.Error{Op: "wait", Err: socket.Faultf(socket.NoSocket, "there is no job")}
	}
	first := make(chan *job, len(list))
	stop := make(chan struct{})
	defer close(stop)
	for _, j := range list {
		select {
		case <-j.done:
			return c.sh.jobs.take(j), nil
		default:
		}
		go func() {
			select {
			case <-j.done:
				first <- j
			case <-stop:
			}
		}()
	}
	select {
	case j := <-first:
		return c.sh.jobs.take(j), nil
	case <-ctx.Done():
		return 0, &socket.Error{Op: "wait", Err: table.Ended(ctx)}
	}
}

// Kill implements [command.Jobs].
func (c callJobs) Kill(name, word string) error {
	sig, ok := signalByName(word)
	if !ok {
		return &socket.Error{Op: "kill", Err: socket.Faultf(socket.Usage, "no signal is named %s", render.Line(word))}
	}
	t := &c.sh.jobs
	j := t.find(name)
	if j == nil {
		return c.killProcess(name, sig)
	}
	t.mu.Lock()
	pid, ended := j.pid, j.ended
	if !ended && sig.ends {
		j.killed = true
	}
	t.mu.Unlock()
	switch {
	case ended:
		return &socket.Error{Op: "kill", Place: name, Err: socket.Faultf(socket.NoSocket, "the job has ended")}
	case pid != 0:
		return killError(name, sendSignal(pid, sig))
	case sig.number == 0:
		return nil
	case !sig.ends:
		return &socket.Error{Op: "kill", Place: name, Err: socket.Faultf(socket.Unsupported, "the job is no single program: SIG%s can be sent to a process only", sig.name)}
	}
	j.cancel(killing{sig})
	return nil
}

// killProcess sends a signal to a process that is no job.
func (c callJobs) killProcess(name string, sig signal) error {
	pid, err := strconv.Atoi(name)
	switch {
	case err != nil || strings.HasPrefix(name, "%"):
		return noSuchJob("kill", name)
	case c.sh.cfg.NoExternal:
		return &socket.Error{Op: "kill", Place: name, Err: errNoExternal}
	}
	return killError(name, sendSignal(pid, sig))
}

func killError(name string, err error) error {
	if err == nil {
		return nil
	}
	return &socket.Error{Op: "kill", Place: name, Err: err}
}

// settleTime bounds how long the script waits for the process of its job, which
// a redirection may keep from starting.
const settleTime = time.Second
