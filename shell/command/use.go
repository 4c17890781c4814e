package command

import (
	"context"

	"github.com/spf13/pflag"
)

var use = &Command{
	Name:     "use",
	Group:    Shell,
	Synopsis: "make a socket the current one, which . names",
	Usage:    []string{"use SOCK", "use"},
	Help:     `open and accept make the new socket the current one; use changes that. Without SOCK it prints the current one's name.`,
	Args:     []Arg{{Name: "SOCK", Kind: Socket}},
	Examples: []Example{{
		Does:   "talk about one socket of several",
		Code:   "open tcp -n a; open tcp -n b; show . name; use a; show . name",
		Output: "b\na\n",
	}},
	New: func(*pflag.FlagSet) Run {
		return func(_ context.Context, c *Call) error {
			args, err := c.args(0, 1)
			if err != nil {
				return err
			}
			word := "."
			if len(args) == 1 {
				word = args[0]
			}
			s, err := c.Session.socket("use", word)
			if err != nil {
				return err
			}
			if len(args) == 0 {
				return c.print("%s\n", s.Name())
			}
			c.Session.SetCurrent(s.Name())
			return nil
		}
	},
}
