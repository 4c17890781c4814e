package command

import (
	"github.com/spf13/pflag"

	"github.com/sosh-shell/sosh/core/table"
)

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
	New: func(f *pflag.FlagSet) Run { return withAddress(f, (*table.Socket).Connect) },
}
