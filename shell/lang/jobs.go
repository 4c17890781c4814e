package lang

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/shell/command"
)

// Bounds of the jobs of one shell.
const (
	maxRunning = 10000 // at once
	maxEnded   = 1000  // that nobody has waited for; the oldest that did well are forgotten
)

// job is one command that runs beside the script.
type job struct {
	n       int
	text    string
	code    string // what it runs, for the interpreter
	owner   *job   // that started it; nil for the script
	session *command.Session
	ctx     context.Context
	cancel  context.CancelCauseFunc
	done    chan struct{}
	// settled is closed when it is known whether the job is one program.
	settled  func()
	begun    chan struct{} // closed when it runs
	taken    atomic.Bool   // by whoever sees to its end: the job itself, once it runs
	client   bool          // of accept --each: forgotten when it ends
	onEnd    func()
	captured bool      // it was started in a $(...)
	messages *messages // its standard error, set before it begins

	deferred
	trap    string // for its end
	result  int    // of its body
	cleaned chan struct{}

	// Of the table's lock.
	pid     int // of its program; 0 for none
	killed  bool
	ended   bool
	status  int
	waiters int
}

func (j *job) name() string { return "%" + strconv.Itoa(j.n) }

// killing is why a job was cancelled.
type killing struct{ signal signal }

func (k killing) Error() string { return "killed by SIG" + k.signal.name }

func (k killing) Unwrap() error { return command.ErrKilled }

type jobKey struct{}

// jobOf is the job that runs in ctx, nil for the script.
func jobOf(ctx context.Context) *job {
	j, _ := ctx.Value(jobKey{}).(*job)
	return j
}

// jobTable is the jobs of a shell.
type jobTable struct {
	mu     sync.Mutex
	last   int
	all    []*job // by number
	failed *job   // of accept --each, the first
}

var errTooMany = socket.Faultf(socket.Full, "%d jobs run already", maxRunning)

func (t *jobTable) add(j *job) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	running := 0
	for _, o := range t.all {
		if !o.ended {
			running++
		}
	}
	if running >= maxRunning {
		return errTooMany
	}
	if len(t.all) == 0 && t.failed == nil {
		t.last = 0
	}
	t.last++
	j.n = t.last
	t.all = append(t.all, j)
	return nil
}

// end keeps the status of a job.
func (t *jobTable) end(j *job, status int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	j.ended, j.status = true, status
	if j.client {
		t.forget(j)
		if status != 0 && !j.killed && t.failed == nil {
			t.failed = j
		}
	}
	ended := 0
	for _, o := range t.all {
		if o.ended {
			ended++
		}
	}
	if ended > maxEnded {
		if i := slices.IndexFunc(t.all, func(o *job) bool { return o.ended && o.status == 0 && o.waiters == 0 }); i >= 0 {
			t.all = slices.Delete(t.all, i, i+1)
		}
	}
	close(j.done)
}

// forget takes a job out; called with mu held.
func (t *jobTable) forget(j *job) {
	if i := slices.Index(t.all, j); i >= 0 {
		t.all = slices.Delete(t.all, i, i+1)
	}
}

// list is the jobs as they are.
func (t *jobTable) list() []command.Job {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []command.Job
	for _, j := range t.all {
		state := "running"
		switch {
		case j.ended && j.killed:
			state = "killed"
		case j.ended && j.status == 0:
			state = "done"
		case j.ended:
			state = fmt.Sprintf("failed %d", j.status)
		}
		out = append(out, command.Job{Name: j.name(), PID: j.pid, State: state, Text: j.text})
	}
	return out
}

// find is the job of that name, %N or a process; nil when there is none.
func (t *jobTable) find(name string) *job {
	t.mu.Lock()
	defer t.mu.Unlock()
	number, isJob := strings.CutPrefix(name, "%")
	n, err := strconv.Atoi(number)
	if err != nil || n <= 0 {
		return nil
	}
	for _, j := range slices.Backward(t.all) {
		if isJob && j.n == n || !isJob && j.pid == n {
			return j
		}
	}
	return nil
}

// of is the jobs that owner has started, by number.
func (t *jobTable) of(owner *job) (list []*job) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, j := range t.all {
		if j.owner == owner {
			list = append(list, j)
		}
	}
	return list
}

// running is the jobs that have not ended.
func (t *jobTable) running() (list []*job) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, j := range t.all {
		if !j.ended {
			list = append(list, j)
		}
	}
	return list
}

// take is a job's status, and forgets the job.
func (t *jobTable) take(j *job) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forget(j)
	return j.status
}

// hold keeps jobs that are waited for from being forgotten by others.
func (t *jobTable) hold(list []*job, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, j := range list {
		j.waiters += n
	}
}

// verdict is the failure of a job that nobody has heard of, nil when there is
// none. A job that was killed has not failed.
func (t *jobTable) verdict() *job {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failed != nil {
		return t.failed
	}
	for _, j := range t.all {
		if j.ended && j.status != 0 && !j.killed {
			return j
		}
	}
	return nil
}
