package main

import (
	"flag"
	"os"
	"testing"

	"github.com/sosh-shell/sosh/plugins/host"
	"github.com/sosh-shell/sosh/shell/command"
)

//go:generate go test -run TestDocsAreFresh . -update

var update = flag.Bool("update", false, "write docs/commands.md")

const commandsPage = "docs/commands.md"

func TestDocsAreFresh(t *testing.T) {
	h, err := host.New(host.Config{Bundled: bundled})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	want := command.All().With(h).Markdown(h.Descriptions())
	if *update {
		if err := os.WriteFile(commandsPage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(commandsPage)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/commands.md is stale: go generate .")
	}
}
