package main

import (
	"context"
	_ "embed"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/signal"
	"runtime/debug"

	"github.com/mattn/go-isatty"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/core/table"
	"github.com/sosh-shell/sosh/plugins/host"
	"github.com/sosh-shell/sosh/plugins/scaffold"
	"github.com/sosh-shell/sosh/plugins/sdk/conform"
	"github.com/sosh-shell/sosh/shell/command"
	"github.com/sosh-shell/sosh/shell/lang"
	"github.com/sosh-shell/sosh/shell/render"
)

// plugins is "sosh plugin ...": the shell's command of that name, on its own.
func plugins(ctx context.Context, s *settings, h *host.Host, args []string) int {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	defer signal.Stop(interrupts)
	stop := context.AfterFunc(ctx, func() { signal.Stop(interrupts) })
	defer stop()
	go func() {
		select {
		case <-interrupts:
			cancel(socket.Interrupted)
		case <-ctx.Done():
		}
	}()
	t := table.New(h)
	defer t.Close()
	dir, err := os.Getwd()
	if err != nil {
		dir = "/"
	}
	errs := render.NewWriter(os.Stderr)
	defer errs.Flush()
	c := &command.Call{
		Session: &command.Session{Table: t, JSON: s.json, Notices: true, Author: author},
		Stdin:   os.Stdin, Stdout: os.Stdout, Stderr: errs,
		Where: func() string { return "sosh: " },
		Dir:   dir, NoFiles: s.noExternal, Terminal: isatty.IsTerminal(os.Stdout.Fd()),
	}
	c.Session.Colour = c.Terminal && os.Getenv("NO_COLOR") == ""
	if isatty.IsTerminal(os.Stdin.Fd()) {
		c.Ask = func(ctx context.Context, question string) (string, error) {
			return lang.Ask(ctx, os.Stdin, os.Stderr, question)
		}
	}
	return c.Session.Commands().Exec(ctx, c, "plugin", args)
}

// author is what the shell cannot do for the author of a plugin.
var author = &command.Author{New: newPlugin, Check: checkPlugin}

//go:embed go.mod
var goMod []byte

//go:embed go.sum
var goSum []byte

// newPlugin makes a plugin's folder.
func newPlugin(_ context.Context, p command.NewPlugin) ([]string, error) {
	sosh := scaffold.Module{Path: "github.com/sosh-shell/sosh", Version: "v" + version, Mod: goMod, Sums: goSum}
	if b, ok := debug.ReadBuildInfo(); ok && b.Main.Sum != "" { // it came as a published module
		sosh.Version, sosh.Sum = b.Main.Version, b.Main.Sum
	}
	names, err := scaffold.New(scaffold.Plugin{Name: p.Name, Kind: p.Kind, Dir: p.Dir, Source: p.Source}, sosh)
	var path *fs.PathError
	hint := ""
	switch {
	case errors.Is(err, scaffold.ErrNoSource):
		hint = "--source DIR names the folder of sosh's source"
	case errors.Is(err, fs.ErrExist):
		err, hint = socket.Faultf(socket.Usage, "there is a file or folder of that name"), "choose another name, or go elsewhere"
	case errors.As(err, &path):
		err = path.Err
	}
	if err != nil {
		return nil, &socket.Error{Op: "plugin new", Place: p.Name, Err: err, Hint: hint}
	}
	return names, nil
}

// checkPlugin holds an executable to the contract.
func checkPlugin(ctx context.Context, p command.CheckPlugin, report func(command.Promise)) (command.CheckSummary, error) {
	how := conform.How{Options: p.Options, Address: p.Address, Echo: p.Echo, Alone: p.Alone}
	if p.Alphabet != "" {
		how.Message = func(n int) []byte { return messageOf(p.Alphabet, n) }
	}
	sum, err := conform.Check(ctx, p.Path, how, func(r conform.Result) {
		report(command.Promise{Form: r.Form, Promise: r.Promise, Outcome: string(r.Outcome), Reasons: r.Reasons, Log: r.Log, Took: r.Took})
	})
	return command.CheckSummary{Description: sum.Description, Kept: sum.Kept, Broken: sum.Broken, NotApplicable: sum.NotApplicable}, err
}

// messageOf is n bytes of an alphabet, in any order.
func messageOf(alphabet string, n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = alphabet[rand.IntN(len(alphabet))]
	}
	return p
}
