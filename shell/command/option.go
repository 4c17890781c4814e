package command

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/core/table"
	"github.com/sosh-shell/sosh/shell/render"
)

var option = &Command{
	Name:     "option",
	Group:    Facts,
	Synopsis: "read and set socket options",
	Usage:    []string{"option SOCK [KEY[=VALUE]...] [--json]"},
	Help:     `Without KEY it lists all options with their values. KEY reads one, KEY=VALUE sets it. inbox=SIZE bounds the unread bytes that sosh keeps; the others are the protocol's: help PROTO tells what they mean. LAYER.KEY is an option of a layer around the socket.`,
	Args:     []Arg{{Name: "SOCK", Kind: Socket}, {Name: "KEY[=VALUE]", Kind: Option, Repeat: true}},
	Examples: []Example{{
		Does:   "set one and read it",
		Code:   "open tcp -n s; option s nodelay=on; option s nodelay",
		Output: "on\n",
	}},
	New: func(f *pflag.FlagSet) Run {
		json := f.Bool("json", false, "one JSON object")
		return func(ctx context.Context, c *Call) error {
			args, err := c.args(1, -1)
			if err != nil {
				return err
			}
			s, err := c.Session.socket("option", args[0])
			if err != nil {
				return err
			}
			return c.option(ctx, s, args[1:], *json || c.Session.JSON)
		}
	},
}

func (c *Call) option(ctx context.Context, s *table.Socket, args []string, json bool) error {
	var set []socket.Setting
	var get []string
	inbox := int64(0)
	wanted := len(args) == 0
	for _, arg := range args {
		key, value, assign := strings.Cut(arg, "=")
		switch {
		case assign && key == "inbox":
			n, err := parseInbox(value)
			if err != nil {
				return err
			}
			inbox = n
		case assign:
			if o, ok := s.Declared(key); ok {
				value = c.absolute(o, value)
			}
			set = append(set, socket.Setting{Name: key, Value: value})
		case key == "inbox":
			wanted = true
		default:
			get = append(get, key)
		}
	}
	var values []socket.Setting
	if len(set) > 0 || len(get) > 0 || len(args) == 0 {
		var err error
		if values, err = s.Option(ctx, set, get); err != nil {
			return err
		}
	}
	if inbox > 0 {
		s.SetInbox(inbox)
	}
	if wanted {
		values = append(values, socket.Setting{Name: "inbox", Value: fmt.Sprint(s.Inbox())})
	}
	if len(values) == 0 {
		return nil
	}
	return c.printOptions(s, values, len(args) == 0, json)
}

// printOptions prints bare values to those who asked by name, else the whole list.
func (c *Call) printOptions(s *table.Socket, values []socket.Setting, list, json bool) error {
	if json {
		var o render.Object
		for _, v := range values {
			o = append(o, render.Member{Key: v.Name, Value: v.Value})
		}
		return render.JSON(c.Stdout, o)
	}
	if !list {
		for _, v := range values {
			if err := c.print("%s\n", render.Escape(nil, []byte(v.Value))); err != nil {
				return err
			}
		}
		return nil
	}
	t := render.Table{Columns: []string{"option", "value", "type", "default", "what it does"}, Style: c.style()}
	for _, v := range values {
		o, ok := s.Declared(v.Name)
		if !ok {
			o = inboxOption
		}
		t.Rows = append(t.Rows, []string{v.Name, v.Value, optionType(o), o.Default, o.Help})
	}
	return t.Write(c.Stdout)
}

var inboxOption = socket.Option{Name: "inbox", Type: socket.SizeOption, Unit: "bytes", Default: "16M", Help: "the bound of unread bytes that sosh keeps"}

func optionType(o socket.Option) string {
	if o.Unit != "" {
		return string(o.Type) + " (" + o.Unit + ")"
	}
	return string(o.Type)
}
