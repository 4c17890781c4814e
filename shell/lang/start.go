package lang

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"mvdan.cc/sh/v3/interp"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/shell/command"
	"github.com/sosh-shell/sosh/shell/render"
)

// handler is the interpreter's world at one call.
type handler = interp.HandlerContext

// addBody keeps the command of a job for its start.
func (sh *Shell) addBody(b body) int {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.bodies = append(sh.bodies, b)
	return len(sh.bodies) - 1
}

// background starts the job of a "COMMAND &".
func (sh *Shell) background(ctx context.Context, hc *handler, args []string) error {
	n, err := strconv.Atoi(strings.Join(args, ""))
	sh.mu.Lock()
	known := err == nil && n >= 0 && n < len(sh.bodies)
	var b body
	if known {
		b = sh.bodies[n]
	}
	sh.mu.Unlock()
	if !known {
		return interp.ExitStatus(command.StatusUsage)
	}
	j := &job{text: b.text, code: jobBody + strconv.Itoa(n) + ` "$@"`}
	settled, err := sh.start(ctx, hc, j)
	if err != nil {
		fmt.Fprintf(behind(hc.Stderr), "%s%v\n", sh.where(hc.Pos), err)
		return interp.ExitStatus(command.Status(err))
	}
	if b.program {
		select {
		case <-settled:
		case <-j.done:
		case <-ctx.Done():
		case <-time.After(settleTime):
		}
	}
	name := j.name()
	sh.jobs.mu.Lock()
	pid := j.pid
	sh.jobs.mu.Unlock()
	if pid != 0 {
		name = strconv.Itoa(pid)
	}
	if sh.cfg.Prompt {
		fmt.Fprintf(behind(hc.Stderr), "%s: %s\n", j.name(), newestText(name, j))
	}
	return sh.env.assign(ctx, hc, []command.Assignment{{Name: newestJob, Value: name}})
}

// newestText tells a person of a new job.
func newestText(name string, j *job) string {
	if name == j.name() {
		return render.Line(j.text)
	}
	return "process " + name + ", " + render.Line(j.text)
}

// Start implements [command.Jobs].
func (c callJobs) Start(function string, args []string, current string, ended func()) error {
	if _, ok := c.sh.functions.Load(function); !ok {
		return &socket.Error{Op: "accept", Err: socket.Faultf(socket.Usage, "no function is named %q", function),
			Hint: "define it first: " + function + "() { ...; }"}
	}
	words := append([]string{function}, args...)
	code, err := quoteAll(words)
	if err != nil {
		return err
	}
	j := &job{text: strings.Join(words, " "), code: code, client: true, onEnd: ended}
	j.session = c.sh.session(c.ctx).ForJob()
	j.session.SetCurrent(current)
	_, err = c.sh.start(c.ctx, c.hc, j)
	return err
}

// Background implements [command.Jobs].
func (c callJobs) Background(words []string) (started bool, err error) {
	if !c.sh.cfg.Prompt || jobOf(c.ctx) != nil {
		return false, nil
	}
	code, err := quoteAll(words)
	if err != nil {
		return false, err
	}
	j := &job{text: strings.Join(words, " "), code: code}
	if _, err = c.sh.start(c.ctx, c.hc, j); err == nil {
		fmt.Fprintf(behind(c.hc.Stderr), "%s: %s\n", j.name(), newestText(j.name(), j))
	}
	return err == nil, err
}

// start begins a job in a copy of hc's interpreter.
func (sh *Shell) start(ctx context.Context, hc *handler, j *job) (settled <-chan struct{}, err error) {
	known := make(chan struct{})
	j.settled = sync.OnceFunc(func() { close(known) })
	j.done, j.owner = make(chan struct{}), jobOf(ctx)
	if j.session == nil {
		j.session = sh.session(ctx).ForJob()
	}
	if err := sh.jobs.add(j); err != nil {
		return nil, err
	}
	j.ctx, j.cancel = context.WithCancelCause(context.WithValue(sh.jobContext(ctx), jobKey{}, j))
	var to io.Writer = refusing{}
	if !sh.captured(hc.Stderr) {
		to = behind(hc.Stderr)
	}
	j.captured = sh.captured(hc.Stdout)
	j.messages = &messages{sh: sh, to: to, fail: func(err error) { j.cancel(err) }}
	sh.wg.Add(1)
	// The ( ) gives the interpreter's own list of jobs up when they have begun.
	j.begun = make(chan struct{})
	hc.Builtin(j.ctx, []string{"eval", "(" + callRun + " " + strconv.Itoa(j.n) + " &)"})
	select {
	case <-j.begun:
	case <-j.ctx.Done(): // perhaps before the interpreter came to call run
		if j.taken.CompareAndSwap(false, true) {
			sh.finished(j, statusOf(context.Cause(j.ctx)))
		}
	}
	return known, nil
}

