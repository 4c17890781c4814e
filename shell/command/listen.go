package command

import (
	"context"
	"strconv"

	"github.com/spf13/pflag"
)

var listen = &Command{
	Name:     "listen",
	Group:    Calls,
	Synopsis: "make a bound socket wait for connections",
	Usage:    []string{"listen SOCK [BACKLOG]"},
	Help:     `BACKLOG is how many connections the kernel keeps for accept to take; without it, as many as the system allows.`,
	Args:     []Arg{{Name: "SOCK", Kind: Socket}, {Name: "BACKLOG"}},
	Examples: []Example{{
		Does:   "a server in three steps",
		Code:   "open tcp -n srv; bind srv 127.0.0.1:0; listen srv 16; show srv state",
		Output: "LISTEN\n",
	}},
	New: func(*pflag.FlagSet) Run {
		return func(ctx context.Context, c *Call) error {
			args, err := c.args(1, 2)
			if err != nil {
				return err
			}
			s, err := c.Session.socket("listen", args[0])
			if err != nil {
				return err
			}
			backlog := 0
			if len(args) == 2 {
				if backlog, err = strconv.Atoi(args[1]); err != nil || backlog < 1 || backlog > 1<<20 {
					return c.usage("%q is no backlog: a number from 1 to %d", args[1], 1<<20)
				}
			}
			if err := s.Listen(ctx, backlog); err != nil {
				return err
			}
			c.notice("%s", c.tell(s))
			return nil
		}
	},
}
