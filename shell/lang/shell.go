package lang

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/shell/command"
	"github.com/sosh-shell/sosh/shell/render"
)

// Config is the world of one shell. Session, Stdout and Stderr must be set.
type Config struct {
	Session *command.Session
	Stdin   *os.File // nil for none
	Stdout  io.Writer
	Stderr  io.Writer
	// OutTerminal and ErrTerminal are the files behind Stdout and Stderr where
	// those are terminals. Stdout and Stderr then escape what the language's own
	// builtins print; Raw is the way past Stdout, for commands, which escape for
	// themselves; programs of others get the files.
	OutTerminal, ErrTerminal *os.File
	Raw                      io.Writer
	// Name is $0 and the first part of an error's place; Args are $1 and on.
	Name string
	Args []string
	// Prompt is a shell at a prompt: it does not end at a failure, and its
	// errors bear no place.
	Prompt bool
	// NoExternal forbids programs and files of others.
	NoExternal bool
}

// Shell runs the language. One goroutine uses it at a time.
type Shell struct {
	cfg      Config
	commands *command.Set
	env      *environment
	runner   *interp.Runner
	parser   *syntax.Parser
	// functions are the names of those that the code declares: they win over
	// commands, and the interpreter does not tell a handler which there are.
	functions sync.Map
}

// New returns a shell. In scripts errexit and pipefail are on.
func New(cfg Config) (*Shell, error) {
	sh := &Shell{cfg: cfg, env: newEnvironment(), commands: cfg.Session.Commands(), parser: syntax.NewParser(syntax.Variant(syntax.LangBash))}
	var params []string
	if !cfg.Prompt {
		params = append(params, "-e", "-o", "pipefail")
	}
	params = append(append(params, "--"), cfg.Args...)
	opts := []interp.RunnerOption{
		interp.Env(sh.env),
		interp.Params(params...),
		interp.StdIO(stdin(cfg.Stdin), cfg.Stdout, cfg.Stderr),
		interp.Interactive(cfg.Prompt),
		interp.CallHandler(sh.rename),
		interp.ExecHandlers(func(interp.ExecHandlerFunc) interp.ExecHandlerFunc { return sh.exec }),
	}
	if _, err := os.Getwd(); err != nil { // a directory that was removed keeps nobody from a socket
		opts = append(opts, interp.Dir("/"))
	}
	if cfg.NoExternal {
		opts = append(opts, interp.OpenHandler(noFiles), interp.ReadDirHandler2(noDirectories), interp.StatHandler(noStat))
	}
	r, err := interp.New(opts...)
	if err != nil {
		return nil, err
	}
	sh.runner = r
	return sh, nil
}

// stdin keeps a nil file from becoming a reader that is not nil.
func stdin(f *os.File) io.Reader {
	if f == nil {
		return nil
	}
	return f
}

// Script parses all of r, then runs it: nothing is done when a part of it
// cannot be read. It returns the exit status.
func (sh *Shell) Script(ctx context.Context, r io.Reader) int {
	f, err := sh.parser.Parse(r, sh.cfg.Name)
	if err == nil {
		err = sh.check(f)
	}
	if err != nil {
		return sh.bad(err)
	}
	f.Name = sh.cfg.Name
	return sh.status(ctx, sh.runner.Run(ctx, f))
}

// Stream runs statements as they come, as from a pipe that another program
// feeds. A bad one ends it.
func (sh *Shell) Stream(ctx context.Context, r io.Reader) int {
	status := 0
	for stmt, err := range sh.parser.StmtsSeq(r) {
		if err == nil {
			err = sh.check(stmt)
		}
		if err != nil {
			return sh.bad(err)
		}
		status = sh.status(ctx, sh.runner.Run(ctx, stmt))
		if sh.runner.Exited() || ctx.Err() != nil {
			return status
		}
	}
	return sh.end(ctx, status)
}

// end runs the EXIT trap after a script that came in pieces.
func (sh *Shell) end(ctx context.Context, status int) int {
	err := sh.runner.Run(ctx, &syntax.File{Name: sh.cfg.Name})
	if err != nil || ctx.Err() != nil {
		return sh.status(ctx, err)
	}
	return status
}

// Line runs one complete input of a prompt. It reports the exit status, and
// whether the shell is to end.
func (sh *Shell) Line(ctx context.Context, text string) (status int, exit bool) {
	f, err := sh.Parse(text)
	if err == nil {
		err = sh.check(f)
	}
	if err != nil {
		return sh.bad(err), false
	}
	for _, stmt := range f.Stmts {
		status = sh.status(ctx, sh.runner.Run(ctx, stmt))
		if sh.runner.Exited() {
			return status, true
		}
		if ctx.Err() != nil {
			break
		}
	}
	return status, false
}

// Parse reads an input of the prompt. [Incomplete] tells whether its error
// means that more lines are to come.
func (sh *Shell) Parse(text string) (*syntax.File, error) {
	return sh.parser.Parse(Text(text), "")
}

// Incomplete reports whether err says that the input goes on in the next line.
func Incomplete(err error) bool { return syntax.IsIncomplete(err) }

// bad tells of an input that cannot be read.
func (sh *Shell) bad(err error) int { return sh.badIn(sh.cfg.Stderr, sh.cfg.Name, err) }

func (sh *Shell) badIn(w io.Writer, file string, err error) int {
	text := err.Error()
	var parse syntax.ParseError
	var lang syntax.LangError
	switch {
	case errors.As(err, &parse):
		text = sh.place(file, parse.Pos) + parse.Text
	case errors.As(err, &lang):
		lang.Filename = ""
		text = sh.place(file, lang.Pos) + trimPosition(lang)
	}
	io.WriteString(w, render.Line(text)+"\n")
	var e *socket.Error
	if errors.As(err, &e) && e.Hint != "" {
		io.WriteString(w, "  "+render.Line(e.Hint)+"\n")
	}
	return command.StatusUsage
}

// where begins a message with its place, in a script.
func (sh *Shell) where(pos syntax.Pos) string { return sh.place(sh.cfg.Name, pos) }

func (sh *Shell) place(file string, pos syntax.Pos) string {
	if sh.cfg.Prompt && file == sh.cfg.Name || !pos.IsValid() {
		return ""
	}
	return fmt.Sprintf("%s:%d:%d: ", file, pos.Line(), pos.Col())
}

// status turns what a run returned into an exit status.
func (sh *Shell) status(ctx context.Context, err error) int {
	var es interp.ExitStatus
	switch {
	case ctx.Err() != nil:
		cause := context.Cause(ctx)
		if errors.Is(cause, context.Canceled) || errors.Is(cause, socket.Interrupted) {
			return command.StatusInterrupted
		}
		io.WriteString(sh.cfg.Stderr, sh.cfg.Name+": "+cause.Error()+"\n")
		return command.Status(cause)
	case err == nil:
		return 0
	case errors.As(err, &es):
		return int(es)
	}
	io.WriteString(sh.cfg.Stderr, render.Line(err.Error())+"\n")
	return command.StatusFailed
}

// Vars lists the names of the shell's variables, for completion.
func (sh *Shell) Vars() []string {
	var names []string
	for name := range sh.runner.Vars {
		names = append(names, name)
	}
	return names
}
