package command

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/pflag"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/shell/render"
)

var assert = &Command{
	Name:     "assert",
	Group:    Shell,
	Synopsis: "fail unless an expression holds, and tell its values",
	Usage:    []string{"assert EXPR"},
	Help:     `EXPR is one of test(1): assert "$status" = 200, assert "$n" -gt 3, assert -n "$peer", assert ! -e FILE. When it does not hold, assert tells it with its values and fails with status 1; one that cannot be read is status 2.`,
	Args:     []Arg{{Name: "EXPR", Repeat: true}},
	Verbatim: true,
	Examples: []Example{{
		Does:   "what must hold",
		Code:   "status=200\nassert \"$status\" = 200\nassert \"$status\" -lt 300 && echo fine",
		Output: "fine\n",
	}},
	New: func(*pflag.FlagSet) Run {
		return func(_ context.Context, c *Call) error {
			args, err := c.args(1, -1)
			if err != nil {
				return err
			}
			if c.Test == nil {
				return socket.Faultf(socket.Unsupported, "assert: there is nothing to test with")
			}
			switch status := c.Test(args); status {
			case 0:
				return nil
			case 1:
				return &socket.Error{Op: "assert", Err: errors.New(expression(args) + " does not hold")}
			default:
				return c.usage("%s is no expression of test", expression(args))
			}
		}
	},
}

// expression is an expression with its values, as it could be typed.
func expression(args []string) string {
	words := make([]string, len(args))
	for i, a := range args {
		if words[i] = a; a == "" || strings.ContainsAny(a, " \t\n'\"\\$*?[]&|;<>(){}`#~") || render.Line(a) != a {
			words[i] = render.Quote([]byte(a))
		}
	}
	return strings.Join(words, " ")
}
