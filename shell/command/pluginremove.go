package command

import (
	"context"
	"fmt"
	"io"

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
			if text := losses(p); text != "" && (!*yes || c.Session.Notices) {
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
func losses(p socket.Plugin) string {
	switch {
	case p.Holds == 1:
		return fmt.Sprintf("a layer or socket that lives in %s is lost", p.Name)
	case p.Holds > 1:
		return fmt.Sprintf("%d layers and sockets that live in %s are lost", p.Holds, p.Name)
	}
	return ""
}
