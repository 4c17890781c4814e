package main

import (
	"flag"
	"testing"

	"github.com/sosh-shell/sosh/plugins/host"
	"github.com/sosh-shell/sosh/shell/command"
)

//go:generate go test -run "TestDocsAreFresh|TestReferenceIsFresh" . -update

var update = flag.Bool("update", false, "write the generated pages of docs")

const commandsPage = "docs/commands.md"

func TestDocsAreFresh(t *testing.T) {
	h, err := host.New(host.Config{Bundled: bundled})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	fresh(t, commandsPage, command.All().With(h).Markdown(h.Descriptions()))
}
