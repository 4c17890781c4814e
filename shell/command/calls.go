package command

import (
	"context"

	"github.com/spf13/pflag"
)

var bind = &Command{
	Name:     "bind",
	Group:    Calls,
	Synopsis: "give a socket its local address",
	Usage:    []string{"bind SOCK ADDR"},
	Help:     `Without a host the address is the loopback one; all interfaces are asked for by 0.0.0.0 or [::]. Port 0 lets the kernel choose: show SOCK local.port tells which.`,
	Args:     []Arg{{Name: "SOCK", Kind: Socket}, {Name: "ADDR"}},
	Examples: []Example{{
		Does:   "a socket with a local address and nothing else yet",
		Code:   "open tcp -n s; bind s 127.0.0.1:0; show s local",
		Output: "127.0.0.1:...\n",
	}},
	New: func(f *pflag.FlagSet) Run {
		limit := limitFlag(f)
		return func(ctx context.Context, c *Call) error {
			args, err := c.args(2, 2)
			if err != nil {
				return err
			}
			s, err := c.Session.socket("bind", args[0])
			if err != nil {
				return err
			}
			step, cancel := c.Session.step(ctx, *limit)
			defer cancel()
			if err := s.Bind(step, c.address(s.Description().Name, args[1])); err != nil {
				return err
			}
			c.notice("%s", c.tell(s))
			return nil
		}
	},
}

var connect = &Command{
	Name:     "connect",
	Group:    Calls,
	Synopsis: "connect a socket to a remote address",
	Usage:    []string{"connect SOCK ADDR [--timeout D]"},
	Help:     `A connect that is cancelled or times out leaves a socket that connects at the next try.`,
	Args:     []Arg{{Name: "SOCK", Kind: Socket}, {Name: "ADDR"}},
	Examples: []Example{{
		Does: "choose the socket first, its peer later",
		Code: `open tcp --listen 127.0.0.1:0 -n srv
open tcp -n c
connect c 127.0.0.1:$(show srv local.port)
show c state`,
		Output: "ESTABLISHED\n",
	}},
	New: func(f *pflag.FlagSet) Run {
		limit := limitFlag(f)
		return func(ctx context.Context, c *Call) error {
			args, err := c.args(2, 2)
			if err != nil {
				return err
			}
			s, err := c.Session.socket("connect", args[0])
			if err != nil {
				return err
			}
			step, cancel := c.Session.step(ctx, *limit)
			defer cancel()
			if err := s.Connect(step, c.address(s.Description().Name, args[1])); err != nil {
				return err
			}
			c.notice("%s", c.tell(s))
			return nil
		}
	},
}
