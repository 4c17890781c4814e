package main

import (
	"encoding/json"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/sosh-shell/sosh"

// allowed says which packages of ours a package may import, by prefix; the
// first rule that fits a package rules it.
var allowed = []struct {
	pkg     string
	imports []string
}{
	{"core/socket", nil},
	{"core/", []string{"core/"}},
	{"shell/", []string{"core/", "shell/"}},
	{"plugins/internal/", []string{"core/socket", "plugins/internal/"}},
	{"plugins/sdk/plugintest", []string{"plugins/sdk", "plugins/host", "plugins/internal/", "core/"}},
	{"plugins/sdk", []string{"core/socket", "plugins/internal/"}},
	{"plugins/host", []string{"core/", "plugins/internal/"}},
	{"plugins/", []string{"plugins/sdk"}},
}

// TestImportsGoOneWay keeps the house's law.
func TestImportsGoOneWay(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,Standard,DepOnly", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(strings.NewReader(string(out)))
	seen := 0
	for {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		seen++
		if name == module {
			continue // main may import anything
		}
		ruled := false
		for _, rule := range allowed {
			if !strings.HasPrefix(name+"/", rule.pkg) && name != rule.pkg {
				continue
			}
			ruled = true
			for _, imp := range p.Imports {
				ours, ok := strings.CutPrefix(imp, module+"/")
				if ok && !permitted(ours, rule.imports) {
					t.Errorf("%s imports %s", name, ours)
				}
				if name == "core/socket" && strings.Contains(imp, ".") {
					t.Errorf("%s imports %s: the standard library only", name, imp)
				}
			}
			break
		}
		if !ruled {
			t.Errorf("no rule says what %s may import", name)
		}
	}
	if seen < 10 {
		t.Errorf("only %d packages were listed", seen)
	}
}

func permitted(imp string, rules []string) bool {
	for _, r := range rules {
		if imp == r || strings.HasPrefix(imp, strings.TrimSuffix(r, "/")+"/") {
			return true
		}
	}
	return false
}
