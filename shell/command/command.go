// Package command holds the commands of sosh, one file each: in one literal its
// name, usage, flags, arguments, help, examples and what it does. Help,
// completion, docs/commands.md and the tests all come from that literal.
//
// A command gets its world through a [Call]: it opens no terminal, reads no
// script and starts no plugin. It works on the session's table.
package command

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/pflag"
)

// Command is one command of the shell.
type Command struct {
	Name     string
	Group    Group
	Synopsis string   // one line, begins in lower case, no full stop
	Usage    []string // the forms, each beginning with the name
	Help     string   // paragraphs; may be empty
	Args     []Arg    // the positional arguments, for completion
	// DataLast makes everything after the first argument data, never a flag.
	DataLast bool
	// Verbatim makes all arguments data: the command has no flags but a lone --help.
	Verbatim bool
	// Escapes says that the arguments decode backslash escapes, so that an
	// unquoted one, which the shell would swallow, is refused.
	Escapes  bool
	Examples []Example
	// New declares the flags of a call and returns what runs it. A call without
	// flags may reuse what another one had, so Run leaves nothing behind.
	New func(f *pflag.FlagSet) Run
	// Subs are commands that the first argument chooses: "NAME SUB". One that has
	// them has no New of its own, and its usage is theirs. They may lack an example.
	Subs []*Command

	spare sync.Pool // *parsed, untouched by any flag
}

// parsed is a flag set and what runs with it.
type parsed struct {
	flags *pflag.FlagSet
	run   Run
}

// Run does a command's work. The error's fault decides the exit status.
type Run func(ctx context.Context, c *Call) error

// Group is the heading under which help lists a command.
type Group string

// The groups, in the order of help.
const (
	Calls Group = "socket calls"
	Data  Group = "data"
	Facts Group = "facts"
	Shell Group = "the shell"
	Added Group = "added by plugins"
)

var groups = []Group{Calls, Data, Facts, Shell, Added}

// Arg is a positional argument.
type Arg struct {
	Name   string // as it stands in the usage
	Kind   ArgKind
	Repeat bool // it may come again
	Words  []string
}

// ArgKind says what an argument names, so what completes it.
type ArgKind int

// The kinds.
const (
	Text         ArgKind = iota // anything: not completed
	Protocol                    // a protocol's name
	Socket                      // a live socket's name, or .
	Field                       // a field of the socket before it
	Option                      // KEY=VALUE of the protocol or socket before it
	Word                        // one of Words
	Topic                       // what help knows
	File                        // a path
	Layer                       // a layer's name
	LayerOption                 // KEY=VALUE of the layer before it
	MessageField                // a field of the messages of the socket before it
	MessageValue                // FIELD=VALUE of the messages of the socket before it
	Plugin                      // a plugin's name
	Installed                   // the name of one that is not bundled
	Place                       // a place's name
)

// Example is a piece of script that stands on its own: it is shown in help and
// docs, and runs as a test. In Output, "..." stands for anything within a line.
type Example struct {
	Does   string // one line
	Code   string
	Output string
}

// Set is the commands of a shell by name.
type Set struct {
	list   []*Command
	byName map[string]*Command
	// elsewhere finds a command that runs at a place; nil where there are none.
	elsewhere func(name string) *Command
}

// All returns every command of sosh. It panics when one is half declared.
func All() *Set { return all() }

var all = sync.OnceValue(func() *Set {
	return newSet(
		open, bind, connect, listen, accept, wrapCmd, unwrapCmd, shutdownCmd, closeCmd,
		send, recv, expectCmd, pipeCmd, recordCmd, replayCmd,
		show, option,
		use, viaCmd, jobsCmd, killCmd, waitCmd, assert, deferCmd, skip, help, history, save, pluginCmd,
	)
})

func newSet(list ...*Command) *Set {
	s := &Set{list: list, byName: map[string]*Command{}}
	for _, c := range list {
		if err := c.check(); err != nil {
			panic("command " + c.Name + ": " + err.Error())
		}
		if s.byName[c.Name] != nil {
			panic("command " + c.Name + ": declared twice")
		}
		s.byName[c.Name] = c
	}
	return s
}

// check refuses what is half declared.
func (c *Command) check() error {
	switch {
	case c.Name == "" || c.Synopsis == "" || (c.New == nil) == (len(c.Subs) == 0) || len(c.usages()) == 0:
		return fmt.Errorf("name, synopsis, usage and New must be set")
	case !slices.Contains(groups, c.Group):
		return fmt.Errorf("no group %q", c.Group)
	case len(c.Examples) == 0 && !strings.Contains(c.Name, " "):
		return fmt.Errorf("an example must be given")
	}
	for _, u := range c.usages() {
		if u != c.Name && !strings.HasPrefix(u, c.Name+" ") {
			return fmt.Errorf("usage %q does not begin with the name", u)
		}
	}
	for _, sub := range c.Subs {
		if !strings.HasPrefix(sub.Name, c.Name+" ") {
			return fmt.Errorf("%q is no command of it", sub.Name)
		}
		if err := sub.check(); err != nil {
			return fmt.Errorf("%s: %w", sub.Name, err)
		}
	}
	return nil
}

// usages are the forms, also those of the commands that the first argument chooses.
func (c *Command) usages() []string {
	all := c.Usage
	for _, sub := range c.Subs {
		all = append(all[:len(all):len(all)], sub.Usage...)
	}
	return all
}

// Sub returns the command that the first argument chooses.
func (c *Command) Sub(word string) (*Command, bool) {
	for _, sub := range c.Subs {
		if sub.Name == c.Name+" "+word {
			return sub, true
		}
	}
	return nil, false
}

// Lookup returns the command of that name.
func (s *Set) Lookup(name string) (*Command, bool) {
	c, ok := s.byName[name]
	if !ok && s.elsewhere != nil {
		c = s.elsewhere(name)
		ok = c != nil
	}
	return c, ok
}

// Names lists the commands in help's order.
func (s *Set) Names() []string {
	var out []string
	for _, c := range s.Commands() {
		out = append(out, c.Name)
	}
	return out
}

// Commands lists the commands by group.
func (s *Set) Commands() []*Command {
	var out []*Command
	for _, g := range groups {
		for _, c := range s.list {
			if c.Group == g {
				out = append(out, c)
			}
		}
	}
	return out
}

// parse reads the flags of a call. done must be called after the run.
func (c *Command) parse(args []string) (p *parsed, done func(), err error) {
	p, ok := c.spare.Get().(*parsed)
	if !ok {
		f, run := c.flags()
		p = &parsed{f, run}
	}
	if err := p.flags.Parse(args); err != nil {
		return nil, nil, err
	}
	return p, func() {
		if p.flags.NFlag() == 0 {
			c.spare.Put(p)
		}
	}, nil
}

// flags returns a flag set of the command and what runs with it.
func (c *Command) flags() (*pflag.FlagSet, Run) {
	f := pflag.NewFlagSet(c.Name, pflag.ContinueOnError)
	f.SetInterspersed(!c.DataLast)
	f.SortFlags = false
	f.Usage = func() {}
	if c.New == nil {
		return f, nil
	}
	return f, c.New(f)
}
