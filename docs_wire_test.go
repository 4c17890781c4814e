package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/sosh-shell/sosh/core/socket"
)

// TestWirePageHasTheWholeContract: each message and the service stand in the page as
// they are in the .proto, comments apart, and each field is named in its prose.
func TestWirePageHasTheWholeContract(t *testing.T) {
	b, err := os.ReadFile("docs/wire.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, said := range []string{"This is version %d of the contract.", "1|%d|unix|", "\n| %d | "} {
		if want := fmt.Sprintf(said, socket.ContractVersion); !strings.Contains(string(b), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	var blocks, prose strings.Builder
	for i, part := range strings.Split(string(b), "```") {
		if code, ok := strings.CutPrefix(part, "proto\n"); i%2 == 1 && ok {
			blocks.WriteString(code + "\n")
		} else {
			prose.WriteString(part)
		}
	}
	b, err = os.ReadFile("plugins/internal/wire/sosh.proto")
	if err != nil {
		t.Fatal(err)
	}
	source := regexp.MustCompile(`(?m) *//.*$`).ReplaceAllString(string(b), "")
	source = regexp.MustCompile(`(?m) += `).ReplaceAllString(source, " = ")
	source = regexp.MustCompile(`(?m)^\n+`).ReplaceAllString(source, "")
	declared := regexp.MustCompile(`(?ms)^(?:message|service) (\w+) \{.*?^?\}$`).FindAllStringSubmatch(source, -1)
	if len(declared) < 40 {
		t.Fatalf("only %d messages were found", len(declared))
	}
	field := regexp.MustCompile(`(?m)(\w+) = \d+;`)
	for _, d := range declared {
		if !strings.Contains(blocks.String(), d[0]+"\n") {
			t.Errorf("%s is missing, or stands otherwise:\n%s", d[1], d[0])
		}
		for _, f := range field.FindAllStringSubmatch(d[0], -1) {
			if !strings.Contains(prose.String(), "`"+f[1]+"`") && !strings.Contains(prose.String(), f[1]+"}") {
				t.Errorf("nothing is said of %s.%s", d[1], f[1])
			}
		}
	}
	if n := len(regexp.MustCompile(`(?m)^message `).FindAllString(blocks.String(), -1)); n != len(declared)-1 {
		t.Errorf("the page has %d messages, the contract %d", n, len(declared)-1)
	}
}
