package command

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"

	"github.com/sosh-shell/sosh/core/socket"
)

var pluginRemove = &Command{
	Name:     "plugin remove",
	Group:    Shell,
	Synopsis: "take an installed plugin away",
	Usage:    []string{"plugin remove NAME [--yes]"},
	Help:     `Its file and its record go, and its processes here end. Sockets live on: they are descriptors. Layers, and sockets that live in the plugin, are lost with it; how many is told before you are asked.`,
	Args:     []Arg{{Name: "NAME", Kind: Installed}},
	New: func(f *pflag.FlagSet) Run {
		yes := f.BoolP("yes", "y", false, "do not ask")
		return func(ctx context.Context, c *Call) error {
			args, err := c.args(1, 1)
			if err != nil {
				return err
			}
			if err := cmpErr(c.closed(), c.mayAsk(*yes)); err != nil {
				return err
			}
			in, err := c.installer()
			if err != nil {
				return err
			}
			p, err := c.plugin(args[0])
			if err != nil {
				return err
			}
			if p.SHA256 == "" {
				return in.Remove(ctx, p.Name) // says why it cannot be
			}
			if text := c.losses(p); text != "" && (!*yes || c.Session.Notices) {
				if _, err := io.WriteString(c.Stderr, text+"\n"); err != nil {
					return err
				}
			}
			if !*yes {
				if err := c.agree(ctx, "remove "+p.Name+"?"); err != nil {
					return err
				}
			}
			if err := in.Remove(ctx, p.Name); err != nil {
				return err
			}
			c.Session.refresh()
			c.notice("removed %s", p.Name)
			return nil
		}
	},
}

// losses tells what goes with a plugin, "" for nothing.
func (c *Call) losses(p socket.Plugin) string {
	var users []string
	for _, s := range c.Session.Table.Sockets() {
		uses := s.Description().Name == p.Name
		for _, l := range s.Layers() {
			uses = uses || l.Description.Name == p.Name
		}
		if uses {
			users = append(users, s.Name())
		}
	}
	switch open := strings.Join(users, ", "); {
	case p.Holds > 0:
		return fmt.Sprintf("what lives in %s is lost with it (%d): %s", p.Name, p.Holds, open)
	case open != "":
		return fmt.Sprintf("open with %s: %s; a socket of the kernel's lives on", p.Name, open)
	}
	return ""
}
