package command

import (
	"context"

	"github.com/spf13/pflag"

	"github.com/sosh-shell/sosh/shell/render"
)

var history = &Command{
	Name:     "history",
	Group:    Shell,
	Synopsis: "list what was typed at the prompt",
	Usage:    []string{"history"},
	Help:     `What is typed is kept from session to session, in a file that only its owner may read. What begins with a space is not kept. A script has no history.`,
	Examples: []Example{{
		Does:   "a script has none",
		Code:   "history",
		Output: "",
	}},
	New: func(*pflag.FlagSet) Run {
		return func(_ context.Context, c *Call) error {
			if _, err := c.args(0, 0); err != nil {
				return err
			}
			if c.Session.History == nil {
				return nil
			}
			for i, line := range c.Session.History() {
				if err := c.print("%5d  %s\n", i+1, render.Escape(nil, []byte(line))); err != nil {
					return err
				}
			}
			return nil
		}
	},
}
