package command

import (
	"context"
	"strings"

	"github.com/spf13/pflag"

	"github.com/sosh-shell/sosh/core/socket"
)

var skip = &Command{
	Name:     "skip",
	Group:    Shell,
	Synopsis: "end a script that cannot be judged here",
	Usage:    []string{"skip REASON..."},
	Help:     `The script ends at once, with status 0, and REASON is told: a privilege, a program or a network that is missing. Deferred commands run. A test that was skipped has neither passed nor failed.`,
	Args:     []Arg{{Name: "REASON", Repeat: true}},
	Verbatim: true,
	Examples: []Example{{
		Does:   "no test without its peer",
		Code:   "command -v no-such-server || skip 'no-such-server is not installed'\necho never",
		Output: "",
	}},
	New: func(*pflag.FlagSet) Run {
		return func(_ context.Context, c *Call) error {
			args, err := c.args(1, -1)
			if err != nil {
				return err
			}
			if c.Skip == nil {
				return &socket.Error{Op: "skip", Err: socket.Faultf(socket.Unsupported, "there is no script to skip"),
					Hint: "at the prompt, Ctrl-D leaves"}
			}
			return c.Skip(strings.Join(args, " "))
		}
	},
}
