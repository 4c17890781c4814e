package command

import (
	"context"
	"errors"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/core/table"
)

var wrapCmd = &Command{
	Name:     "wrap",
	Group:    Calls,
	Synopsis: "put a layer around a live socket: tls, telnet, http, ...",
	Usage:    []string{"wrap SOCK LAYER [--with-unread] [--timeout D] [KEY=VALUE...]"},
	Help: `The socket keeps its name; from now on send and recv speak through the layer. show protocols lists the layers, help LAYER its options. Layers stack: the next wrap goes around this one. The host that the socket was opened with is what tls checks the certificate against.

Bytes that have arrived and were not consumed are refused, as they are from before the layer; --with-unread hands them to it.

A layer lives in its plugin's process: when that dies the layer is lost (status 7), and the socket beneath can be wrapped anew.`,
	Args: []Arg{{Name: "SOCK", Kind: Socket}, {Name: "LAYER", Kind: Layer}, {Name: "KEY=VALUE", Kind: LayerOption, Repeat: true}},
	Examples: []Example{{
		Does: "frames of lines on both ends of a connection",
		Code: `open tcp --listen 127.0.0.1:0 -n srv
open tcp 127.0.0.1:$(show srv local.port) -n a; accept srv -n b
wrap a lines; wrap b lines
send a one; send a two
recv b; echo; recv b; echo
show b layers`,
		Output: "one\ntwo\nlines\n",
	}},
	New: func(f *pflag.FlagSet) Run {
		unread := f.Bool("with-unread", false, "hand bytes that are unread to the layer")
		limit := limitFlag(f)
		return func(ctx context.Context, c *Call) error {
			args, err := c.args(2, -1)
			if err != nil {
				return err
			}
			s, err := c.Session.socket("wrap", args[0])
			if err != nil {
				return err
			}
			spec := table.WrapSpec{Layer: args[1], WithUnread: *unread}
			if spec.Options, err = c.layerOptions(args[1], args[2:]); err != nil {
				return err
			}
			step, cancel := c.Session.step(ctx, *limit)
			defer cancel()
			if err := s.Wrap(step, spec); err != nil {
				return withUnreadHint(err)
			}
			c.wrapped(ctx, s)
			return nil
		}
	},
}

// layerOptions reads KEY=VALUE words.
func (c *Call) layerOptions(layer string, words []string) (out []socket.Setting, err error) {
	d, ok := c.description(layer)
	for _, w := range words {
		key, value, cut := strings.Cut(w, "=")
		if !cut || key == "" {
			return nil, c.usage("%q is no KEY=VALUE", w)
		}
		if ok {
			o, known := d.Option(key)
			if !known {
				return nil, c.usage("%s has no option %q: help %s lists them", layer, key, layer)
			}
			value = c.absolute(o, value)
		}
		out = append(out, socket.Setting{Name: key, Value: value})
	}
	return out, nil
}

// absolute makes the value of an option that names a file a whole path: a plugin has
// another directory.
func (c *Call) absolute(o socket.Option, value string) string {
	if o.Type != socket.PathOption || value == "" || filepath.IsAbs(value) {
		return value
	}
	return filepath.Join(c.Dir, value)
}

// wrapped tells of a new layer, and what it warns of even in a script.
func (c *Call) wrapped(ctx context.Context, s *table.Socket) {
	layers := s.Layers()
	if len(layers) == 0 {
		return // closed or taken off meanwhile
	}
	layer := layers[len(layers)-1].Name
	var told []string
	for _, f := range s.PluginFacts(ctx, layer) {
		switch name := strings.TrimPrefix(f.Name, layer+"."); {
		case name == "warning" && f.Value != "":
			c.warn("wrap %s %s: %s", s.Name(), layer, f.Value)
		case f.Value != "" && name != "sent" && name != "received" && name != "warning" && len(told) < 4:
			told = append(told, name+" "+f.Value)
		}
	}
	text := s.Name() + ": " + string(s.Kind()) + " through " + layer
	if len(told) > 0 {
		text += " (" + strings.Join(told, ", ") + ")"
	}
	c.notice("%s", text)
}

// withUnreadHint shows what is unread, and what can be done with it.
func withUnreadHint(err error) error {
	var u *table.Unread
	if !errors.As(err, &u) {
		return err
	}
	return &socket.Error{Op: u.Op, Place: u.Place, Err: errors.New(plural(len(u.Bytes), "byte") + " " + isAre(len(u.Bytes)) + " unread: " + preview(u.Bytes)),
		Hint: "receive them first, or hand them to the layer with --with-unread"}
}

var unwrapCmd = &Command{
	Name:     "unwrap",
	Group:    Calls,
	Synopsis: "take the last layer off a live socket",
	Usage:    []string{"unwrap SOCK [--timeout D]"},
	Help:     `The layer ends in its own way (tls says so to its peer and waits for its word). What it had read from beneath and was not its own is unread again, so nothing is lost.`,
	Args:     []Arg{{Name: "SOCK", Kind: Socket}},
	Examples: []Example{{
		Does: "frames for a while, then bytes again",
		Code: `open tcp --listen 127.0.0.1:0 -n srv
open tcp 127.0.0.1:$(show srv local.port) -n a; accept srv -n b
wrap b lines
send a 'a line\n'; recv b; echo
unwrap b
send a bytes; recv b; echo`,
		Output: "a line\nbytes\n",
	}},
	New: func(f *pflag.FlagSet) Run {
		limit := limitFlag(f)
		return func(ctx context.Context, c *Call) error {
			args, err := c.args(1, 1)
			if err != nil {
				return err
			}
			s, err := c.Session.socket("unwrap", args[0])
			if err != nil {
				return err
			}
			step, cancel := c.Session.step(ctx, *limit)
			defer cancel()
			return s.Unwrap(step)
		}
	},
}
