// Package scaffold makes the folder that a plugin begins with: a Go module that
// builds, tests green and runs at once, also without a network; or a plugin in Node.js,
// which needs what npm installs.
//
// It runs nothing, changes no file that is there, and knows nothing of the shell.
package scaffold

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"text/template"

	"github.com/sosh-shell/sosh/plugins/examples/node"
)

// Module is sosh as a plugin's module requires it.
type Module struct {
	Path    string // github.com/sosh-shell/sosh
	Version string // with its v
	// Sum is the module's hash in go.sum's form where it was published, "" where it was
	// built from a folder.
	Sum string
	// Mod and Sums are its own go.mod and go.sum.
	Mod, Sums []byte
}

// Plugin is what is to be made.
type Plugin struct {
	Name string // [a-z][a-z0-9-]*
	Kind string // one of Kinds
	Dir  string // that is made
	// Source is the folder of sosh's own source, absolute; "" where it is the one that
	// this program was built from, or not needed as sosh was published.
	Source string
}

// templates are the files of each kind, and those that all have in common.
//
//go:embed common descriptor dialer layer
var templates embed.FS

// suffix ends a template's name, so that no Go tool takes it for what it becomes.
const suffix = ".tmpl"

// ErrNoSource says that sosh's source cannot be found: a folder must be named.
var ErrNoSource = errors.New("the source that this sosh was built from is not here, and this version was not published")

// Node is the kind that is written in Node.js; all others are in Go.
const Node = "node"

// Kinds lists what can be made.
func Kinds() []string {
	kinds := []string{Node}
	entries, _ := templates.ReadDir(".")
	for _, e := range entries {
		if e.Name() != "common" {
			kinds = append(kinds, e.Name())
		}
	}
	return kinds
}

// New makes the plugin's folder and returns the names of its files. A folder that
// exists is an error that is [fs.ErrExist]; whatever fails, no half of one is left.
func New(p Plugin, sosh Module) (names []string, err error) {
	if !slices.Contains(Kinds(), p.Kind) {
		return nil, fmt.Errorf("no plugin can be a %s", p.Kind)
	}
	var files map[string]string
	if p.Kind == Node {
		files, err = nodeFiles(p)
	} else {
		files, err = goFiles(p, sosh)
	}
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir(p.Dir, 0o755); err != nil {
		return nil, err
	}
	for name, text := range files {
		mode := fs.FileMode(0o644)
		if strings.HasPrefix(text, "#!") {
			mode = 0o755
		}
		if err := os.WriteFile(filepath.Join(p.Dir, name), []byte(text), mode); err != nil {
			os.RemoveAll(p.Dir) // it was not there before
			return nil, err
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}

// goFiles are those of a Go module.
func goFiles(p Plugin, sosh Module) (map[string]string, error) {
	source, err := sourceOf(p, sosh)
	if err != nil {
		return nil, err
	}
	files, err := expand(p, sosh)
	if err != nil {
		return nil, err
	}
	files["go.mod"] = goMod(p, sosh, source, files)
	files["go.sum"] = goSum(sosh)
	return files, nil
}

// nodeFiles are those of the example in Node.js, under another name.
func nodeFiles(p Plugin) (map[string]string, error) {
	entries, err := node.Files.ReadDir(".")
	if err != nil {
		return nil, err
	}
	files := map[string]string{}
	named := strings.NewReplacer(node.Name, p.Name)
	for _, e := range entries {
		text, err := node.Files.ReadFile(e.Name())
		if err != nil {
			return nil, err
		}
		files[named.Replace(e.Name())] = named.Replace(string(text))
	}
	return files, nil
}

// expand fills the templates in.
func expand(p Plugin, sosh Module) (map[string]string, error) {
	files := map[string]string{}
	for _, dir := range []string{"common", p.Kind} {
		entries, err := templates.ReadDir(dir)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			text, err := templates.ReadFile(path.Join(dir, e.Name()))
			if err != nil {
				return nil, err
			}
			t, err := template.New(e.Name()).Delims("<%", "%>").Option("missingkey=error").Parse(string(text))
			if err != nil {
				return nil, err
			}
			var b strings.Builder
			if err := t.Execute(&b, map[string]string{"Name": p.Name, "Kind": p.Kind, "Sosh": sosh.Path}); err != nil {
				return nil, err
			}
			files[strings.TrimSuffix(e.Name(), suffix)] = b.String()
		}
	}
	return files, nil
}

// sourceOf is the folder that stands for the module sosh, "" where it was published.
func sourceOf(p Plugin, sosh Module) (string, error) {
	dir := p.Source
	if dir == "" && sosh.Sum != "" {
		return "", nil
	}
	if dir == "" {
		_, file, _, _ := runtime.Caller(0)
		if !filepath.IsAbs(file) { // built with -trimpath
			return "", ErrNoSource
		}
		dir = filepath.Dir(filepath.Dir(filepath.Dir(file)))
	}
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	switch {
	case errors.Is(err, fs.ErrNotExist) && p.Source == "":
		return "", ErrNoSource
	case err != nil:
		return "", fmt.Errorf("%s is not the source of %s: no go.mod of it can be read", dir, sosh.Path)
	case !slices.Contains(strings.Split(string(mod), "\n"), "module "+sosh.Path):
		return "", fmt.Errorf("%s is not the source of %s", dir, sosh.Path)
	}
	return dir, nil
}
