package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/sosh-shell/sosh/core/table"
	"github.com/sosh-shell/sosh/plugins/host"
	"github.com/sosh-shell/sosh/shell/command"
)

// TestFilesAreCompletedInFolders also where a command says that its argument is a file.
func TestFilesAreCompletedInFolders(t *testing.T) {
	h, err := host.New(host.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	tb := table.New(h)
	defer tb.Close()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "built"), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"plugin install ", "plugin check ", "plugin reload tcp --watch ", "ls "} {
		_, all := command.Complete(&command.Session{Table: tb}, line+dir+"/b")
		if len(all) != 1 || all[0].Text != dir+"/built" {
			t.Errorf("%s: %v", line, all)
		}
	}
}
