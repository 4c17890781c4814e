package command

import (
	"context"

	"github.com/spf13/pflag"

	"github.com/sosh-shell/sosh/core/socket"
)

var shutdownCmd = &Command{
	Name:     "shutdown",
	Group:    Calls,
	Synopsis: "end one direction of a connection",
	Usage:    []string{"shutdown SOCK read|write|both"},
	Help:     `After shutdown SOCK write the peer reads the end of the stream, and can still answer.`,
	Args:     []Arg{{Name: "SOCK", Kind: Socket}, {Name: "read|write|both", Kind: Word, Words: []string{"read", "write", "both"}}},
	Examples: []Example{{
		Does: "say that no more comes, and still hear the answer",
		Code: `open tcp --listen 127.0.0.1:0 -n srv
open tcp 127.0.0.1:$(show srv local.port) -n c
accept srv -n s
send c question; shutdown c write
recv s --all; echo
send s answer; close s
recv c --all; echo`,
		Output: "question\nanswer\n",
	}},
	New: func(*pflag.FlagSet) Run {
		hows := map[string]socket.How{"read": socket.ShutdownRead, "write": socket.ShutdownWrite, "both": socket.ShutdownBoth}
		return func(ctx context.Context, c *Call) error {
			args, err := c.args(2, 2)
			if err != nil {
				return err
			}
			how, ok := hows[args[1]]
			if !ok {
				return c.usage("%q is no direction: read, write or both", args[1])
			}
			s, err := c.Session.socket("shutdown", args[0])
			if err != nil {
				return err
			}
			return s.Shutdown(ctx, how)
		}
	},
}
