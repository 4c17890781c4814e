package command

import (
	"context"

	"github.com/spf13/pflag"

	"github.com/sosh-shell/sosh/core/socket"
)

var deferCmd = &Command{
	Name:     "defer",
	Group:    Shell,
	Synopsis: "run a command at the end, whatever the end is",
	Usage:    []string{"defer COMMAND [ARG...]"},
	Help: `At the end of the script, or of the job in which it stands, the deferred commands run, the last first: also after a failure, at the deadline and after Ctrl-C. They have 2 s in all. Their arguments are expanded now. What fails in them is told and changes no status.

At the prompt they run when the shell ends.`,
	Args:     []Arg{{Name: "COMMAND"}, {Name: "ARG", Repeat: true}},
	Verbatim: true,
	Examples: []Example{{
		Does:   "cleaning up in the order that undoes",
		Code:   "defer echo second\ndefer echo first\necho work",
		Output: "work\nfirst\nsecond\n",
	}},
	New: func(*pflag.FlagSet) Run {
		return func(_ context.Context, c *Call) error {
			args, err := c.args(1, -1)
			if err != nil {
				return err
			}
			if c.AddDefer == nil {
				return socket.Faultf(socket.Unsupported, "defer: there is no end to wait for")
			}
			return c.AddDefer(args)
		}
	},
}
