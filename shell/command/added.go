package command

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/core/table"
	"github.com/sosh-shell/sosh/shell/render"
)

// With returns the commands of sosh and those that plugins add. A plugin's command
// whose name is taken is left out.
func (s *Set) With(providers socket.Providers) *Set {
	all := &Set{list: append([]*Command(nil), s.list...), byName: map[string]*Command{}}
	for _, c := range s.list {
		all.byName[c.Name] = c
	}
	for _, d := range providers.Descriptions() {
		for _, decl := range d.Commands {
			if all.byName[decl.Name] == nil && !shellWords[decl.Name] {
				c := added(providers, d.Name, decl)
				all.list = append(all.list, c)
				all.byName[c.Name] = c
			}
		}
	}
	if _, ok := providers.(socket.Places); ok {
		all.elsewhere = all.atPlace(providers)
	}
	return all
}

// atPlace gives a plugin's command as COMMAND@PLACE, which runs there.
func (s *Set) atPlace(providers socket.Providers) func(name string) *Command {
	return func(name string) *Command {
		word, at, elsewhere := socket.CutPlace(name)
		if base := s.byName[word]; !elsewhere || base == nil || base.Group != Added {
			return nil
		}
		for _, d := range providers.Descriptions() {
			for _, decl := range d.Commands {
				if decl.Name == word {
					return added(providers, d.Name+"@"+at, decl)
				}
			}
		}
		return nil
	}
}

// added is a plugin's command as one of the shell's.
func added(providers socket.Providers, proto string, decl socket.Command) *Command {
	c := &Command{Name: decl.Name, Group: Added, Synopsis: decl.Synopsis, Usage: decl.Usage, Help: decl.Help}
	for i, name := range decl.Args {
		c.Args = append(c.Args, Arg{Name: name, Repeat: i == len(decl.Args)-1 && decl.Max < 0})
	}
	for _, e := range decl.Examples {
		c.Examples = append(c.Examples, Example{Does: e.Does, Code: e.Code})
	}
	c.New = func(f *pflag.FlagSet) Run {
		flags := make([]*addedFlag, len(decl.Flags))
		for i, d := range decl.Flags {
			flags[i] = &addedFlag{decl: d}
			g := f.VarPF(flags[i], d.Name, d.Short, d.Help)
			if d.Type == socket.BoolOption {
				g.NoOptDefVal = "true"
			}
			if d.Default != "" && d.Type != socket.BoolOption {
				g.DefValue = d.Default
			}
		}
		json := f.Bool("json", false, "one JSON object a line")
		return func(ctx context.Context, c *Call) error {
			args, err := c.args(decl.Min, decl.Max)
			if err != nil {
				return err
			}
			p, err := providers.Protocol(proto)
			if err != nil {
				return err
			}
			if err := c.reach(ctx, proto); err != nil {
				return err
			}
			req := socket.RunRequest{Command: decl.Name, Args: args}
			for _, g := range flags {
				if g.given {
					req.Flags = append(req.Flags, socket.Setting{Name: g.decl.Name, Value: g.value})
					g.given = false
				}
			}
			if c.Terminal {
				req.Width = terminalWidth
			}
			return c.runAdded(ctx, p, decl, req, *json || c.Session.JSON)
		}
	}
	return c
}

// terminalWidth is what rows are cut to: the narrowest terminal that is usual.
const terminalWidth = 80

// runAdded runs a plugin's command. Ctrl-C and a deadline interrupt it: it has a
// moment for its summary.
func (c *Call) runAdded(ctx context.Context, p socket.Complete, decl socket.Command, req socket.RunRequest, json bool) error {
	interrupt := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { close(interrupt) })
	defer stop()
	req.Interrupt = interrupt
	err := p.Run(context.WithoutCancel(ctx), req, func(r socket.Row) error {
		switch {
		case r.Notice:
			_, err := io.WriteString(c.Stderr, render.Line(r.Text)+"\n")
			return err
		case json && len(r.Fields) > 0:
			return render.JSON(c.Stdout, members(decl.Fields, r.Fields, nil))
		case json || r.Text == "":
			return nil
		}
		return c.print("%s\n", render.Line(r.Text))
	})
	if ended := table.Ended(ctx); ended != nil {
		return &socket.Error{Op: decl.Name, Place: strings.Join(req.Args, " "), Err: ended}
	}
	if err == nil {
		return nil
	}
	if e, ok := err.(*socket.Error); ok {
		return e
	}
	return &socket.Error{Op: decl.Name, Place: strings.Join(req.Args, " "), Err: err}
}

// addedFlag is a flag of a plugin's command: its text, checked by its type.
type addedFlag struct {
	decl  socket.Flag
	value string
	given bool
}

func (g *addedFlag) String() string { return "" }

func (g *addedFlag) Type() string {
	if g.decl.Type == socket.BoolOption {
		return "bool"
	}
	return strings.ToUpper(string(g.decl.Type))
}

func (g *addedFlag) Set(value string) error {
	var err error
	switch g.decl.Type {
	case socket.BoolOption:
		if value = map[string]string{"on": "on", "off": "off", "true": "on", "false": "off"}[value]; value == "" {
			err = fmt.Errorf("is on or off")
		}
	case socket.IntOption:
		n, serr := strconv.ParseInt(value, 0, 64)
		if serr != nil {
			err = fmt.Errorf("%q is no number", value)
		}
		value = strconv.FormatInt(n, 10)
	case socket.SizeOption:
		_, err = socket.ParseSize(value)
	case socket.DurationOption:
		_, err = socket.ParseDuration(value)
	}
	if err == nil {
		g.value, g.given = value, true
	}
	return err
}
