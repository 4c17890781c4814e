package command

import (
	"cmp"
	"context"
	"os"
	"os/user"
	"slices"
	"strconv"

	"github.com/spf13/pflag"

	"github.com/sosh-shell/sosh/core/table"
	"github.com/sosh-shell/sosh/shell/render"
)

var show = &Command{
	Name:     "show",
	Group:    Facts,
	Synopsis: "show sockets, ports, protocols and plugins",
	Usage:    []string{"show [sockets|ports [PORT]|protocols|plugins] [--json]", "show SOCK [FIELD...] [--json]"},
	Help: `Without more it shows the table of live sockets. show SOCK shows all that is known of one; show SOCK FIELD prints the bare value, for scripts. show ports lists the ports that sockets of this sosh have.

The state is the kernel's own word: help states tells what they mean.`,
	Args: []Arg{{Name: "WHAT", Kind: Socket, Words: showWords}, {Name: "FIELD", Kind: Field, Repeat: true}},
	Examples: []Example{{
		Does: "the table, and one fact",
		Code: `open tcp --listen 127.0.0.1:0 -n srv
show
show srv kind`,
		Output: "NAME  PROTO  STATE   LOCAL            REMOTE  FD  SENT  RECEIVED  AGE\nsrv   tcp    LISTEN  127.0.0.1:...  -  ...\nstream\n",
	}, {
		Does:   "for programs",
		Code:   "open tcp -n s; show s state fd --json",
		Output: `{"state":"CLOSED","fd":...}` + "\n",
	}},
	New: func(f *pflag.FlagSet) Run {
		json := f.Bool("json", false, "one JSON object a line")
		return func(ctx context.Context, c *Call) error {
			p := printer{c: c, ctx: ctx, json: *json || c.Session.JSON}
			if len(c.Args) == 0 {
				return p.sockets()
			}
			what, rest := c.Args[0], c.Args[1:]
			if slices.Contains(showWords, what) && what != "ports" && len(rest) > 0 {
				return c.usage("%q is one argument too many", rest[0])
			}
			switch what {
			case "sockets":
				return p.sockets()
			case "ports":
				return p.ports(rest)
			case "protocols":
				return p.protocols()
			case "plugins":
				return p.plugins()
			}
			s, err := c.Session.socket("show", what)
			if err != nil {
				return err
			}
			if len(rest) > 0 {
				if len(rest) == 1 && c.Captured && !*json {
					p.json = false // $(show s local.port) is for the script itself
				}
				return p.fields(s, rest)
			}
			return p.socket(s)
		}
	},
}

var showWords = []string{"sockets", "ports", "protocols", "plugins"}

// printer prints facts in one of the three ways: for people, bare, JSON.
type printer struct {
	c    *Call
	ctx  context.Context
	json bool
}

// rows prints objects as a table with these columns, or as JSON with all members.
func (p printer) rows(columns []string, objects []render.Object) error {
	if p.json {
		return render.JSON(p.c.Stdout, objects...)
	}
	if len(objects) == 0 && p.c.Terminal {
		return nil
	}
	t := render.Table{Columns: columns, Style: p.c.style()}
	for _, o := range objects {
		row := make([]string, len(columns))
		for i, name := range columns {
			row[i] = o.Text(name)
		}
		t.Rows = append(t.Rows, row)
	}
	return t.Write(p.c.Stdout)
}

var socketColumns = []string{"name", "proto", "state", "local", "remote", "fd", "sent", "received", "age"}

func (p printer) sockets() error {
	var rows []render.Object
	for _, s := range p.c.Session.Table.Sockets() {
		f := take(s)
		if f.fd < 0 {
			continue // closed meanwhile
		}
		var o render.Object
		for _, d := range fields {
			if d.port && !f.hasPorts() || !p.json && !slices.Contains(socketColumns, d.name) {
				continue
			}
			if v := d.value(f); v != nil {
				o = append(o, render.Member{Key: d.name, Value: v})
			}
		}
		rows = append(rows, o)
	}
	if len(rows) == 0 {
		p.c.notice("no socket is open: open PROTO ADDR opens one")
	}
	return p.rows(socketColumns, rows)
}

func (p printer) socket(s *table.Socket) error {
	f := take(s)
	all := f.all(p.ctx)
	if p.json {
		return render.JSON(p.c.Stdout, all)
	}
	t := render.Table{Style: p.c.style()}
	for _, m := range all {
		t.Rows = append(t.Rows, []string{m.Key, all.Text(m.Key)})
	}
	if err := t.Write(p.c.Stdout); err != nil || !p.c.Terminal || len(f.s.Layers()) == 0 {
		return err
	}
	return p.c.print("%s", stack(f, all))
}

