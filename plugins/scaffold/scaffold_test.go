package scaffold

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"go/format"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sosh-shell/sosh/plugins/examples/node"
)

func sosh(t *testing.T) Module {
	t.Helper()
	m := Module{Path: "github.com/sosh-shell/sosh", Version: "v0.0.1"}
	var err error
	if m.Mod, err = os.ReadFile("../../go.mod"); err != nil {
		t.Fatal(err)
	}
	if m.Sums, err = os.ReadFile("../../go.sum"); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestEveryKindIsAFolderOfFormattedGo(t *testing.T) {
	for _, kind := range Kinds() {
		if kind == Node {
			continue
		}
		dir := filepath.Join(t.TempDir(), "mine")
		names, err := New(Plugin{Name: "mine", Kind: kind, Dir: dir}, sosh(t))
		if err != nil {
			t.Fatal(err)
		}
		if want := []string{"README.md", "go.mod", "go.sum", "main.go", "main_test.go"}; !slices.Equal(names, want) {
			t.Errorf("%s: %v", kind, names)
		}
		for _, name := range names {
			text, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(text), "<%") {
				t.Errorf("%s/%s: a template is left", kind, name)
			}
			if !strings.HasSuffix(name, ".go") {
				continue
			}
			if pretty, err := format.Source(text); err != nil || string(pretty) != string(text) {
				t.Errorf("%s/%s: gofmt would change it: %v", kind, name, err)
			}
		}
	}
}

func TestNodeFolderBearsItsName(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mine")
	names, err := New(Plugin{Name: "mine", Kind: Node, Dir: dir}, sosh(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || strings.Contains(string(text), node.Name) {
			t.Errorf("%s: %v, or %s is left in it", name, err, node.Name)
		}
	}
	if fi, err := os.Stat(filepath.Join(dir, "sosh-plugin-mine")); err != nil || fi.Mode()&0o111 == 0 {
		t.Errorf("%v, %v", fi, err)
	}
	shipped, err := os.ReadDir("../examples/node")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range shipped {
		name := strings.ReplaceAll(f.Name(), node.Name, "mine")
		if ours := name == "node.go" || name == "node_modules"; !ours && !slices.Contains(names, name) {
			t.Errorf("%s is left out", f.Name())
		}
	}
}

// The list of modules is exactly what the packages that a plugin imports need.
func TestNeededModulesAreThoseOfTheSDKAndTheKit(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", "../sdk", "../sdk/plugintest").Output()
	if err != nil {
		t.Fatal(err)
	}
	got := slices.DeleteFunc(strings.Fields(string(out)), func(m string) bool { return m == "github.com/sosh-shell/sosh" })
	slices.Sort(got)
	if got = slices.Compact(got); !slices.Equal(got, needed) {
		t.Errorf("they need\n%q, not\n%q", got, needed)
	}
}

func TestPublishedModuleNeedsNoSource(t *testing.T) {
	m := sosh(t)
	m.Version, m.Sum = "v1.2.3", "h1:something="
	dir := filepath.Join(t.TempDir(), "mine")
	if _, err := New(Plugin{Name: "mine", Kind: "layer", Dir: dir}, m); err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil || strings.Contains(string(mod), "replace") || !strings.Contains(string(mod), m.Path+" v1.2.3\n") {
		t.Errorf("%s\n%v", mod, err)
	}
	sum, err := os.ReadFile(filepath.Join(dir, "go.sum"))
	of := sha256.Sum256([]byte(fmt.Sprintf("%x  go.mod\n", sha256.Sum256(m.Mod))))
	own := m.Path + " v1.2.3 h1:something=\n" + m.Path + " v1.2.3/go.mod h1:" + base64.StdEncoding.EncodeToString(of[:]) + "\n"
	if err != nil || !strings.HasPrefix(string(sum), own) {
		t.Errorf("%.300s\n%v", sum, err)
	}
}

func TestWhatCannotBeMadeLeavesNothing(t *testing.T) {
	there := t.TempDir()
	if _, err := New(Plugin{Name: "mine", Kind: "layer", Dir: there}, sosh(t)); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a folder that exists: %v", err)
	}
	dir := filepath.Join(there, "mine")
	for name, p := range map[string]Plugin{
		"no such kind":   {Name: "mine", Kind: "common", Dir: dir},
		"no source":      {Name: "mine", Kind: "layer", Dir: dir, Source: filepath.Join(there, "nowhere")},
		"another source": {Name: "mine", Kind: "layer", Dir: dir, Source: other(t)},
		"no folder":      {Name: "mine", Kind: "layer", Dir: filepath.Join(there, "nowhere", "mine")},
	} {
		if _, err := New(p, sosh(t)); err == nil {
			t.Errorf("%s: made", name)
		}
	}
	if left, _ := os.ReadDir(there); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// other is a module of somebody else's.
func other(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.com/other\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}
