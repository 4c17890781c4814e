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

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/core/table"
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
		fmt.Fprintf(hc.Stderr, "%s%s: %v\n", sh.where(hc.Pos), render.Line(args[0]), cause)
		return interp.ExitStatus(status)
	}
	if sh.cfg.NoExternal {
		return fail(notExecutable, errNoExternal)
	}
	path, err := interp.LookPathDir(hc.Dir, hc.Env, args[0])
	if err != nil && strings.Contains(args[0], "/") && exists(hc.Dir, args[0]) {
		return fail(notExecutable, "not executable")
	}
	if err != nil {
		fmt.Fprintf(hc.Stderr, "%s%s: command not found\n", sh.where(hc.Pos), render.Line(args[0]))
		if near := nearest(args[0], sh.commands.Names()); near != "" {
			fmt.Fprintf(hc.Stderr, "  did you mean %s?\n", near)
		}
		return interp.ExitStatus(notFound)
	}
	cmd := &exec.Cmd{
		Path: path, Args: args, Env: environ(hc.Env), Dir: hc.Dir,
		Stdin: hc.Stdin, Stdout: sh.file(hc.Stdout), Stderr: sh.file(hc.Stderr),
	}
	own := !isTerminal(hc.Stdin) // in a group of its own it could not read the terminal
	prepareGroup(cmd, own)
	if err := cmd.Start(); err != nil {
		var pe *fs.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return fail(notExecutable, err)
	}
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		signalGroup(cmd, own, os.Interrupt)
		select {
		case <-ended:
		case <-time.After(interruptGrace):
			signalGroup(cmd, own, os.Kill)
		}
	})
	err = cmd.Wait()
	close(ended)
	stop()
	if ctx.Err() != nil {
		return interp.ExitStatus(command.Status(table.Ended(ctx)))
	}
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &exit):
		return interp.ExitStatus(exitStatus(exit))
	}
	return fail(command.StatusFailed, err)
}

func exists(dir, path string) bool {
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	_, err := os.Stat(path)
	return err == nil
}

// file is where a program's output goes: the terminal itself, as the program
// knows what it prints; a capture within its bound.
func (sh *Shell) file(w io.Writer) io.Writer {
	switch {
	case w == sh.cfg.Stdout && sh.cfg.OutTerminal != nil:
		return sh.cfg.OutTerminal
	case w == sh.cfg.Stderr && sh.cfg.ErrTerminal != nil:
		return sh.cfg.ErrTerminal
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
