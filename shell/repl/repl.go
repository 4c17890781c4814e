package repl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"

	"github.com/sosh-shell/sosh/core/table"
	"github.com/sosh-shell/sosh/shell/command"
	"github.com/sosh-shell/sosh/shell/journal"
	"github.com/sosh-shell/sosh/shell/lang"
	"github.com/sosh-shell/sosh/shell/render"
)

// Config is the world of a prompt. In and Out must be terminals.
type Config struct {
	In, Out *os.File
	Session *command.Session
	// History is the history file, "" for none.
	History string
	// Greeting is shown first; may be empty.
	Greeting   string
	NoExternal bool
	// Ending is [lang.Config]'s; may be nil.
	Ending func()
}

// Run is the prompt, until Ctrl-D, exit, or the end of ctx. It returns the
// exit status of the last command, or of what ended ctx.
func Run(ctx context.Context, cfg Config) (int, error) {
	r := &repl{session: cfg.Session}
	stopSignals := r.catchSignals()
	defer stopSignals()
	history, unkept := openHistory(cfg.History)
	r.history = history
	cfg.Session.History = history.all
	cfg.Session.Journal = journal.New()
	cfg.Session.Table.SetJournal(cfg.Session.Journal)
	defer cfg.Session.Table.SetJournal(nil)
	console, err := newConsole(cfg.In, cfg.Out, r.complete, history.all)
	if err != nil {
		return command.StatusFailed, err
	}
	defer console.close()
	r.console = console
	escaped := render.NewWriter(console)
	r.escaped = escaped
	r.shell, err = lang.New(lang.Config{
		Session: cfg.Session, Stdin: cfg.In,
		Stdout: escaped, Stderr: escaped, Raw: console, OutTerminal: cfg.Out, ErrTerminal: cfg.Out,
		Name: "sosh", Prompt: true, NoExternal: cfg.NoExternal, Ending: cfg.Ending, Interrupted: console.interrupted,
	})
	if err != nil {
		return command.StatusFailed, err
	}
	if unkept != nil {
		console.Note("sosh: " + render.Line(unkept.Error()) + "\n")
	}
	if cfg.Greeting != "" {
		console.Note(cfg.Greeting + "\n")
	}
	teller := newTeller(console.Note)
	defer teller.close()
	cfg.Session.Table.Watch(teller.arrived)
	defer cfg.Session.Table.Watch(nil)
	stop := context.AfterFunc(ctx, console.end)
	defer stop()
	status := r.loop(ctx)
	console.giveBack()
	r.shell.End(ctx, status)
	r.escaped.Flush()
	if err := table.Ended(ctx); err != nil { // a signal or the deadline ended it, not the user
		status = command.Status(err)
	}
	return status, nil
}

type repl struct {
	session *command.Session
	console *console
	shell   *lang.Shell
	escaped *render.Writer
	history *history

	mu     sync.Mutex
	cancel context.CancelCauseFunc // of the input that is running; nil for none
}

// catchSignals catches those of the keyboard for as long as there is a prompt:
// one that comes between two lines must not end the shell. Programs that it
// starts get the default again.
func (r *repl) catchSignals() (stop func()) {
	interrupts := make(chan os.Signal, 1)
	quits := make(chan os.Signal, 1) // Ctrl-\ is for programs only
	signal.Notify(interrupts, os.Interrupt)
	signal.Notify(quits, syscall.SIGQUIT)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range interrupts {
			r.interrupt()
		}
	}()
	return func() {
		signal.Stop(quits)
		signal.Stop(interrupts)
		close(interrupts)
		<-done
	}
}

func (r *repl) interrupt() {
	r.mu.Lock()
	cancel := r.cancel
	r.cancel = nil
	r.mu.Unlock()
	if cancel != nil {
		r.console.interrupted()
		cancel(lang.CtrlC)
	}
}

func (r *repl) loop(ctx context.Context) (status int) {
	input := ""
	for ctx.Err() == nil {
		line, err := r.console.readLine(r.prompt(input != ""))
		switch {
		case errors.Is(err, errInterrupt):
			input = ""
			continue
		case errors.Is(err, io.EOF) && input != "" && !r.console.ended():
			input = "" // Ctrl-D gives an unfinished input up, not the shell
			continue
		case err != nil:
			return status
		}
		input += line
		if r.unfinished(input) {
			input += "\n"
			continue
		}
		input = strings.TrimRight(input, "\n")
		r.history.add(input)
		var exit bool
		if status, exit = r.run(ctx, input); exit {
			return status
		}
		input = ""
	}
	return status
}

// unfinished reports whether the input goes on in the next line.
func (r *repl) unfinished(input string) bool {
	if backslashes := len(input) - len(strings.TrimRight(input, `\`)); backslashes%2 == 1 {
		return true
	}
	_, err := r.shell.Parse(input)
	return err != nil && lang.Incomplete(err)
}

func (r *repl) prompt(goesOn bool) string {
	if goesOn {
		return more
	}
	if name := r.session.Current(); name != "" {
		return "sosh " + name + "> "
	}
	return "sosh> "
}

// run runs one input. Ctrl-C cancels it. Its end does not: jobs that it started
// go on.
func (r *repl) run(ctx context.Context, input string) (status int, exit bool) {
	ctx, cancel := context.WithCancelCause(ctx)
	r.mu.Lock()
	r.cancel = cancel
	r.mu.Unlock()
	r.console.giveBack()
	status, exit = r.shell.Line(ctx, input)
	r.mu.Lock()
	r.cancel = nil
	r.mu.Unlock()
	r.escaped.Flush()
	return status, exit && ctx.Err() == nil // a loop that was cancelled looks like an exit
}

// Greeting is for who has never seen the program.
func Greeting(version string) string {
	return fmt.Sprintf("sosh %s, a shell for live sockets. help tells what there is; Ctrl-D leaves.", version)
}
