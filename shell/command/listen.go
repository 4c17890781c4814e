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

var accept = &Command{
	Name:     "accept",
	Group:    Calls,
	Synopsis: "take one connection from a listening socket",
	Usage:    []string{"accept SOCK [-n NAME] [--timeout D]"},
	Help:     `It waits for a client. The connection is a new socket, which becomes the current one; the listening socket goes on listening. A connection that comes as accept gives up is kept for the next.`,
	Args:     []Arg{{Name: "SOCK", Kind: Socket}},
	Examples: []Example{{
		Does: "both ends of a connection",
		Code: `open tcp --listen 127.0.0.1:0 -n srv
open tcp 127.0.0.1:$(show srv local.port) -n c
accept srv -n s
send c hi
expect s hi && echo received`,
		Output: "received\n",
	}},
	New: func(f *pflag.FlagSet) Run {
		name := f.StringP("name", "n", "", "the new socket's `NAME`")
		limit := limitFlag(f)
		return func(ctx context.Context, c *Call) error {
			args, err := c.args(1, 1)
			if err != nil {
				return err
			}
			s, err := c.Session.socket("accept", args[0])
			if err != nil {
				return err
			}
			step, cancel := c.Session.step(ctx, *limit)
			defer cancel()
			conn, err := s.Accept(step, *name)
			if err != nil {
				return err
			}
			return c.entered(conn)
		}
	},
}
