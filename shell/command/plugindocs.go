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

var pluginDocs = &Command{
	Name:     "plugin docs",
	Group:    Shell,
	Synopsis: "print a plugin's pages, from what it declares",
	Usage:    []string{"plugin docs NAME [--man]"},
	Help:     `What help tells of a protocol, and the pages of the commands that it adds. --man prints a man page in roff: plugin docs tcp --man > sosh-tcp.7, then man ./sosh-tcp.7.`,
	Args:     []Arg{{Name: "NAME", Kind: Plugin}},
	Examples: []Example{{
		Does:   "the man page of a protocol",
		Code:   "plugin docs tcp --man | head -n 1",
		Output: ".TH SOSH-TCP 7 \"\" \"tcp 1\" \"sosh plugins\"\n",
	}},
	New: func(f *pflag.FlagSet) Run {
		man := f.Bool("man", false, "a man page, in roff")
		return func(_ context.Context, c *Call) error {
			args, err := c.args(1, 1)
			if err != nil {
				return err
			}
			if _, err := c.plugin(args[0]); err != nil {
				return err
			}
			d, _ := c.description(args[0])
			if *man {
				_, err := io.WriteString(c.Stdout, manPage(d))
				return err
			}
			if err := c.protocol(d); err != nil {
				return err
			}
			for _, decl := range d.Commands {
				if err := c.print("\n"); err != nil {
					return err
				}
				if err := writeHelp(c.Stdout, added(c.Session.Table.Providers(), d.Name, decl), c.style()); err != nil {
					return err
				}
			}
			return nil
		}
	},
}

// roff is a man page in the making: man(7).
type roff struct{ strings.Builder }

// text writes running text, escaped; no line of it can be a request.
func (r *roff) text(s string) {
	for line := range strings.SplitSeq(s, "\n") {
		r.WriteString(roffText(line) + "\n")
	}
}

// request writes a request with its arguments.
func (r *roff) request(name string, args ...string) {
	r.WriteString("." + name)
	for _, a := range args {
		r.WriteString(` "` + strings.ReplaceAll(roffEscape(a), `"`, `\(dq`) + `"`)
	}
	r.WriteByte('\n')
}

// tagged writes entries of a name and what it means.
func (r *roff) tagged(name, text string) {
	r.WriteString(".TP\n")
	r.request("B", name)
	r.text(text)
}

// code writes lines as they are.
func (r *roff) code(s string) {
	r.WriteString(".PP\n.nf\n.RS 4\n")
	r.text(s)
	r.WriteString(".RE\n.fi\n")
}

// roffText is a line of text: one that begins like a request does not.
func roffText(line string) string {
	line = roffEscape(line)
	if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
		line = `\&` + line
	}
	return line
}

// roffEscape makes roff print what s says. What has no place on a page, a control
// character say, is told in words as at a terminal.
func roffEscape(s string) string {
	var b strings.Builder
	for _, c := range render.Line(s) {
		switch {
		case c == '\\':
			b.WriteString(`\(rs`)
		case c == '-':
			b.WriteString(`\-`)
		case c == '\'':
			b.WriteString(`\(aq`)
		case c == '`':
			b.WriteString(`\(ga`)
		case c == '^':
			b.WriteString(`\(ha`)
		case c == '~':
			b.WriteString(`\(ti`)
		case c > 0x7e:
			fmt.Fprintf(&b, `\[u%04X]`, c)
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

// manPage is a plugin's, from its description.
func manPage(d socket.Description) string {
	var r roff
	r.request("TH", "SOSH-"+strings.ToUpper(d.Name), "7", "", named(d), "sosh plugins")
	r.request("SH", "NAME")
	r.text("sosh-" + d.Name + " - " + d.Synopsis)
	r.request("SH", "SYNOPSIS")
	if d.Layer {
		r.request("B", "wrap SOCK "+d.Name+optionForm(d))
	} else {
		r.request("B", "open "+d.Name+" ["+strings.ToUpper(string(d.Address))+"] [-n NAME]"+optionForm(d))
	}
	for _, x := range d.Commands {
		for _, u := range x.Usage {
			r.WriteString(".br\n")
			r.request("B", u)
		}
	}
	r.request("SH", "DESCRIPTION")
	switch {
	case d.Layer && d.Kind.Messages():
		r.text("A layer of sosh: it is put around a live socket, which then gives messages.")
	case d.Layer:
		r.text("A layer of sosh: it is put around a live socket.")
	default:
		r.text("A " + string(d.Kind) + " protocol of sosh. Its addresses are of the form " + string(d.Address) + ".")
	}
	if len(d.Capabilities) > 0 {
		r.WriteString(".PP\n")
		r.text("Its process keeps " + strings.Join(d.Capabilities, ", ") + " where it has it.")
	}
	r.section("OPTIONS", len(d.Options), func(i int) (string, string) {
		o := d.Options[i]
		return o.Name + "=" + strings.ToUpper(string(o.Type)), o.Help + aside(o.Unit, byDefault(o.Default))
	})
	r.section("FIELDS", len(d.Fields), func(i int) (string, string) {
		x := d.Fields[i]
		arrives := ""
		if x.Decoded {
			arrives = "of what arrives"
		}
		text := x.Help + aside(string(x.Type), byDefault(x.Default), arrives)
		if len(x.Names) > 0 {
			text += ": " + fieldNames(x)
		}
		return x.Name, text
	})
	r.section("FACTS", len(d.Facts), func(i int) (string, string) {
		return d.Name + "." + d.Facts[i].Name, d.Facts[i].Help
	})
	if len(d.Commands) > 0 {
		r.request("SH", "COMMANDS")
	}
	for _, x := range d.Commands {
		r.command(x)
	}
	r.request("SH", "SEE ALSO")
	r.text("sosh(1)")
	return r.String()
}

func optionForm(d socket.Description) string {
	if len(d.Options) == 0 {
		return ""
	}
	return " [KEY=VALUE...]"
}

func byDefault(value string) string {
	if value == "" {
		return ""
	}
	return value + " by default"
}

// aside is what there is to say in parentheses, "" for nothing.
func aside(parts ...string) string {
	parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" })
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// section writes a heading and its entries, if there are any.
func (r *roff) section(title string, n int, entry func(int) (name, text string)) {
	if n > 0 {
		r.request("SH", title)
	}
	for i := range n {
		r.tagged(entry(i))
	}
}

// command writes the page of a command that a plugin adds.
func (r *roff) command(x socket.Command) {
	r.request("SS", x.Name)
	r.text(capital(x.Synopsis) + ".")
	for para := range strings.SplitSeq(x.Help, "\n\n") {
		if para = strings.TrimSpace(para); para != "" {
			r.WriteString(".PP\n")
			r.text(para)
		}
	}
	for _, f := range x.Flags {
		name := "--" + f.Name
		if f.Short != "" {
			name = "-" + f.Short + ", " + name
		}
		if f.Type != socket.BoolOption {
			name += " " + strings.ToUpper(string(f.Type))
		}
		r.tagged(name, f.Help)
	}
	for _, e := range x.Examples {
		r.WriteString(".PP\n")
		r.text(capital(e.Does) + ":")
		r.code(e.Code)
	}
}
