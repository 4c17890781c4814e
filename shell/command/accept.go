package command

import (
	"context"

	"github.com/spf13/pflag"
)

var accept = &Command{
	Name:     "accept",
	Group:    Calls,
	Synopsis: "take one connection from a listening socket",
	Usage:    []string{"accept SOCK [-n NAME] [--timeout D]", "accept SOCK --each FUNCTION [--count N] [--timeout D]"},
	Help: `It waits for a client. The connection is a new socket, which becomes the current one; the listening socket goes on listening. A connection that comes as accept gives up is kept for the next.

With --each it serves: for every client a job runs FUNCTION, with the connection's name as $1 and as its current socket. The connection is closed when its job ends. It goes on until --count clients have come, until Ctrl-C or kill, or, where --timeout is given, until no client comes for so long. A job that fails is told, ends no other, and fails the script.`,
	Args: []Arg{{Name: "SOCK", Kind: Socket}},
	Examples: []Example{{
		Does: "both ends of a connection",
		Code: `open tcp --listen 127.0.0.1:0 -n srv
open tcp 127.0.0.1:$(show srv local.port) -n c
accept srv -n s
send c hi
expect s hi && echo received`,
		Output: "received\n",
	}, {
		Does: "a server: one job a client",
		Code: `open tcp --listen 127.0.0.1:0 -n srv
shout() { expect $1 '(.*)\n'; send $1 "${match[1]^^}\n"; }
accept srv --each shout --count 2 &
for word in one two; do
  open tcp 127.0.0.1:$(show srv local.port) -n c
  send c "$word\n"; recv c --lines 1; close c
done
wait`,
		Output: "ONE\nTWO\n",
	}},
	New: func(f *pflag.FlagSet) Run {
		name := f.StringP("name", "n", "", "the new socket's `NAME`")
		each := f.String("each", "", "for every client a job that runs `FUNCTION`")
		count := f.Int("count", 0, "with --each, end after `N` clients")
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
			switch {
			case f.Changed("each") && f.Changed("name"):
				return c.usage("--each and --name exclude each other")
			case f.Changed("each"):
				return c.serve(ctx, s, server{*each, *count, f.Changed("count"), *limit})
			case f.Changed("count"):
				return c.usage("--count is for --each")
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
