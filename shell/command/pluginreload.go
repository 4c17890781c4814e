package command

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
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
	Usage:    []string{"plugin reload NAME [--watch PATH [--script]]"},
	Help: `A process of the installed build is started; new calls go to it, also those on sockets that are open. What ran before ends when its calls are over, and lives on for layers and sockets that live in it. A build that does not start, or calls itself otherwise, leaves the old one serving: status 7.

--watch is for authors: whenever the file at PATH has changed it is installed, without asking, and reloaded. At the prompt that is a job; elsewhere it goes on until it is ended.`,
	Args: []Arg{{Name: "NAME", Kind: Plugin}},
	New: func(f *pflag.FlagSet) Run {
		watch := f.String("watch", "", "install the file at `PATH` and reload, whenever it has changed")
		script := f.Bool("script", false, "PATH is a script, or a folder with one, all of whose files are watched")
		return func(ctx context.Context, c *Call) error {
			args, err := c.args(1, 1)
			if err != nil {
				return err
			}
			in, err := c.installer()
			if err != nil {
				return err
			}
			switch {
			case f.Changed("watch"):
				return c.watch(ctx, in, args[0], *watch, *script)
			case *script:
				return c.usage("--script belongs to --watch")
			}
			if err := in.Reload(ctx, args[0]); err != nil {
				if _, none := c.plugin(args[0]); none != nil {
					return none
				}
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
		text += fmt.Sprintf("; layers and sockets that live on in an earlier build: %d", p.Holds)
	}
	c.notice("%s", text)
}

// watchEvery is how often a watched file is looked at, and how long it must have
// been as it is: a linker writes for a while.
const watchEvery = 100 * time.Millisecond

// watch installs and reloads whenever the file has changed, until ctx ends.
func (c *Call) watch(ctx context.Context, in socket.Installer, name, path string, script bool) error {
	switch {
	case path == "":
		return c.usage("--watch needs a PATH")
	case c.closed() != nil:
		return c.closed()
	}
	path = c.fromDir(path)
	if c.Jobs != nil {
		words := []string{"plugin", "reload", name, "--watch", path}
		if script {
			words = append(words, "--script")
		}
		if started, err := c.Jobs.Background(words); started || err != nil {
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
	var seen, done []os.FileInfo // as last looked at, and as last installed or refused
	for {
		began := time.Now()
		now := lookAt(path, script)
		if now != nil && unchanged(seen, now) && !unchanged(done, now) {
			done = now
			c.takeOver(ctx, in, name, path, script, now)
		}
		seen = now
		tick.Reset(max(watchEvery, 20*time.Since(began))) // a folder of many files takes a while
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

// maxWatched bounds how many files of a script's folder are looked at.
const maxWatched = 20000

// lookAt is what can be seen of a file, or of all files in a script's folder; nil where
// there is none, as between two builds.
func lookAt(path string, script bool) (all []os.FileInfo) {
	fi, err := os.Stat(path)
	switch {
	case err != nil:
		return nil
	case !script || !fi.IsDir():
		return []os.FileInfo{fi}
	}
	err = filepath.WalkDir(path, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fi, err := d.Info()
		if len(all) == maxWatched {
			err = fs.SkipAll
		}
		all = append(all, fi)
		return err
	})
	if err != nil {
		return nil // it is being changed
	}
	return all
}

func unchanged(before, now []os.FileInfo) bool {
	return before != nil && slices.EqualFunc(before, now, func(a, b os.FileInfo) bool {
		return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && a.Mode() == b.Mode()
	})
}

// takeOver installs a build and reloads it, or tells why not: the next one may do.
// One that has been changed meanwhile is not told of: the next look finds what it became.
func (c *Call) takeOver(ctx context.Context, in socket.Installer, name, path string, script bool, was []os.FileInfo) {
	found, err := in.Inspect(ctx, path, script)
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
	case ctx.Err() != nil, err != nil && !unchanged(was, lookAt(path, script)):
	case err != nil:
		c.report(err)
		c.notice("the build before it goes on serving")
	default:
		c.reloaded(name)
	}
}
