package repl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/shell/command"
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
}

// Run is the prompt, until Ctrl-D, exit, or the end of ctx. It returns the
// exit status of the last command.
func Run(ctx context.Context, cfg Config) (int, error) {
	r := &repl{session: cfg.Session}
	console, err := newConsole(cfg.In, cfg.Out, r.complete)
	if err != nil {
		return command.StatusFailed, err
	}
	defer console.close()
	r.console = console
	escaped := render.NewWriter(console)
	r.shell, err = lang.New(lang.Config{
		Session: cfg.Session, Stdin: cfg.In,
		Stdout: escaped, Stderr: escaped, Raw: console, Terminal: cfg.Out,
		Name: "sosh", Prompt: true, NoExternal: cfg.NoExternal,
	})
	if err != nil {
		return command.StatusFailed, err
	}
	r.escaped = escaped
	r.openHistory(cfg.History)
	cfg.Session.History = r.history.all
	cfg.Session.Table.Watch(r.arrived)
	defer cfg.Session.Table.Watch(nil)
	if cfg.Greeting != "" {
		console.Note(cfg.Greeting)
	}
	stop := context.AfterFunc(ctx, console.end)
	defer stop()
	return r.loop(ctx), nil
}

type repl struct {
	session *command.Session
	console *console
	shell   *lang.Shell
	escaped *render.Writer
	history *history
}

func (r *repl) openHistory(path string) {
	h, err := openHistory(path)
	if err != nil {
		r.console.Note("sosh: " + render.Line(err.Error()))
	}
	r.history = h
	for _, line := range h.all() {
		r.console.remember(line)
	}
}

func (r *repl) loop(ctx context.Context) (status int) {
	text := ""
	for ctx.Err() == nil {
		line, err := r.console.readLine(r.prompt(text != ""))
		switch {
		case errors.Is(err, errInterrupt):
			text = ""
			continue
		case errors.Is(err, io.EOF) && text != "" && ctx.Err() == nil:
			text = "" // Ctrl-D gives an unfinished input up, not the shell
			continue
		case err != nil:
			return status
		}
		text += line
		if _, err := r.shell.Parse(text); err != nil && lang.Incomplete(err) {
			text += "\n"
			continue
		}
		if r.history.add(text) {
			r.console.remember(text)
		}
		var exit bool
		if status, exit = r.run(ctx, text); exit {
			return status
		}
		text = ""
	}
	return status
}

func (r *repl) prompt(more bool) string {
	if more {
		return "  ... "
	}
	if name := r.session.Current(); name != "" {
		return "sosh " + name + "> "
	}
	return "sosh> "
}

// run runs one input. Ctrl-C cancels it, and nothing else.
func (r *repl) run(ctx context.Context, text string) (status int, exit bool) {
	line, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	done := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-interrupts:
			cancel(socket.Interrupted)
		case <-done:
		}
	}()
	status, exit = r.shell.Line(line, text)
	close(done)
	<-watched
	signal.Stop(interrupts)
	r.escaped.Flush()
	return status, exit
}

// Greeting is for who has never seen the program.
func Greeting(version string) string {
	return fmt.Sprintf("sosh %s, a shell for live sockets. help tells what there is; Ctrl-D leaves.", version)
}
