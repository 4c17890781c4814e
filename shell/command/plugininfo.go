package command

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/pflag"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/shell/render"
)

var pluginList = &Command{
	Name:     "plugin list",
	Group:    Shell,
	Synopsis: "list the plugins",
	Usage:    []string{"plugin list [--json]"},
	Help:     `Those that came with sosh are bundled; of the others the file is told. show plugins tells what runs.`,
	New: func(f *pflag.FlagSet) Run {
		json := f.Bool("json", false, "one JSON object a line")
		return func(ctx context.Context, c *Call) error {
			if _, err := c.args(0, 0); err != nil {
				return err
			}
			c.Session.refresh()
			states := map[string]socket.Plugin{}
			for _, p := range c.Session.Table.Providers().Plugins() {
				states[p.Name] = p
			}
			var rows []render.Object
			for _, d := range c.Session.Table.Providers().Descriptions() {
				rows = append(rows, summary(d, states[d.Name]))
			}
			err := printer{c: c, ctx: ctx, json: *json || c.Session.JSON}.rows([]string{"name", "version", "is", "path"}, rows)
			if r, ok := c.Session.Table.Providers().(socket.Recorder); ok && err == nil {
				err = r.Unreadable()
			}
			if e := (*socket.Error)(nil); errors.As(err, &e) { // no plugin has failed: the list has, as it is short of what was installed
				return &socket.Error{Op: c.command.Name, Place: e.Place, Err: errors.New(e.Err.Error()), Hint: e.Hint}
			}
			return err
		}
	},
}

// summary is what a list tells of a plugin.
func summary(d socket.Description, p socket.Plugin) render.Object {
	is := string(d.Kind)
	if d.Layer {
		is = "layer"
	}
	o := render.Object{
		{Key: "name", Value: d.Name}, {Key: "version", Value: d.Version}, {Key: "is", Value: is},
		{Key: "path", Value: p.Path}, {Key: "synopsis", Value: d.Synopsis},
	}
	if p.SHA256 != "" {
		o = append(o, render.Member{Key: "sha256", Value: p.SHA256})
	}
	return o
}

var pluginInfo = &Command{
	Name:     "plugin info",
	Group:    Shell,
	Synopsis: "tell all facts of a plugin",
	Usage:    []string{"plugin info NAME [--json]"},
	Help:     `What it declares, which file it is and with which digest, and what runs of it here: processes counts them (an earlier build lives until nothing of it is in use), holds the layers and sockets that live in them. help NAME tells how it is used.`,
	Args:     []Arg{{Name: "NAME", Kind: Plugin}},
	New: func(f *pflag.FlagSet) Run {
		json := f.Bool("json", false, "one JSON object")
		return func(ctx context.Context, c *Call) error {
			args, err := c.args(1, 1)
			if err != nil {
				return err
			}
			p, err := c.plugin(args[0])
			if err != nil {
				return err
			}
			d, _ := c.description(p.Name)
			facts := pluginFacts(d, p)
			if *json || c.Session.JSON {
				return render.JSON(c.Stdout, facts)
			}
			t := render.Table{Style: c.style(), Width: terminalWidth}
			for _, m := range facts {
				text := facts.Text(m.Key)
				if list, ok := m.Value.([]string); ok {
					text = strings.Join(list, ", ")
				}
				if text != "" || !c.Terminal {
					t.Rows = append(t.Rows, []string{m.Key, text})
				}
			}
			return t.Write(c.Stdout)
		}
	},
}

func pluginFacts(d socket.Description, p socket.Plugin) render.Object {
	calls := []string{"open"}
	if d.Layer {
		calls = nil
	}
	for _, x := range d.Calls {
		calls = append(calls, string(x))
	}
	names := func(text string) []string {
		if text == "" {
			return []string{}
		}
		return strings.Split(text, ", ")
	}
	o := render.Object{
		{Key: "name", Value: d.Name}, {Key: "synopsis", Value: d.Synopsis}, {Key: "version", Value: d.Version},
		{Key: "layer", Value: d.Layer}, {Key: "kind", Value: string(d.Kind)},
	}
	if !d.Layer {
		o = append(o, render.Member{Key: "address", Value: string(d.Address)})
	}
	o = append(o, render.Object{
		{Key: "calls", Value: calls},
		{Key: "options", Value: names(list(d.Options, func(x socket.Option) string { return x.Name }))},
		{Key: "facts", Value: names(list(d.Facts, func(x socket.Fact) string { return x.Name }))},
		{Key: "fields", Value: names(list(d.Fields, func(x socket.Field) string { return x.Name }))},
		{Key: "commands", Value: names(list(d.Commands, func(x socket.Command) string { return x.Name }))},
		{Key: "capabilities", Value: append([]string{}, d.Capabilities...)},
		{Key: "path", Value: p.Path},
	}...)
	if p.SHA256 != "" {
		o = append(o, render.Member{Key: "sha256", Value: p.SHA256})
	}
	o = append(o, render.Member{Key: "state", Value: p.State})
	if p.PID != 0 {
		o = append(o, render.Member{Key: "pid", Value: p.PID})
	}
	return append(o, render.Object{
		{Key: "starts", Value: p.Starts}, {Key: "processes", Value: p.Processes}, {Key: "holds", Value: p.Holds},
	}...)
}
