package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/pflag"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/core/table"
	"github.com/sosh-shell/sosh/shell/render"
)

var pluginReload = &Command{
	Name:     "plugin reload",
	Group:    Shell,
	Synopsis: "let the installed build of a plugin take over, while connections live",
	Usage:    []string{"plugin reload NAME [--watch PATH]"},
	Help: `A process of the installed build is started; new calls go to it, also those on sockets that are open. What ran before ends when its calls are over, and lives on for layers and sockets that live in it. A build that does not start, or calls itself otherwise, leaves the old one serving: status 7.

--watch is for authors: whenever the file at PATH has changed it is installed, without asking, and reloaded. At the prompt that is a job; elsewhere it goes on until it is ended.`,
	Args: []Arg{{Name: "NAME", Kind: Plugin}},
	New: func(f *pflag.FlagSet) Run {
		watch := f.String("watch", "", "install the file at `PATH` and reload, whenever it has changed")
		return func(ctx context.Context, c *Call) error {
			args, err := c.args(1, 1)
			if err != nil {
				return err
			}
			in, err := c.installer()
			if err != nil {
				return err
			}
			if f.Changed("watch") {
				return c.watch(ctx, in, args[0], *watch)
			}
			if err := in.Reload(ctx, args[0]); err != nil {
				return reloadError(c, args[0], err)
			}
			c.reloaded(args[0])
			return nil
		}
	},
}

func reloadError(c *Call, name string, err error) error {
	if c.Session.Table != nil {
		if p, perr := c.plugin(name); perr == nil && p.State == "running" {
			c.notice("the build before it goes on serving")
		}
	}
	return err
}

func (c *Call) reloaded(name string) {
	c.Session.refresh()
	p, err := c.plugin(name)
	if err != nil {
		return
	}
	text := fmt.Sprintf("reloaded %s", name)
	if p.Version != "" {
		text += " " + render.Line(p.Version)
	}
	if p.Processes > 1 && p.Holds > 0 {
		text += fmt.Sprintf("; %d layers and sockets live on in an earlier build", p.Holds)
	}
	c.notice("%s", text)
}

// watchEvery is how often a watched file is looked at, and how long it must have
// been as it is: a linker writes for a while.
const watchEvery = 100 * time.Millisecond

// watch installs and reloads whenever the file has changed, until ctx ends.
func (c *Call) watch(ctx context.Context, in socket.Installer, name, path string) error {
	switch {
	case path == "":
		return c.usage("--watch needs a PATH")
	case c.closed() != nil:
		return c.closed()
	}
	path = c.fromDir(path)
	if c.Jobs != nil {
		if started, err := c.Jobs.Background([]string{"plugin", "reload", name, "--watch", path}); started || err != nil {
			return err
		}
	}
	p, err := c.plugin(name)
	if err != nil {
		return err
	}
	if p.SHA256 == "" {
		return &socket.Error{Op: c.command.Name, Place: name, Err: socket.Faultf(socket.Usage, "it is bundled: no file of it can be watched"),
			Hint: "plugin install PATH makes a file a plugin"}
	}
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	var seen, done os.FileInfo // as last looked at, and as last installed or refused
	for {
		now, err := os.Stat(path)
		if err != nil {
			now = nil // between two builds there may be none
		}
		if now != nil && unchanged(seen, now) && !unchanged(done, now) {
			done = now
			c.takeOver(ctx, in, name, path)
		}
		seen = now
		select {
		case <-tick.C:
		case <-ctx.Done():
			if err := table.Ended(ctx); !errors.Is(err, socket.Interrupted) {
				return err
			}
			return ctx.Err()
		}
	}
}

func unchanged(before, now os.FileInfo) bool {
	return before != nil && os.SameFile(before, now) && before.Size() == now.Size() && before.ModTime().Equal(now.ModTime())
}

// takeOver installs a build and reloads it, or tells why not: the next one may do.
func (c *Call) takeOver(ctx context.Context, in socket.Installer, name, path string) {
	found, err := in.Inspect(ctx, path, false)
	if err == nil && found.Description.Name != name {
		err = &socket.Error{Op: "plugin", Place: path, Err: socket.Faultf(socket.Failed, "it calls itself %s", found.Description.Name)}
	}
	if err == nil {
		err = c.clash(found)
	}
	if err == nil && installedAlready(found) {
		return
	}
	if err == nil {
		err = in.Record(ctx, found)
	}
	if err == nil {
		err = in.Reload(ctx, name)
	}
	switch {
	case ctx.Err() != nil:
	case err != nil:
		c.report(err)
		c.notice("the build before it goes on serving")
	default:
		c.reloaded(name)
	}
}
