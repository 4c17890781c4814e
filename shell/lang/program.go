package lang

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"

	"github.com/sosh-shell/sosh/core/nearest"
	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/shell/command"
	"github.com/sosh-shell/sosh/shell/render"
)

// Statuses of programs that do not run, after POSIX.
const (
	notExecutable = 126
	notFound      = 127
)

// interruptGrace is the time between SIGINT and SIGKILL for a program whose
// command was cancelled: a script must not outlive its deadline by more.
const interruptGrace = 100 * time.Millisecond

var errNoExternal = socket.Faultf(socket.Unsupported, "programs and files are closed to this script (--no-external)")

// program runs an external program.
func (sh *Shell) program(ctx context.Context, hc *interp.HandlerContext, args []string) error {
	fail := func(status uint8, cause any) error {
		fmt.Fprintf(behind(hc.Stderr), "%s%s: %v\n", sh.where(hc.Pos), render.Line(args[0]), cause)
		return interp.ExitStatus(status)
	}
	defer sh.settle(ctx, 0)
	if sh.cfg.NoExternal {
		return fail(notExecutable, errNoExternal)
	}
	path, err := interp.LookPathDir(hc.Dir, hc.Env, args[0])
	if err != nil && strings.Contains(args[0], "/") && exists(hc.Dir, args[0]) {
		return fail(notExecutable, "not executable")
	}
	if err != nil {
		fmt.Fprintf(behind(hc.Stderr), "%s%s: command not found\n", sh.where(hc.Pos), render.Line(args[0]))
		if near := nearest.Word(args[0], sh.commands().Names()); near != "" {
			fmt.Fprintf(behind(hc.Stderr), "  did you mean %s?\n", near)
		}
		return interp.ExitStatus(notFound)
	}
	cmd := &exec.Cmd{Path: path, Args: args, Env: environ(hc.Env), Dir: hc.Dir, Stdin: hc.Stdin}
	pipes, err := connect(cmd, sh.file(hc.Stdout), sh.file(hc.Stderr))
	if err != nil {
		return fail(notExecutable, err)
	}
	err = sh.execute(ctx, cmd, pipes, jobOf(ctx) == nil)
	var exit *exec.ExitError
	var start *startError
	switch {
	case errors.As(err, &start):
		return fail(notExecutable, start.err)
	case ctx.Err() != nil:
		return interp.ExitStatus(statusOf(context.Cause(ctx)))
	case err == nil:
		return nil
	case errors.As(err, &exit):
		return interp.ExitStatus(exitStatus(exit))
	}
	return fail(command.StatusFailed, err)
}

// CtrlC is the cause with which a prompt cancels its line when the person at the
// terminal gives it up. Programs that have the terminal are then asked to end, and
// not made to, as they are by all other causes.
var CtrlC = socket.Faultf(socket.Interrupted, "interrupted")

// startError is a program that did not start.
type startError struct{ err error }

func (e *startError) Error() string { return e.err.Error() }

// execute starts a program and waits for its end, and what it prints into a
// capture. At the end of ctx it gets the signal that the end stands for, and
// 100 ms later SIGKILL. At a terminal a prompt gives a program the terminal: its
// Ctrl-C is its own affair.
func (sh *Shell) execute(ctx context.Context, cmd *exec.Cmd, pipes *capturing, foreground bool) error {
	shown := foreground && isTerminal(sh.cfg.Stdin)
	group, err := sh.startProgram(cmd, shown)
	pipes.started()
	if err != nil {
		pipes.abandon()
		var pe *fs.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return &startError{err}
	}
	sh.settle(ctx, cmd.Process.Pid)
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		group.signal(os.Interrupt)
		if k := killedBy(ctx); k.number != 0 {
			sendSignal(cmd.Process.Pid, k)
		}
		if group.holdsTerminal() && errors.Is(context.Cause(ctx), CtrlC) {
			return // the person at the terminal decides when it ends
		}
		select {
		case <-ended:
		case <-time.After(interruptGrace):
			group.signal(os.Kill)
		}
		pipes.abandon()
	})
	err = group.wait(cmd)
	if perr := pipes.wait(); perr != nil && err == nil {
		err = perr
	}
	close(ended)
	stop()
	if group.done(cmd) { // Ctrl-C ended it: the line it stands in ends, too
		if group.holdsTerminal() {
			if sh.cfg.Interrupted != nil && ctx.Err() == nil {
				sh.cfg.Interrupted()
			}
			sh.interrupt(socket.Interrupted)
		} else if shown {
			awaitEnd(ctx)
		}
	}
	return err
}

// awaitEnd gives the signal that has just ended a program the time to reach
// the shell, which has the same terminal.
func awaitEnd(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(interruptGrace):
	}
}

// killedBy is the signal that kill sent to the job of ctx.
func killedBy(ctx context.Context) signal {
	var k killing
	errors.As(context.Cause(ctx), &k)
	return k.signal
}

func exists(dir, path string) bool {
	_, err := os.Stat(absolute(dir, path))
	return err == nil
}

func absolute(dir, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// file is where a program's output goes: the terminal itself, as the program
// knows what it prints; a capture within its bound.
func (sh *Shell) file(w io.Writer) io.Writer {
	w = behind(w)
	switch {
	case w == sh.cfg.Stdout && sh.cfg.OutTerminal != nil:
		return sh.cfg.OutTerminal
	case w == sh.cfg.Stderr && sh.cfg.ErrTerminal != nil:
		return sh.cfg.ErrTerminal
	}
	if f := fileOf(w); f != nil {
		return f
	}
	if sh.captured(w) {
		return &bounded{w: w, left: maxCapture}
	}
	return w
}

// environ is the exported variables.
func environ(env expand.Environ) []string {
	var list []string
	for name, v := range env.Each {
		if v.Exported && v.Kind == expand.String {
			list = append(list, name+"="+v.Str)
		}
	}
	return list
}

// noDirectories and noStat keep a pattern from listing what is there.
func noDirectories(context.Context, string) ([]fs.DirEntry, error) { return nil, errNoExternal }

func noStat(_ context.Context, path string, _ bool) (fs.FileInfo, error) {
	return nil, &os.PathError{Op: "stat", Path: path, Err: errNoExternal}
}

// noFiles is the interpreter's way to a file where files are closed; /dev/null stays.
func noFiles(ctx context.Context, path string, flag int, perm os.FileMode) (io.ReadWriteCloser, error) {
	if path == os.DevNull {
		return os.OpenFile(path, flag, perm)
	}
	return nil, &os.PathError{Op: "open", Path: path, Err: errNoExternal}
}

func noAccess(_ context.Context, path string, _ interp.AccessMode) error {
	return &os.PathError{Op: "access", Path: path, Err: errNoExternal}
}
