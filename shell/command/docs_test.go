package command

import (
	"strings"
	"testing"
)

func TestEveryArgumentStandsInTheUsage(t *testing.T) {
	for _, c := range All().Commands() {
		for _, a := range c.Args {
			if a.Name != "WHAT" && !strings.Contains(strings.Join(c.Usage, "\n"), a.Name) {
				t.Errorf("%s: %s", c.Name, a.Name)
			}
		}
	}
}

func TestHalfDeclaredCommandsAreRefused(t *testing.T) {
	whole := All().Commands()[0]
	for name, spoil := range map[string]func(*Command){
		"name": func(c *Command) { c.Name = "" }, "synopsis": func(c *Command) { c.Synopsis = "" },
		"usage": func(c *Command) { c.Usage = []string{"other"} }, "run": func(c *Command) { c.New = nil },
		"example": func(c *Command) { c.Examples = nil }, "group": func(c *Command) { c.Group = "" },
	} {
		c := &Command{Name: whole.Name, Group: whole.Group, Synopsis: whole.Synopsis, Usage: whole.Usage, Examples: whole.Examples, New: whole.New}
		spoil(c)
		if c.check() == nil {
			t.Errorf("a command without its %s was taken", name)
		}
	}
}
