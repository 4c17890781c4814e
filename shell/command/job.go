package command

import (
	"context"
	"errors"
	"fmt"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/shell/render"
)

// Jobs are the jobs of a shell, as the language gives them to commands. A job is
// named by %N or by the process that it runs.
type Jobs interface {
	// Start begins a job that runs a function with arguments, with current as its
	// current socket, and calls ended at its end. It does not wait. The error is
	// [socket.Usage] when no function has that name.
	Start(function string, args []string, current string, ended func()) error
	// Background begins a job that runs a command, where a person sits at a prompt;
	// elsewhere started is false.
	Background(words []string) (started bool, err error)
	// List tells the jobs that run, and those that have ended and were not waited for.
	List() []Job
	// Wait waits for the named jobs, or without names for all that this part of
	// the script has started; with one for the first of them to end. It returns
	// the status of the last named, without names that of the first that failed.
	Wait(ctx context.Context, names []string, one bool) (status int, err error)
	// Kill sends a signal to a job or process.
	Kill(name, signal string) error
}

// Job is one job as it is at the moment.
type Job struct {
	Name string // %1
	PID  int    // of its program, 0 for none
	// State is running, done, failed N or killed.
	State string
	Text  string // as it was typed
}

// ErrKilled is in the cause of a context that kill ended: whoever killed knows,
// and nothing is told.
var ErrKilled = errors.New("killed")

// errNoJobs is for a world without a language.
var errNoJobs = socket.Faultf(socket.Unsupported, "there are no jobs here")

// jobs returns the jobs of the shell.
func (c *Call) jobs() (Jobs, error) {
	if c.Jobs == nil {
		return nil, errNoJobs
	}
	return c.Jobs, nil
}

// jobColumns prints jobs for people and for pipes.
func (c *Call) jobColumns(all []Job) error {
	t := render.Table{Style: c.style()}
	for _, j := range all {
		pid := ""
		if j.PID != 0 {
			pid = itoa(j.PID)
		}
		t.Rows = append(t.Rows, []string{j.Name, j.State, pid, j.Text})
	}
	return t.Write(c.Stdout)
}

// endedWith is a failure that is told already: only its status is left.
type endedWith struct{ status int }

func (e endedWith) Error() string { return fmt.Sprintf("status %d", e.status) }
