package lang

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"mvdan.cc/sh/v3/expand"
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
	// Zero is $0 where it is not Name.
	Zero string
	// Prompt is a shell at a prompt: it does not end at a failure, and its
	// errors bear no place.
	Prompt bool
	// NoExternal forbids programs and files of others.
	NoExternal bool
	// Ending is called when the run has ended and deferred commands or a trap are
	// to run, which have [DeferTime]; may be nil.
	Ending func()
	// Told is called when the end of a run that a deadline brings is told; may be
	// nil.
	Told func()
	// Interrupted is called when Ctrl-C has ended a program that had the terminal:
	// the shell itself has heard of no signal. May be nil.
	Interrupted func()
}

// Shell runs the language. One goroutine uses it at a time.
type Shell struct {
	cfg    Config
	env    *environment
	runner *interp.Runner
	parser *syntax.Parser
	// functions are the names of those that the code declares: they win over
	// commands, and the interpreter does not tell a handler which there are.
	functions sync.Map
	// exitAsked says that the code itself said exit.
	exitAsked atomic.Bool
	// told says that the end of the run under way is told.
	told atomic.Bool

	clock    *clock
	messages *messages
	jobs     jobTable
	wg       sync.WaitGroup // of the jobs
	deferred deferred
	terminal terminalGroup
	sources  sync.Map // path → text: what source is about to take in
	nsources atomic.Int64
	now      atomic.Pointer[context.Context] // of the run under way

	mu       sync.Mutex
	bodies   []body
	exitTrap string
	cancel   context.CancelCauseFunc // of the run under way
	skipped  string
}

// New returns a shell. In scripts errexit and pipefail are on.
func New(cfg Config) (*Shell, error) {
	sh := &Shell{cfg: cfg, clock: newClock(), parser: syntax.NewParser(syntax.Variant(syntax.LangBash))}
	sh.env = newEnvironment(sh.clock)
	sh.env.set[zeroth] = expand.Variable{Set: true, Kind: expand.String, Str: zero(cfg)}
	sh.cfg.Stdout = shared(outputTo(cfg.Stdout, &sh.now))
	sh.cfg.Stderr = sh.cfg.Stdout
	if cfg.Stderr != cfg.Stdout {
		sh.cfg.Stderr = shared(outputTo(cfg.Stderr, &sh.now))
	}
	if cfg.Raw == cfg.Stdout {
		sh.cfg.Raw = sh.cfg.Stdout
	}
	cfg = sh.cfg
	sh.messages = &messages{sh: sh, to: cfg.Stderr, fail: sh.interrupt}
	var params []string
	if !cfg.Prompt {
		params = append(params, "-e", "-o", "pipefail")
	}
	params = append(append(params, "--"), cfg.Args...)
	opts := []interp.RunnerOption{
		interp.Env(sh.env),
		interp.Params(params...),
		interp.StdIO(stdin(cfg.Stdin), cfg.Stdout, sh.messages),
		interp.Interactive(cfg.Prompt),
		interp.CallHandler(sh.rename),
		interp.OpenHandler(sh.openFile),
		interp.ExecHandlers(func(interp.ExecHandlerFunc) interp.ExecHandlerFunc { return sh.exec }),
	}
	if _, err := os.Getwd(); err != nil { // a directory that was removed keeps nobody from a socket
		opts = append(opts, interp.Dir("/"))
	}
	if cfg.NoExternal {
		opts = append(opts, interp.ReadDirHandler2(noDirectories), interp.StatHandler(noStat), interp.AccessHandler(noAccess))
	}
	r, err := interp.New(opts...)
	if err != nil {
		return nil, err
	}
	sh.env.noTemp = cfg.NoExternal // whatever looks like one of its FIFOs passes by our way to files
	r.Reset()
	sh.env.noTemp = false
	sh.runner = r
	return sh, nil
}

// commands are those of sosh and of its plugins at this moment.
func (sh *Shell) commands() *command.Set { return sh.cfg.Session.Commands() }

// zero is $0: the script, or the shell where there is none.
func zero(cfg Config) string {
	if cfg.Zero != "" {
		return cfg.Zero
	}
	return cfg.Name
}

// stdin keeps a nil file from becoming a reader that is not nil.
func stdin(f *os.File) io.Reader {
	if f == nil {
		return nil
	}
	return f
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
	var script *scriptError
	switch {
	case errors.As(err, &script):
		text = script.text
		if !sh.cfg.Prompt {
			text = fmt.Sprintf("%s:%d:%d: %s", file, script.line, script.col, text)
		}
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

// quiet is a cause that ends a run and needs no words: they were told, or the
// person who caused it knows.
func quiet(cause error) bool {
	for _, known := range []error{context.Canceled, socket.Interrupted, errExpansion, errSkipped, command.ErrKilled} {
		if errors.Is(cause, known) {
			return true
		}
	}
	return false
}

// tells reports whether the end of the run under way is still to be told, and that
// the caller does. It is told once: by the command that it met, with its place, else
// by the shell.
func (sh *Shell) tells() bool {
	if sh.told.Swap(true) {
		return false
	}
	if sh.cfg.Told != nil {
		sh.cfg.Told()
	}
	return true
}

// toldOf reports whether a command that failed with err needs no words of its own,
// as it failed of the end of the run. Jobs leave it to the script.
func (sh *Shell) toldOf(ctx context.Context, err error) bool {
	cause := context.Cause(ctx)
	if cause == nil || quiet(cause) || !errors.Is(err, cause) {
		return false
	}
	return jobOf(ctx) != nil || !sh.tells()
}

// saysEnd reports whether a message says no more than why the run under way ended.
func (sh *Shell) saysEnd(text string) bool {
	run := sh.now.Load()
	if run == nil {
		return false
	}
	cause := context.Cause(*run)
	return cause != nil && !quiet(cause) && strings.HasSuffix(strings.TrimSuffix(text, "\n"), ": "+cause.Error())
}

// status turns what a run returned into an exit status.
func (sh *Shell) status(ctx context.Context, err error) int {
	var es interp.ExitStatus
	switch {
	case ctx.Err() != nil:
		cause := context.Cause(ctx)
		if !quiet(cause) && sh.tells() {
			io.WriteString(sh.cfg.Stderr, sh.cfg.Name+": "+cause.Error()+"\n")
		}
		return statusOf(cause)
	case err == nil:
		return 0
	case errors.As(err, &es):
		return int(es)
	}
	io.WriteString(sh.cfg.Stderr, render.Line(err.Error())+"\n")
	return command.StatusFailed
}

// Skipped is the reason that skip gave, "" when the script was not skipped.
func (sh *Shell) Skipped() string {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return sh.skipped
}

// Vars lists the names of the shell's variables, for completion.
func (sh *Shell) Vars() []string {
	var names []string
	for name := range sh.runner.Vars {
		if name != newestJob && name != zeroth {
			names = append(names, name)
		}
	}
	return names
}