// run is a job, in the interpreter's goroutine for it.
func (sh *Shell) run(ctx context.Context, hc *handler, _ []string) error {
	j := jobOf(ctx)
	if j == nil || !j.taken.CompareAndSwap(false, true) {
		return interp.ExitStatus(command.StatusUsage)
	}
	close(j.begun)
	lasting := context.WithoutCancel(ctx)
	// Input is what POSIX gives a job: nothing. What it says goes its own way.
	streams := " </dev/null 2>" + messagesPath
	if j.captured {
		streams += " >" + refusingPath
	}
	hc.Builtin(lasting, []string{"eval", callBody + streams + " || :"})
	if j.trap != "" || j.deferred.any() {
		clean, cancel := cleaning(ctx)
		defer cancel()
		j.cleaned = make(chan struct{})
		hc.Builtin(clean, []string{"eval", "(" + callClean + streams + " &)"})
		select {
		case <-j.cleaned:
		case <-clean.Done():
		}
	}
	sh.finished(j, j.result)
	return nil
}

// body is what a job was started for.
func (sh *Shell) body(ctx context.Context, hc *handler, _ []string) error {
	j := jobOf(ctx)
	if j == nil {
		return interp.ExitStatus(command.StatusUsage)
	}
	j.result = builtinStatus(hc.Builtin(j.ctx, []string{"eval", j.code}))
	if j.ctx.Err() != nil {
		j.result = statusOf(context.Cause(j.ctx))
	}
	return hc.Builtin(ctx, []string{"false"}) // an exit within is the body's alone
}

// clean is a job's trap and deferred commands, in a copy of the job's shell that
// no end of the job has touched.
func (sh *Shell) clean(ctx context.Context, hc *handler, _ []string) error {
	j := jobOf(ctx)
	if j == nil {
		return interp.ExitStatus(command.StatusUsage)
	}
	defer close(j.cleaned)
	var codes []string
	if j.trap != "" {
		codes = append(codes, fmt.Sprintf("set +e; (exit %d)\n", j.result)+j.trap)
	}
	for _, d := range j.takeDeferred() {
		if code, err := quoteAll(d.args); err == nil {
			codes = append(codes, code)
		}
	}
	for _, code := range codes {
		hc.Builtin(ctx, []string{"eval", "( " + code + "\n) || :"})
	}
	return nil
}

// finished is the end of a job.
func (sh *Shell) finished(j *job, status int) {
	if j.onEnd != nil {
		j.onEnd()
	}
	sh.jobs.mu.Lock()
	killed := j.killed
	sh.jobs.mu.Unlock()
	if status != 0 && j.client && !killed && j.ctx.Err() == nil {
		fmt.Fprintf(j.messages.to, "%s%s failed with status %d: %s\n", sh.name(), j.name(), status, j.text)
	}
	j.settled()
	j.cancel(nil)
	sh.jobs.end(j, status)
	sh.wg.Done()
}

// name begins a message of the shell itself.
func (sh *Shell) name() string {
	if sh.cfg.Prompt {
		return ""
	}
	return sh.cfg.Name + ": "
}

// settle tells that the job of ctx, if it is one, is a program or is none.
func (sh *Shell) settle(ctx context.Context, pid int) {
	j := jobOf(ctx)
	if j == nil {
		return
	}
	if pid != 0 {
		sh.jobs.mu.Lock()
		if j.pid == 0 && sh.singleProgram(j) {
			j.pid = pid
		}
		sh.jobs.mu.Unlock()
	}
	j.settled()
}

// singleProgram reports whether a job is a simple command.
func (sh *Shell) singleProgram(j *job) bool {
	number, ok := strings.CutPrefix(j.code, jobBody)
	if !ok {
		return false
	}
	n, err := strconv.Atoi(strings.TrimSuffix(number, ` "$@"`))
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return err == nil && n < len(sh.bodies) && sh.bodies[n].program
}

// session is the one of the script or of its job.
func (sh *Shell) session(ctx context.Context) *command.Session {
	if j := jobOf(ctx); j != nil {
		return j.session
	}
	return sh.cfg.Session
}

// messagesPath is the file that leads to a job's messages. No script can open
// it: only a job's ctx has one.
const messagesPath = "/dev/sosh-messages"

// refusingPath leads to [refusing].
const refusingPath = "/dev/sosh-refusing"

// builtinStatus is what the interpreter's Builtin ended with. Its error has no
// exported type, only its text.
func builtinStatus(err error) int {
	var status interp.ExitStatus
	n := 0
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		return int(status)
	}
	if _, serr := fmt.Sscanf(err.Error(), "builtin exit status %d", &n); serr != nil {
		return command.StatusFailed
	}
	return n
}

// statusOf is the exit status that the cause of a cancel means.
func statusOf(cause error) int {
	var k killing
	switch {
	case errors.As(cause, &k):
		return 128 + k.signal.number
	case errors.Is(cause, errExpansion):
		return command.StatusFailed
	case errors.Is(cause, errSkipped):
		return 0
	case errors.Is(cause, context.Canceled):
		return command.StatusInterrupted
	}
	return command.Status(cause)
}

// quoteAll writes words so that the interpreter reads them as they are.
func quoteAll(words []string) (string, error) {
	var b strings.Builder
	for i, w := range words {
		if i > 0 {
			b.WriteByte(' ')
		}
		if err := quote(&b, w); err != nil {
			return "", err
		}
	}
	return b.String(), nil
}
