package command

import (
	"context"

	"github.com/spf13/pflag"

	"github.com/sosh-shell/sosh/core/table"
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
	New: func(f *pflag.FlagSet) Run { return withAddress(f, (*table.Socket).Bind) },
}

// withAddress runs a socket call that takes an address: SOCK ADDR.
func withAddress(f *pflag.FlagSet, call func(s *table.Socket, ctx context.Context, addr string) error) Run {
	limit := limitFlag(f)
	return func(ctx context.Context, c *Call) error {
		args, err := c.args(2, 2)
		if err != nil {
			return err
		}
		s, err := c.Session.socket(c.command.Name, args[0])
		if err != nil {
			return err
		}
		step, cancel := c.Session.step(ctx, *limit)
		defer cancel()
		if err := call(s, step, c.address(s.Description().Word(), args[1])); err != nil {
			return err
		}
		c.notice("%s", c.tell(s))
		return nil
	}
}
