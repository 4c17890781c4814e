package command

import (
	"fmt"
	"strings"
)

// Markdown is docs/commands.md: every command's page, from its literal.
func (s *Set) Markdown() string {
	var b strings.Builder
	b.WriteString("# Commands\n\n<!-- Generated from shell/command: go generate ./shell/command -->\n")
	for _, g := range groups {
		fmt.Fprintf(&b, "\n## %s\n", capital(string(g)))
		for _, c := range s.Commands() {
			if c.Group == g {
				c.markdown(&b)
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
	fmt.Fprintf(b, "\n### %s\n\n%s.\n\n```\n%s\n```\n", c.Name, capital(c.Synopsis), strings.Join(c.Usage, "\n"))
	if c.Help != "" {
		b.WriteString("\n" + c.Help + "\n")
	}
	if f, _ := c.flags(); f.HasFlags() {
		fmt.Fprintf(b, "\n```\n%s```\n", f.FlagUsages())
	}
	for _, e := range c.Examples {
		fmt.Fprintf(b, "\n%s:\n\n```sh\n%s\n```\n\nprints\n\n```\n%s```\n", capital(e.Does), e.Code, e.Output)
	}
}

func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
