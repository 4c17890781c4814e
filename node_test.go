package main

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/core/table"
	"github.com/sosh-shell/sosh/plugins/host"
	"github.com/sosh-shell/sosh/plugins/sdk/conform"
)

// nodeshout is the example in Node.js with what npm installs for it, in a place of its
// own: a plugin's folder is copied whole.
var nodeshout = sync.OnceValues(func() (folder string, err error) {
	if folder, err = os.MkdirTemp("", "sosh-node-"); err != nil {
		return "", err
	}
	atExit = append(atExit, func() { os.RemoveAll(folder) })
	const source = "plugins/examples/node"
	err = filepath.WalkDir(source, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(source, path)
		if err != nil {
			return err
		}
		switch to := filepath.Join(folder, rel); {
		case d.Name() == "node_modules":
			return fs.SkipDir
		case d.IsDir():
			return os.MkdirAll(to, 0o755)
		default:
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			fi, err := d.Info()
			if err != nil {
				return err
			}
			return os.WriteFile(to, b, fi.Mode().Perm())
		}
	})
	if err != nil {
		return "", err
	}
	npm := exec.Command("npm", "ci")
	npm.Dir = folder
	if out, err := npm.CombinedOutput(); err != nil {
		return "", errors.New("npm ci: " + err.Error() + "\n" + string(out))
	}
	return folder, nil
})

// nodePlugin is a host that has the example, and none else.
func nodePlugin(t *testing.T) *host.Host {
	t.Helper()
	folder, err := nodeshout()
	if err != nil {
		if os.Getenv("CI") != "" || !errors.Is(err, exec.ErrNotFound) {
			t.Fatal(err)
		}
		t.Skip("Node.js is not here: ", err)
	}
	h, err := host.New(host.Config{Form: host.Stream,
		Bundled:    map[string]func() socket.Protocol{"nodeshout": func() socket.Protocol { return declared{} }},
		Executable: filepath.Join(folder, "sosh-plugin-nodeshout"), Args: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

type declared struct {
	socket.Protocol
	socket.Resolver
	socket.Connector
	socket.Shutdowner
	socket.Optioner
}

func (declared) Describe() socket.Description {
	return socket.Description{Name: "nodeshout", Synopsis: "s", Kind: socket.Stream, Address: socket.PathForm, Options: []socket.Option{
		{Name: "case", Type: socket.StringOption, Default: "upper", Help: "x"}}}
}

func TestPluginInNodeKeepsEveryPromise(t *testing.T) {
	h := nodePlugin(t)
	x, err := conform.InHost(t.Context(), h, "nodeshout", host.Stream, conform.How{Address: "/anything", Echo: true})
	if err != nil {
		t.Fatal(err)
	}
	kept := 0
	for _, p := range x.Promises {
		r := x.Keep(t.Context(), p)
		t.Logf("%-14s %v %s %s", r.Outcome, r.Took.Round(time.Millisecond), r.Promise, strings.Join(r.Reasons, "; "))
		switch r.Outcome {
		case conform.Broken:
			t.Errorf("%s: %s\n%s", r.Promise, strings.Join(r.Reasons, "\n"), strings.Join(r.Log, "\n"))
		case conform.Kept:
			kept++
		}
	}
	if kept < 15 {
		t.Errorf("only %d promises are kept", kept)
	}
}

var _ = table.New
var _ = syscall.EPIPE
