package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/shell/journal"
	"github.com/sosh-shell/sosh/shell/render"
)

// Call is one call of a command and its world.
type Call struct {
	Session *Session
	Args    []string // without name and flags
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	// Where begins a message: "FILE:LINE:COL: " in a script, "" at the prompt.
	Where func() string
	// Dir is the shell's directory.
	Dir string
	// Captured says that stdout is a $(...).
	Captured bool
	// Terminal says that stdout is one: for people, and every byte escaped.
	Terminal bool
	// SetVars assigns shell variables; a value with NUL is refused by the caller.
	SetVars func(assignments ...Assignment) error
	// ClearMatch takes away the variables of earlier matches: those named match
	// and match_*, and the given ones.
	ClearMatch func(names ...string) error
	// OpenFile opens a file for reading, "-" being stdin, which the caller must not close.
	OpenFile func(path string) (*os.File, error)
	// Jobs, AddDefer, Skip and Test are the language's; each may be nil.
	Jobs Jobs
	// AddDefer keeps a command for the end of the script or job.
	AddDefer func(args []string) error
	// Skip ends the script without a verdict.
	Skip func(reason string) error
	// Test evaluates an expression of test(1): 0 it holds, 1 it does not, 2 it is none.
	Test func(args []string) int
	// Told reports whether what err says is told already; may be nil.
	Told func(err error) bool
	// NoFiles says that no file may be written.
	NoFiles bool
	// Ask asks whoever sits at the terminal, and returns a line; nil where nobody does.
	Ask func(ctx context.Context, question string) (answer string, err error)
	// Prompt says that a person typed it, who gets a line and a hint where a script
	// gets a report.
	Prompt bool

	command *Command
	caller  *journal.Caller // as the journal knows it; nil where there is none
}

// Assignment sets a shell variable: an array when Values is not nil.
type Assignment struct {
	Name   string
	Value  string
	Values []string
}

// Exec parses the flags of a call and runs it. It prints the error, if any,
// and returns the exit status.
func (s *Set) Exec(ctx context.Context, c *Call, name string, args []string) int {
	cmd, _ := s.Lookup(name)
	c.command = cmd
	if c.Session.Journal != nil {
		c.caller = &journal.Caller{Job: c.Session.parent != nil}
		ctx = journal.WithCaller(ctx, c.caller)
	}
	err := cmd.exec(ctx, c, args)
	if err != nil && c.Session.parent == nil {
		c.Session.Journal.Failed(err.Error())
	}
	var ended endedWith
	if errors.As(err, &ended) {
		return ended.status
	}
	if err != nil && !errors.Is(err, ErrKilled) && (c.Told == nil || !c.Told(err)) {
		c.report(err)
	}
	return Status(err)
}

func (cmd *Command) exec(ctx context.Context, c *Call, args []string) error {
	if len(cmd.Subs) > 0 {
		return cmd.choose(ctx, c, args)
	}
	if cmd.Verbatim && (len(args) != 1 || args[0] != "--help") {
		c.Args = args
		return cmd.New(nil)(ctx, c)
	}
	p, done, err := cmd.parse(args)
	if err != nil {
		if errors.Is(err, pflag.ErrHelp) {
			writeHelp(c.Stdout, cmd, c.style())
			return nil
		}
		return cmd.usage("%s", strings.TrimPrefix(err.Error(), "pflag: "))
	}
	defer done()
	c.Args = p.flags.Args()
	return p.run(ctx, c)
}

// choose runs the command that the first argument names.
func (cmd *Command) choose(ctx context.Context, c *Call, args []string) error {
	var names []string
	for _, sub := range cmd.Subs {
		names = append(names, strings.TrimPrefix(sub.Name, cmd.Name+" "))
	}
	switch {
	case len(args) == 0:
		return &socket.Error{Op: cmd.Name, Err: socket.Faultf(socket.Usage, "say what: %s", strings.Join(names, ", ")),
			Hint: "help " + cmd.Name + " tells what each does"}
	case args[0] == "--help" || args[0] == "-h":
		return writeHelp(c.Stdout, cmd, c.style())
	}
	sub, ok := cmd.Sub(args[0])
	if !ok {
		return &socket.Error{Op: cmd.Name, Err: socket.Faultf(socket.Usage, "%q is none of %s", args[0], strings.Join(names, ", ")),
			Hint: "help " + cmd.Name + " tells what each does"}
	}
	c.command = sub
	return sub.exec(ctx, c, args[1:])
}

// usage is an error in how the command was called.
func (cmd *Command) usage(format string, args ...any) error {
	return &socket.Error{Op: cmd.Name, Err: socket.Faultf(socket.Usage, format, args...),
		Hint: "usage: " + strings.Join(cmd.Usage, " | ")}
}

// usage is an error in how the running command was called.
func (c *Call) usage(format string, args ...any) error { return c.command.usage(format, args...) }

// report prints an error: one line that says what, where and why, then one of
// what to do, where one is known; in a script what is known about it, all in one
// write.
func (c *Call) report(err error) {
	var b strings.Builder
	b.WriteString(c.Where())
	b.WriteString(render.Line(err.Error()))
	b.WriteByte('\n')
	var e *socket.Error
	var f *failure
	switch {
	case !c.Prompt && errors.As(err, &f):
		for _, line := range f.report {
			b.WriteString("  " + line + "\n")
		}
	case errors.As(err, &e) && e.Hint != "":
		b.WriteString("  " + render.Line(e.Hint) + "\n")
	}
	io.WriteString(c.Stderr, b.String())
}

// args returns the arguments when there are at least min and at most max (-1
// for any number), else an error that names what is missing or too much.
func (c *Call) args(min, max int) ([]string, error) {
	switch n := len(c.Args); {
	case n < min && min <= len(c.command.Args):
		return nil, c.usage("%s is missing", c.command.Args[n].Name)
	case n < min:
		return nil, c.usage("%d arguments are needed", min)
	case max >= 0 && n > max:
		return nil, c.usage("%q is one argument too many", c.Args[max])
	}
	return c.Args, nil
}

// style is how to print for whoever reads stdout.
func (c *Call) style() render.Style {
	switch {
	case !c.Terminal:
		return render.Bare
	case c.Session.Colour:
		return render.Colour
	}
	return render.Plain
}

// print writes facts or data; an error ends the command.
func (c *Call) print(format string, args ...any) error {
	_, err := fmt.Fprintf(c.Stdout, format, args...)
	return err
}
