package lang

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/shell/command"
)

// Prefixes that no program has, to reach a command past the names that the
// interpreter keeps for itself, and a program past the commands.
const (
	ours   = "sosh:"
	theirs = "program:"
)

// rename lets the commands of sosh win over builtins of the same name (bind,
// help, ...), also behind command and builtin. "command -p NAME" is the
// system's own program.
func (sh *Shell) rename(ctx context.Context, args []string) ([]string, error) {
	if _, ok := sh.functions.Load(args[0]); ok {
		return args, nil
	}
	switch {
	case len(args) > 1 && (args[0] == "source" || args[0] == "."):
		return sh.sourced(ctx, args)
	case len(args) == 3 && args[0] == "command" && args[1] == "-v", len(args) == 2 && args[0] == "type":
		if name := args[len(args)-1]; sh.isOurs(name) {
			if args[0] == "type" {
				name += " is a command of sosh"
			}
			return []string{"echo", name}, nil
		}
	case len(args) > 2 && args[0] == "command" && args[1] == "-p":
		return append([]string{theirs + args[2]}, args[3:]...), nil
	case len(args) > 1 && (args[0] == "command" || args[0] == "builtin"):
		if sh.isOurs(args[1]) {
			return append([]string{ours + args[1]}, args[2:]...), nil
		}
	case args[0] == "kill": // the interpreter reserves the name and lacks the builtin
		return append([]string{theirs + "kill"}, args[1:]...), nil
	case interp.IsBuiltin(args[0]):
		if sh.isOurs(args[0]) {
			return append([]string{ours + args[0]}, args[1:]...), nil
		}
	}
	return args, nil
}

func (sh *Shell) isOurs(name string) bool {
	_, ok := sh.commands.Lookup(name)
	return ok
}

// refused is a command that is not run: its reason is told already.
const refused = ours + "refused"

// sourced looks at a script before the interpreter takes it in.
func (sh *Shell) sourced(ctx context.Context, args []string) ([]string, error) {
	hc := interp.HandlerCtx(ctx)
	path := args[1]
	if !filepath.IsAbs(path) {
		path = filepath.Join(hc.Dir, path)
	}
	f, err := os.Open(path)
	if err != nil || sh.cfg.NoExternal {
		return args, nil // the interpreter tells, or finds it along PATH
	}
	defer f.Close()
	code, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(f, args[1])
	if err == nil {
		err = sh.check(code)
	}
	if err != nil {
		sh.badIn(hc.Stderr, args[1], err)
		return []string{refused}, nil
	}
	return args, nil
}

// exec runs what is neither a function nor a builtin: a command of sosh, else
// a program.
func (sh *Shell) exec(ctx context.Context, args []string) error {
	hc := interp.HandlerCtx(ctx)
	if name, ok := strings.CutPrefix(args[0], theirs); ok {
		return sh.program(ctx, &hc, append([]string{name}, args[1:]...))
	}
	if args[0] == refused {
		return interp.ExitStatus(command.StatusUsage)
	}
	name := strings.TrimPrefix(args[0], ours)
	if _, ok := sh.commands.Lookup(name); !ok {
		return sh.program(ctx, &hc, args)
	}
	c := sh.call(ctx, &hc)
	if status := sh.commands.Exec(ctx, c, name, args[1:]); status != 0 {
		return interp.ExitStatus(status)
	}
	return nil
}

// call is a command's world, as the interpreter has it at this moment.
func (sh *Shell) call(ctx context.Context, hc *interp.HandlerContext) *command.Call {
	c := &command.Call{
		Session: sh.cfg.Session,
		Stdin:   hc.Stdin, Stdout: hc.Stdout, Stderr: hc.Stderr,
		Where: func() string { return sh.where(hc.Pos) },
		Dir:   hc.Dir, NoFiles: sh.cfg.NoExternal,
	}
	c.Captured = sh.captured(hc.Stdout)
	switch out, ok := hc.Stdout.(*os.File); {
	case ok:
		c.Terminal = isTerminal(out) // recv > /dev/tty is as dangerous as recv
	case hc.Stdout == sh.cfg.Stdout && sh.cfg.OutTerminal != nil:
		c.Terminal, c.Stdout = true, sh.cfg.Raw
	case hc.Stdout == sh.cfg.Stderr && sh.cfg.ErrTerminal != nil:
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
		if !filepath.IsAbs(path) {
			path = filepath.Join(hc.Dir, path)
		}
		return os.Open(path)
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
