package lang

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/shell/command"
	"github.com/sosh-shell/sosh/shell/render"
)

// Prefixes that no program has, to reach a command past the names that the
// interpreter keeps for itself, and a program past the commands.
const (
	ours   = "sosh:"
	theirs = "program:"
)

// builtins are those of the interpreter that the language has better, and calls
// that only rewritten code makes.
var builtins map[string]func(*Shell, context.Context, *handler, []string) error

func init() { // they lead back here
	builtins = map[string]func(*Shell, context.Context, *handler, []string) error{
		ours + "echo": (*Shell).echo, ours + "printf": (*Shell).printf, ours + "trap": (*Shell).trapped,
		callJob: (*Shell).background, callRun: (*Shell).run, callBody: (*Shell).body, callClean: (*Shell).clean, callClock: (*Shell).tell,
		callSet: (*Shell).setSeconds, callCopy: (*Shell).copyInput, callZero: (*Shell).divided,
	}
}

// better reports whether a word is a builtin of the interpreter that the language has
// better. The other calls of builtins have names that no word of a script is short for:
// a program may be called run, or clock.
func better(word string) bool { return word == "echo" || word == "printf" || word == "trap" }

// internal are calls that say nothing of what a job is.
var internal = map[string]bool{callRun: true, callBody: true, callClock: true}

// rename is called before every simple command. It lets the commands of sosh win
// over builtins of the same name (bind, help, ...), also behind command and
// builtin. "command -p NAME" is the system's own program.
func (sh *Shell) rename(ctx context.Context, args []string) ([]string, error) {
	hc := interp.HandlerCtx(ctx)
	if _, ok := sh.functions.Load(args[0]); ok {
		sh.settle(ctx, 0)
		return args, nil
	}
	word, rest := args[0], args[1:]
	for len(rest) > 0 && (word == "command" || word == "builtin") && !strings.HasPrefix(rest[0], "-") {
		word, rest = rest[0], rest[1:]
	}
	if better(word) {
		return append([]string{ours + word}, rest...), nil
	}
	if interp.IsBuiltin(word) {
		if m, ok := hc.Stderr.(*messages); ok {
			m.begin(&hc)
		}
	}
	switch {
	case len(rest) > 0 && (word == "source" || word == "."):
		return sh.sourced(ctx, append([]string{word}, rest...))
	case word == "eval":
		return sh.evaluated(&hc, append([]string{word}, rest...))
	case word == "exit" || word == "exec" && len(rest) > 0:
		if jobOf(ctx) == nil {
			sh.exitAsked.Store(true)
		}
	case word == "set" && len(rest) == 0:
		return sh.refuse(&hc, "set without arguments lists nothing here: env lists what is exported")
	case word == "dirs":
		return sh.refuse(&hc, "dirs is not supported: cd does not keep it up to date; pwd is")
	case word == "times":
		return sh.refuse(&hc, "times is not supported; time COMMAND tells what COMMAND takes")
	case word == "read" || word == "mapfile" || word == "readarray":
		if f, ok := hc.Stdin.(*os.File); ok && f != nil && f == sh.cfg.Stdin {
			if !awaitInput(f, ctx.Done()) {
				return []string{refused}, nil
			}
		}
	case len(args) == 3 && args[0] == "command" && args[1] == "-v", len(args) == 2 && args[0] == "type":
		if name := args[len(args)-1]; sh.isOurs(name) {
			if args[0] == "type" {
				name += " is a command of sosh"
			}
			return []string{ours + "echo", name}, nil
		}
	case len(args) > 2 && args[0] == "command" && args[1] == "-p":
		return append([]string{theirs + args[2]}, args[3:]...), nil
	case sh.isOurs(word):
		return append([]string{ours + word}, rest...), nil
	}
	if interp.IsBuiltin(word) {
		sh.settle(ctx, 0)
	}
	return args, nil
}

// refuse tells why a command is not run.
func (sh *Shell) refuse(hc *handler, why string) ([]string, error) {
	io.WriteString(behind(hc.Stderr), sh.where(hc.Pos)+why+"\n")
	return []string{refused}, nil
}

// copyInput is $(<FILE).
func (sh *Shell) copyInput(_ context.Context, hc *handler, _ []string) error {
	if hc.Stdin == nil {
		return nil
	}
	if _, err := io.Copy(&bounded{w: behind(hc.Stdout), left: maxCapture}, hc.Stdin); err != nil {
		fmt.Fprintf(behind(hc.Stderr), "%s%v\n", sh.where(hc.Pos), err)
		return interp.ExitStatus(command.StatusFailed)
	}
	return nil
}

// divided is a division by zero, or what else args say. As with a variable that must be set, the shell
// or the part of it ends, with status 1.
func (sh *Shell) divided(_ context.Context, hc *handler, args []string) error {
	place := strings.TrimSuffix(sh.where(hc.Pos), ": ")
	if place == "" {
		place = "$(( ))"
	}
	return expand.UnsetParameterError{Node: &syntax.ParamExp{Param: &syntax.Lit{Value: place}}, Message: strings.Join(args, " ")}
}

