package command

import (
	"fmt"
	"strings"

	"github.com/sosh-shell/sosh/core/socket"
)

// Markdown is docs/commands.md: every command's page, from its literal, and every
// protocol's and layer's, from its description.
func (s *Set) Markdown(protocols []socket.Description) string {
	var b strings.Builder
	b.WriteString("# Commands\n\n<!-- Generated from the commands and the plugins' descriptions: go generate . -->\n")
	for _, g := range groups {
		fmt.Fprintf(&b, "\n## %s\n", capital(string(g)))
		for _, c := range s.Commands() {
			if c.Group == g {
				c.markdown(&b)
			}
		}
	}
	for _, layers := range []bool{false, true} {
		b.WriteString(map[bool]string{false: "\n## Protocols\n", true: "\n## Layers\n"}[layers])
		for _, d := range protocols {
			if d.Layer == layers {
				describe(&b, d)
			}
		}
	}
	b.WriteString("\n## Notions\n")
	for _, n := range notions {
		fmt.Fprintf(&b, "\n### %s\n\n%s.\n\n%s\n", n.name, capital(n.synopsis), n.text)
	}
	return b.String()
}

func (c *Command) markdown(b *strings.Builder) {
	heading := "###"
	if strings.Contains(c.Name, " ") {
		heading += "#"
	}
	fmt.Fprintf(b, "\n%s %s\n\n%s.\n\n```\n%s\n```\n", heading, c.Name, capital(c.Synopsis), strings.Join(c.usages(), "\n"))
	if c.Help != "" {
		b.WriteString("\n" + c.Help + "\n")
	}
	if f, _ := c.flags(); f.HasFlags() {
		fmt.Fprintf(b, "\n```\n%s```\n", f.FlagUsages())
	}
	for _, e := range c.Examples {
		fmt.Fprintf(b, "\n%s:\n\n```sh\n%s\n```\n", capital(e.Does), e.Code)
		if e.Output != "" {
			fmt.Fprintf(b, "\nprints\n\n```\n%s```\n", e.Output)
		}
	}
	for _, sub := range c.Subs {
		sub.markdown(b)
	}
}

// describe writes a protocol's page.
func describe(b *strings.Builder, d socket.Description) {
	fmt.Fprintf(b, "\n### %s\n\n%s.", d.Name, capital(d.Synopsis))
	if !d.Layer {
		fmt.Fprintf(b, " A %s protocol; its addresses are `%s`.", d.Kind, d.Address)
	} else if d.Kind.Messages() {
		b.WriteString(" The socket then gives messages.")
	}
	if d.Held {
		b.WriteString(" Its sockets live in the plugin's process and die with it.")
	}
	b.WriteString("\n")
	var rows [][]string
	for _, o := range d.Options {
		rows = append(rows, []string{o.Name, optionType(o), o.Default, o.Help})
	}
	rows = section(b, rows, "option", "type", "default", "what it does")
	for _, f := range d.Fields {
		help := f.Help
		if f.Decoded {
			help += " (of what arrives)"
		}
		if len(f.Names) > 0 {
			help += ": " + fieldNames(f)
		}
		rows = append(rows, []string{f.Name, string(f.Type), f.Default, help})
	}
	rows = section(b, rows, "field", "type", "default", "what it is")
	for _, f := range d.Facts {
		rows = append(rows, []string{d.Name + "." + f.Name, f.Help})
	}
	section(b, rows, "fact", "what `show` tells")
}

// section writes a table, if there is anything in it, and returns an empty one.
func section(b *strings.Builder, rows [][]string, columns ...string) [][]string {
	if len(rows) == 0 {
		return nil
	}
	line := func(cells []string) {
		for _, c := range cells {
			b.WriteString("| " + strings.ReplaceAll(c, "|", `\|`) + " ")
		}
		b.WriteString("|\n")
	}
	b.WriteString("\n")
	line(columns)
	b.WriteString(strings.Repeat("|---", len(columns)) + "|\n")
	for _, r := range rows {
		line(r)
	}
	return nil
}

func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
