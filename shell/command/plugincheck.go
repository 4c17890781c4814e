package command

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/core/table"
	"github.com/sosh-shell/sosh/shell/render"
)

// CheckPlugin says which executable is to be checked, and how it is to be used.
type CheckPlugin struct {
	Path     string // absolute
	Options  []socket.Setting
	Address  string // of a peer, in the protocol's words; "" for none
	Echo     bool   // what is sent to Address comes back
	Alone    bool   // a layer cannot talk to itself
	Alphabet string // of what bytes a layer carries unchanged; "" for all
}

// Promise is what became of one promise of the contract.
type Promise struct {
	Form    string // by descriptors, by stream
	Promise string
	Outcome string   // kept, broken or not applicable
	Reasons []string // one line each
	Log     []string // what the plugin printed meanwhile
	Took    time.Duration
}

// CheckSummary counts the promises.
type CheckSummary struct {
	Description                 socket.Description
	Kept, Broken, NotApplicable int
}

var pluginCheck = &Command{
	Name:     "plugin check",
	Group:    Shell,
	Synopsis: "hold an executable to the contract of plugins",
	Usage:    []string{"plugin check PATH [KEY=VALUE...] [--address ADDR [--echo]] [--alone|--alphabet CHARS] [--verbose] [--json]"},
	Help: `Every promise of the contract that the plugin makes is tried: by descriptors, and with the bytes carried in a stream. PATH may be a script, or the folder of one with all its files. Nothing is installed. A broken promise is status 1, an executable that is no plugin status 7.

Sockets are opened with the given options. A protocol that cannot listen has nobody to talk to: --address names a peer, and --echo says that it sends back what it gets, perhaps in upper case.

A layer talks to itself at the other end; --alone says that it cannot. One that changes some bytes on the way says with --alphabet which ones it leaves; so does a protocol whose sockets live with it.`,
	Args: []Arg{{Name: "PATH", Kind: File}, {Name: "KEY=VALUE", Repeat: true}},
	New: func(f *pflag.FlagSet) Run {
		var p CheckPlugin
		f.StringVar(&p.Address, "address", "", "a peer to talk to, in the plugin's words")
		f.BoolVar(&p.Echo, "echo", false, "what is sent to that peer comes back")
		f.BoolVar(&p.Alone, "alone", false, "the layer cannot talk to itself")
		f.StringVar(&p.Alphabet, "alphabet", "", "the characters that are left as they are")
		verbose := f.Bool("verbose", false, "tell the promises that are kept, too")
		json := f.Bool("json", false, "one JSON object a line")
		return func(ctx context.Context, c *Call) error {
			if len(c.Args) == 0 {
				return c.usage("PATH is missing")
			}
			var err error
			if p.Options, err = checkOptions(c, c.Args[1:]); err != nil {
				return err
			}
			switch {
			case p.Echo && p.Address == "":
				return c.usage("--echo is said of the peer at --address")
			case p.Alone && p.Alphabet != "":
				return c.usage("--alone and --alphabet exclude each other")
			case c.closed() != nil:
				return c.closed()
			case c.Session.Author == nil || c.Session.Author.Check == nil:
				return c.cannot("plugins cannot be checked here")
			}
			p.Path = c.fromDir(c.Args[0])
			return c.checkPlugin(ctx, p, *verbose, *json || c.Session.JSON)
		}
	},
}

func checkOptions(c *Call, args []string) (all []socket.Setting, err error) {
	for _, a := range args {
		name, value, ok := strings.Cut(a, "=")
		if !ok || name == "" {
			return nil, c.usage("%q is no KEY=VALUE", a)
		}
		all = append(all, socket.Setting{Name: name, Value: value})
	}
	return all, nil
}

func (c *Call) checkPlugin(ctx context.Context, p CheckPlugin, verbose, json bool) error {
	var failed error
	sum, err := c.Session.Author.Check(ctx, p, func(r Promise) {
		var err error
		if json {
			err = render.JSON(c.Stdout, render.Object{
				{Key: "form", Value: r.Form}, {Key: "promise", Value: r.Promise}, {Key: "outcome", Value: r.Outcome},
				{Key: "reasons", Value: append([]string{}, r.Reasons...)}, {Key: "log", Value: append([]string{}, r.Log...)},
				{Key: "took", Value: r.Took.Seconds()},
			})
		} else {
			err = c.print("%s", told(r, verbose))
		}
		if failed == nil {
			failed = err
		}
	})
	switch {
	case err != nil && table.Ended(ctx) != nil:
		return &socket.Error{Op: c.command.Name, Place: p.Path, Err: table.Ended(ctx)}
	case err != nil:
		return err
	case failed != nil:
		return failed
	case !json:
		if err := c.print("%s: %d kept, %d broken, %d not applicable%s\n", named(sum.Description), sum.Kept, sum.Broken, sum.NotApplicable, untried(p, sum.Description)); err != nil {
			return err
		}
	}
	switch {
	case sum.Broken > 0:
		return &socket.Error{Op: c.command.Name, Place: sum.Description.Name, Err: errBroken,
			Hint: "the reasons stand above; docs/wire.md is the contract, for Go docs/sdk.md"}
	case sum.Kept == 0:
		return &socket.Error{Op: c.command.Name, Place: sum.Description.Name, Err: errors.New("no promise could be tried")}
	}
	return nil
}

// untried says how more could be tried: what cannot listen has nobody to talk to.
func untried(p CheckPlugin, d socket.Description) string {
	alone := !d.Layer && d.Can(socket.CallConnect) && !d.Can(socket.CallListen) && (d.Kind != socket.Datagram || !d.Can(socket.CallBind))
	switch {
	case !alone || p.Echo:
		return ""
	case p.Address != "":
		return "; --echo would try more, with a peer that sends back what it gets"
	}
	return "; --address ADDR (and --echo) would try more, with a peer"
}

var errBroken = errors.New("it breaks the contract")

// told is a promise for people: what is kept only where they ask.
func told(r Promise, verbose bool) string {
	if r.Outcome != "broken" && !verbose {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%-14s  %s (%s)\n", r.Outcome, render.Line(r.Promise), render.Line(r.Form))
	for _, reason := range r.Reasons {
		fmt.Fprintf(&b, "%16s%s\n", "", render.Line(reason))
	}
	for _, line := range r.Log {
		fmt.Fprintf(&b, "%16sit printed: %s\n", "", render.Line(line))
	}
	return b.String()
}