// fields prints bare values, a line each; a fact that the socket does not have
// (no peer yet) is an empty line, so that the lines stay in place.
func (p printer) fields(s *table.Socket, names []string) error {
	f := take(s)
	var o render.Object
	for _, name := range names {
		v, err := f.get(p.ctx, name)
		if err != nil {
			return err
		}
		o = append(o, render.Member{Key: name, Value: v})
	}
	if p.json {
		return render.JSON(p.c.Stdout, o)
	}
	for _, m := range o {
		if err := p.c.print("%s\n", render.Escape(nil, []byte(o.Text(m.Key)))); err != nil {
			return err
		}
	}
	return nil
}

var portColumns = []string{"proto", "port", "address", "state", "socket", "pid", "process", "user"}

// ports lists the sockets of this process that have a local port.
func (p printer) ports(args []string) error {
	want := -1
	if len(args) > 1 {
		return p.c.usage("%q is one argument too many", args[1])
	}
	if len(args) == 1 {
		n, err := strconv.Atoi(args[0])
		if err != nil || n < 1 || n > 65535 {
			return p.c.usage("%q is no port: a number from 1 to 65535", args[0])
		}
		want = n
	}
	var list []*snapshot
	for _, s := range p.c.Session.Table.Sockets() {
		f := take(s)
		has := f.hasPorts() && f.facts.Local.Port != 0
		if has && (want < 0 || int(f.facts.Local.Port) == want) {
			list = append(list, f)
		}
	}
	slices.SortStableFunc(list, func(a, b *snapshot) int { return cmp.Compare(a.facts.Local.Port, b.facts.Local.Port) })
	var rows []render.Object
	for _, f := range list {
		o := render.Object{
			{Key: "proto", Value: f.desc.Word()},
			{Key: "port", Value: int(f.facts.Local.Port)},
			{Key: "address", Value: f.facts.Local.Host()},
			{Key: "state", Value: f.facts.State},
			{Key: "socket", Value: f.s.Name()},
		}
		if f.desc.Place == "" { // of another place only the plugin there knows
			o = append(o, render.Object{
				{Key: "pid", Value: os.Getpid()},
				{Key: "process", Value: "sosh"},
				{Key: "user", Value: userName()},
			}...)
		}
		rows = append(rows, o)
	}
	if len(rows) == 0 {
		if want >= 0 {
			p.c.notice("no socket of this sosh has port %d", want)
		} else {
			p.c.notice("no socket of this sosh has a port")
		}
	}
	return p.rows(portColumns, rows)
}

// userName is who runs this process, by number where there is no name.
func userName() string {
	u, err := user.Current()
	if err != nil {
		return strconv.Itoa(os.Getuid())
	}
	return u.Username
}

var protocolColumns = []string{"name", "kind", "address", "synopsis"}

func (p printer) protocols() error {
	var rows []render.Object
	for _, d := range p.c.Session.Table.Providers().Descriptions() {
		address := string(d.Address)
		if d.Layer {
			address = "layer"
		}
		rows = append(rows, render.Object{
			{Key: "name", Value: d.Name},
			{Key: "kind", Value: string(d.Kind)},
			{Key: "address", Value: address},
			{Key: "synopsis", Value: d.Synopsis},
		})
	}
	return p.rows(protocolColumns, rows)
}

var pluginColumns = []string{"name", "pid", "version", "state", "starts", "path"}

func (p printer) plugins() error {
	var rows []render.Object
	columns := pluginColumns
	for _, g := range p.c.Session.Table.Providers().Plugins() {
		o := render.Object{{Key: "name", Value: g.Name}}
		if g.PID != 0 {
			o = append(o, render.Member{Key: "pid", Value: g.PID})
		}
		o = append(o, render.Object{
			{Key: "version", Value: g.Version},
			{Key: "state", Value: g.State},
			{Key: "starts", Value: g.Starts},
			{Key: "path", Value: g.Path},
		}...)
		if g.Reason != "" {
			o = append(o, render.Member{Key: "reason", Value: g.Reason})
			columns = append(pluginColumns[:len(pluginColumns):len(pluginColumns)], "reason")
		}
		rows = append(rows, o)
	}
	return p.rows(columns, rows)
}
