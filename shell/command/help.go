package command

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/shell/render"
)

// help is set in init: its own literal names the set it is in.
var help = &Command{
	Name:     "help",
	Group:    Shell,
	Synopsis: "tell about commands, protocols and notions",
	Usage:    []string{"help [TOPIC]", "help COMMAND SUBCOMMAND"},
	Args:     []Arg{{Name: "TOPIC", Kind: Topic}, {Name: "SUBCOMMAND", Kind: Topic}},
	Examples: []Example{{
		Does:   "how a command is called",
		Code:   "help listen | head -n 1",
		Output: "listen: make a bound socket wait for connections\n",
	}, {
		Does:   "what a notion means",
		Code:   "help port | head -n 1",
		Output: "port: a number that identifies a process's end of a protocol\n",
	}},
}

func init() {
	help.New = func(*pflag.FlagSet) Run {
		return func(_ context.Context, c *Call) error {
			args, err := c.args(0, 2)
			if err != nil {
				return err
			}
			switch len(args) {
			case 0:
				return c.overview()
			case 2:
				cmd, ok := c.Session.Commands().Lookup(args[0])
				if ok {
					cmd, ok = cmd.Sub(args[1])
				}
				if !ok {
					return noTopic(strings.Join(args, " "))
				}
				return writeHelp(c.Stdout, cmd, c.style())
			}
			return c.topic(args[0])
		}
	}
}

// overview lists the commands and what else help knows.
func (c *Call) overview() error {
	for _, g := range groups {
		t := render.Table{Columns: []string{string(g), ""}, Style: max(c.style(), render.Plain)}
		for _, cmd := range c.Session.Commands().Commands() {
			if cmd.Group == g {
				t.Rows = append(t.Rows, []string{"  " + cmd.Name, cmd.Synopsis})
			}
		}
		if err := t.Write(c.Stdout); err != nil {
			return err
		}
	}
	var protocols, layers []string
	for _, d := range c.Session.Table.Providers().Descriptions() {
		if d.Layer {
			layers = append(layers, d.Name)
		} else {
			protocols = append(protocols, d.Name)
		}
	}
	return c.print("protocols: %s\nlayers: %s\nnotions: %s\nhelp TOPIC tells more of each\n",
		strings.Join(protocols, ", "), strings.Join(layers, ", "), strings.Join(notionNames(), ", "))
}

func (c *Call) topic(name string) error {
	if cmd, ok := c.Session.Commands().Lookup(name); ok {
		return writeHelp(c.Stdout, cmd, c.style())
	}
	if d, ok := c.description(name); ok {
		return c.protocol(d)
	}
	for _, n := range notions {
		if n.name == name {
			return c.print("%s: %s\n\n%s\n", n.name, n.synopsis, wrap(n.text, "  "))
		}
	}
	if text, ok := states[strings.ToUpper(name)]; ok {
		return c.print("%s: %s\n", strings.ToUpper(name), text)
	}
	return noTopic(name)
}

func noTopic(name string) error {
	return &socket.Error{Op: "help", Place: name, Err: socket.Faultf(socket.Usage, "there is no such topic"), Hint: "help lists them"}
}

func (c *Call) protocol(d socket.Description) error {
	what := fmt.Sprintf("a %s protocol; its addresses are %s", d.Kind, d.Address)
	if d.Layer {
		what = "a layer: wrap SOCK " + d.Name + " puts it around a live socket"
		if d.Kind.Messages() {
			what += ", which then gives messages"
		}
	}
	if d.Held {
		what += "; its sockets live in the plugin's process and die with it"
	}
	head := d.Name + ": " + render.Line(d.Synopsis)
	if c.Terminal {
		head, what = render.Broken(head, terminalWidth, "\n  "), render.Broken(what, terminalWidth-2, "\n  ")
	}
	if err := c.print("%s\n\n  %s\n", head, what); err != nil {
		return err
	}
	options := render.Table{Columns: []string{"option", "type", "default", "what it does"}}
	for _, o := range d.Options {
		options.Rows = append(options.Rows, []string{o.Name, optionType(o), o.Default, o.Help})
	}
	fields := render.Table{Columns: []string{"field", "type", "default", "what it is"}}
	for _, f := range d.Fields {
		help := f.Help
		if f.Decoded {
			help += " (of what arrives)"
		}
		fields.Rows = append(fields.Rows, []string{f.Name, string(f.Type), f.Default, help})
		if len(f.Names) > 0 {
			fields.Rows = append(fields.Rows, []string{"", "", "", fieldNames(f)})
		}
	}
	facts := render.Table{Columns: []string{"fact", "what show tells"}}
	for _, f := range d.Facts {
		facts.Rows = append(facts.Rows, []string{d.Name + "." + f.Name, f.Help})
	}
	for _, t := range []render.Table{options, fields, facts} {
		if len(t.Rows) == 0 {
			continue
		}
		t.Style, t.Width = c.style(), terminalWidth
		if err := c.print("\n"); err != nil {
			return err
		}
		if err := t.Write(c.Stdout); err != nil {
			return err
		}
	}
	return nil
}

// fieldNames lists the words for a field's numbers.
func fieldNames(f socket.Field) string {
	var b strings.Builder
	for i, n := range f.Names {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s (%d)", n.Name, n.Value)
	}
	return b.String()
}

// writeHelp prints a command's page.
func writeHelp(w io.Writer, cmd *Command, style render.Style) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n\n", cmd.Name, cmd.Synopsis)
	for _, u := range cmd.usages() {
		fmt.Fprintf(&b, "  %s\n", u)
	}
	if len(cmd.Subs) > 0 {
		b.WriteString("\n")
		t := render.Table{Style: render.Plain}
		for _, sub := range cmd.Subs {
			t.Rows = append(t.Rows, []string{"  " + sub.Name, sub.Synopsis})
		}
		t.Write(&b)
		fmt.Fprintf(&b, "\n  help %s SUBCOMMAND tells more of each.\n", cmd.Name)
	}
	if cmd.Help != "" {
		b.WriteString("\n" + wrap(cmd.Help, "  ") + "\n")
	}
	f, _ := cmd.flags()
	if f.HasFlags() {
		columns := 0
		if style != render.Bare {
			columns = terminalWidth
		}
		b.WriteString("\n" + f.FlagUsagesWrapped(columns))
	}
	for _, e := range cmd.Examples {
		fmt.Fprintf(&b, "\n  %s:\n", e.Does)
		for line := range strings.SplitSeq(e.Code, "\n") {
			b.WriteString("    " + line + "\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// wrap breaks paragraphs at 78 columns.
func wrap(text, indent string) string {
	var out []string
	for para := range strings.SplitSeq(text, "\n\n") {
		line := indent
		var lines []string
		for word := range strings.FieldsSeq(para) {
			if len(line)+1+len(word) > 78 && line != indent {
				lines = append(lines, line)
				line = indent
			}
			if line != indent {
				line += " "
			}
			line += word
		}
		out = append(out, strings.Join(append(lines, line), "\n"))
	}
	return strings.Join(out, "\n\n")
}

func notionNames() []string {
	var names []string
	for _, n := range notions {
		names = append(names, n.name)
	}
	slices.Sort(names)
	return names
}
