package command

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/pflag"

	"github.com/sosh-shell/sosh/core/table"
	"github.com/sosh-shell/sosh/shell/render"
)

var closeCmd = &Command{
	Name:     "close",
	Group:    Calls,
	Synopsis: "close sockets",
	Usage:    []string{"close SOCK... [--reset]", "close --all [--reset]"},
	Help:     `A close ends the connection in order: the peer reads all that was sent, then the end. With --reset it is torn down at once (RST). Unread input makes the kernel reset the connection even so (RFC 2525 section 2.17), and the peer may then lose what was sent to it: close says when that happens.`,
	Args:     []Arg{{Name: "SOCK", Kind: Socket, Repeat: true}},
	Examples: []Example{{
		Does: "the peer sees the end, or a reset",
		Code: `open tcp --listen 127.0.0.1:0 -n srv
open tcp 127.0.0.1:$(show srv local.port) -n a; accept srv -n b
close a
recv b || echo "status $?"
close b srv`,
		Output: "status 4\n",
	}},
	New: func(f *pflag.FlagSet) Run {
		all := f.Bool("all", false, "every socket")
		reset := f.Bool("reset", false, "reset the connection instead of ending it")
		return func(ctx context.Context, c *Call) error {
			if *all != (len(c.Args) == 0) {
				return c.usage("name the sockets to close, or --all")
			}
			var list []*table.Socket
			if *all {
				list = c.Session.Table.Sockets()
			}
			for _, word := range c.Args {
				s, err := c.Session.socket("close", word)
				if err != nil {
					return err
				}
				list = append(list, s)
			}
			var errs []error
			for _, s := range list {
				c.tellRefused(ctx, s)
				left, err := s.Close(ctx, *reset)
				errs = append(errs, err)
				if err == nil && !*reset {
					c.tellUnread(s, left)
				}
				if c.Session.Current() == s.Name() {
					c.Session.SetCurrent("")
				}
			}
			return errors.Join(errs...)
		}
	},
}

// tellRefused tells of messages that a layer did not send: their send had returned by
// then.
func (c *Call) tellRefused(ctx context.Context, s *table.Socket) {
	if len(s.Layers()) == 0 || !s.Messages() {
		return
	}
	for _, f := range s.PluginFacts(ctx, "") {
		if strings.HasSuffix(f.Name, ".refused") && f.Value != "" && f.Value != "0" {
			c.warn("close %s: %s: %s", s.Name(), f.Name, render.Line(f.Value))
		}
	}
}

func (c *Call) tellUnread(s *table.Socket, left table.Closed) {
	if left.Unread > 0 {
		c.warn("close %s: %d bytes of input were unread, so the kernel resets the connection: the peer may lose what was sent last", s.Name(), left.Unread)
	}
	if left.Messages > 0 {
		c.notice("close %s: %s had arrived and %s not consumed", s.Name(), plural(left.Messages, "message"), map[bool]string{true: "was", false: "were"}[left.Messages == 1])
	}
	if left.Inbox > 0 {
		c.notice("close %s: %d bytes had arrived and were not consumed", s.Name(), left.Inbox)
	}
}
