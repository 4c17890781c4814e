package command

import (
	"context"

	"github.com/spf13/pflag"
)

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
			if f.Changed("name") && *name == "" {
				return c.usage("--name is empty")
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