func (sh *Shell) isOurs(name string) bool {
	_, ok := sh.commands().Lookup(name)
	return ok
}

// refused is a command that is not run: its reason is told already.
const refused = ours + "refused"

// failed is one that is not run because something failed, which is told already.
const failed = ours + "failed"

// exec runs what is neither a function nor a builtin: a command of sosh, else
// a program.
func (sh *Shell) exec(ctx context.Context, args []string) error {
	hc := interp.HandlerCtx(ctx)
	if name, ok := strings.CutPrefix(args[0], theirs); ok {
		return sh.program(ctx, &hc, append([]string{name}, args[1:]...))
	}
	switch args[0] {
	case refused:
		return interp.ExitStatus(command.StatusUsage)
	case failed:
		return interp.ExitStatus(command.StatusFailed)
	}
	if f, ok := builtins[args[0]]; ok {
		if !internal[args[0]] {
			sh.settle(ctx, 0)
		}
		return f(sh, ctx, &hc, args[1:])
	}
	name := strings.TrimPrefix(args[0], ours)
	commands := sh.commands()
	if _, ok := commands.Lookup(name); !ok {
		return sh.noted(ctx, sh.program(ctx, &hc, args))
	}
	sh.settle(ctx, 0)
	c := sh.call(ctx, &hc)
	if status := commands.Exec(ctx, c, name, args[1:]); status != 0 {
		return interp.ExitStatus(status)
	}
	return nil
}

// call is a command's world, as the interpreter has it at this moment.
func (sh *Shell) call(ctx context.Context, hc *interp.HandlerContext) *command.Call {
	c := &command.Call{
		Session: sh.session(ctx),
		Stdin:   hc.Stdin, Stdout: behind(hc.Stdout), Stderr: behind(hc.Stderr),
		Where: func() string { return sh.where(hc.Pos) },
		Dir:   hc.Dir, NoFiles: sh.cfg.NoExternal, Prompt: sh.cfg.Prompt,
	}
	c.Captured = sh.captured(c.Stdout)
	switch out := fileOf(c.Stdout); {
	case out != nil:
		c.Terminal = isTerminal(out) // recv > /dev/tty is as dangerous as recv
	case c.Stdout == sh.cfg.Stdout && sh.cfg.OutTerminal != nil:
		c.Terminal, c.Stdout = true, sh.cfg.Raw
	case c.Stdout == sh.cfg.Stderr && sh.cfg.ErrTerminal != nil:
		c.Terminal, c.Stdout = true, sh.cfg.ErrTerminal
	}
	c.SetVars = func(list ...command.Assignment) error { return sh.env.assign(ctx, hc, list) }
	c.ClearMatch = func(names ...string) error { return sh.env.clearMatch(ctx, hc, names) }
	c.OpenFile = func(path string) (*os.File, error) {
		if path == "-" {
			if f, ok := hc.Stdin.(*os.File); ok && f != nil {
				return f, nil
			}
			return nil, os.ErrClosed
		}
		if sh.cfg.NoExternal {
			return nil, errNoExternal
		}
		return os.Open(absolute(hc.Dir, path))
	}
	if f, ok := hc.Stdin.(*os.File); ok && f != nil && isTerminal(f) && !c.Captured {
		c.Ask = func(ctx context.Context, question string) (string, error) { return Ask(ctx, f, c.Stderr, question) }
	}
	c.Told = func(err error) bool { return sh.toldOf(ctx, err) }
	c.Jobs = callJobs{sh, ctx, hc}
	c.AddDefer = func(args []string) error {
		if j := jobOf(ctx); j != nil {
			return j.deferred.add(args, hc.Pos)
		}
		return sh.deferred.add(args, hc.Pos)
	}
	c.Test = func(args []string) int {
		if m, ok := hc.Stderr.(*messages); ok {
			m.begin(hc)
		}
		return builtinStatus(hc.Builtin(ctx, append([]string{"test"}, args...)))
	}
	if !sh.cfg.Prompt {
		c.Skip = func(reason string) error {
			sh.mu.Lock()
			sh.skipped = reason
			sh.mu.Unlock()
			io.WriteString(c.Stderr, c.Where()+"skipped: "+render.Line(reason)+"\n")
			sh.interrupt(errSkipped)
			return nil
		}
	}
	return c
}

func quote(b *strings.Builder, s string) error {
	if plain(s) {
		b.WriteString("'" + s + "'")
		return nil
	}
	q, err := syntax.Quote(s, syntax.LangBash)
	if err != nil {
		return socket.Faultf(socket.Unsupported, "a variable cannot hold this: %v", err)
	}
	b.WriteString(q)
	return nil
}

// plain reports whether single quotes are enough: nothing to look at twice.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '\'' {
			return false
		}
	}
	return true
}
