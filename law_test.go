package main

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
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
	{"plugins/sdk/conform", []string{"plugins/sdk", "plugins/host", "core/"}},
	{"plugins/sdk/plugintest", []string{"plugins/sdk", "plugins/host", "plugins/internal/", "core/"}},
	{"plugins/sdk", []string{"core/socket", "plugins/internal/"}},
	{"plugins/host", []string{"core/", "plugins/internal/"}},
	{"plugins/unruly", []string{"core/socket", "plugins/sdk", "plugins/internal/"}}, // it breaks the wire, so it must speak it
	{"plugins/scaffold", []string{"plugins/examples/node"}},
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

// TestNothingBranchesOnAProtocolsName: what core and shell know of a protocol they know
// from its description. Examples, help and core/inspect, which knows the kernel, may
// name one; a decision may not.
func TestNothingBranchesOnAProtocolsName(t *testing.T) {
	files := 0
	for _, root := range []string{"core", "shell"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") ||
				strings.HasPrefix(path, filepath.Join("core", "inspect")) {
				return err
			}
			files++
			set := token.NewFileSet()
			f, err := parser.ParseFile(set, path, nil, 0)
			if err != nil {
				return err
			}
			for _, lit := range decisions(f) {
				t.Errorf("%s decides by %s", set.Position(lit.Pos()), lit.Value)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files < 30 {
		t.Errorf("only %d files were looked at", files)
	}
}

// decisions are the protocols' names that a file compares something with: in ==, in a
// case, as the key of a map, or as an argument of what compares strings.
func decisions(f *ast.File) (found []*ast.BasicLit) {
	look := func(list ...ast.Expr) {
		for _, e := range list {
			lit, ok := e.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				continue
			}
			text, err := strconv.Unquote(lit.Value)
			if _, is := bundled[strings.TrimSuffix(text, ".")]; err == nil && is {
				found = append(found, lit)
			}
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BinaryExpr:
			look(n.X, n.Y)
		case *ast.CaseClause:
			look(n.List...)
		case *ast.CompositeLit:
			if _, ok := n.Type.(*ast.MapType); ok {
				for _, e := range n.Elts {
					if kv, ok := e.(*ast.KeyValueExpr); ok {
						look(kv.Key)
					}
				}
			}
		case *ast.IndexExpr:
			look(n.Index)
		case *ast.CallExpr:
			if sel, ok := n.Fun.(*ast.SelectorExpr); ok {
				if pkg, ok := sel.X.(*ast.Ident); ok && (pkg.Name == "strings" || pkg.Name == "slices") {
					look(n.Args...)
				}
			}
		}
		return true
	})
	return found
}

// TestDecisionsAreFound: the law above can be broken.
func TestDecisionsAreFound(t *testing.T) {
	for _, code := range []string{`if p == "tcp" {}`, `switch p { case "udp": }`, `_ = map[string]int{"tcp": 1}`,
		`_ = strings.HasPrefix(p, "tcp.")`, `_ = m["unix"]`} {
		f, err := parser.ParseFile(token.NewFileSet(), "", "package x; func f() { "+code+" }", 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(decisions(f)) != 1 {
			t.Errorf("not found: %s", code)
		}
	}
}

// TestExamplesAreShort: a protocol of one's own is a matter of minutes.
func TestExamplesAreShort(t *testing.T) {
	for name, most := range map[string]int{"echo": 40, "tlsdial": 60} {
		b, err := os.ReadFile(filepath.Join("plugins", "examples", name, "main.go"))
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(b), "\n"); n > most {
			t.Errorf("%s has %d lines: %d are the most", name, n, most)
		}
	}
}
