package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/core/table"
	"github.com/sosh-shell/sosh/plugins/host"
	"github.com/sosh-shell/sosh/plugins/sdk/conform"
	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
)

// inNodeFolder is the example in Node.js with what npm installs for it, in a place of its
// own: a plugin's folder is copied whole.
var inNodeFolder = sync.OnceValues(func() (folder string, err error) {
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

// folderOf is the folder of a plugin in Node.js: the example, or one for tests that uses
// the same files.
func folderOf(t *testing.T, name string) string {
	t.Helper()
	example, err := inNodeFolder()
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("npm does not install what the example needs: ", err)
	}
	if name == "nodeshout" {
		return example
	}
	folder := filepath.Join(t.TempDir(), name)
	if err := os.CopyFS(folder, os.DirFS(example)); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(folder, "sosh-plugin-nodeshout")); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile("testdata/node/sosh-plugin-" + name)
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, "sosh-plugin-"+name), b, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

// nodePlugin is a host that has one of the plugins in Node.js, installed as a script.
func nodePlugin(t *testing.T, name string) *host.Host {
	t.Helper()
	h, err := host.New(host.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	c, err := h.Inspect(t.Context(), folderOf(t, name), true)
	if err == nil {
		err = h.Record(t.Context(), c)
	}
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestPluginInNodeKeepsEveryPromise(t *testing.T) {
	sum, err := conform.Check(t.Context(), folderOf(t, "nodeshout"), conform.How{Address: "anything", Echo: true}, func(r conform.Result) {
		t.Logf("%-14s %v %s %s", r.Outcome, r.Took.Round(time.Millisecond), r.Promise, strings.Join(r.Reasons, "; "))
		if r.Outcome == conform.Broken {
			t.Errorf("%s: %s\n%s", r.Promise, strings.Join(r.Reasons, "\n"), strings.Join(r.Log, "\n"))
		}
	})
	if err != nil || sum.Kept < 24 || sum.Description.Name != "nodeshout" {
		t.Errorf("%d promises of %s are kept, %v", sum.Kept, sum.Description.Name, err)
	}
}

// nodeTable is a table whose one protocol is a plugin in Node.js.
func nodeTable(t *testing.T, name string) (*table.Table, *host.Host) {
	t.Helper()
	h := nodePlugin(t, name)
	tab := table.New(h)
	t.Cleanup(func() { tab.Close() })
	return tab, h
}

// all is what comes until the end, and the end's reason.
func all(t *testing.T, s *table.Socket) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	turn, err := s.Read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer turn.Done()
	for {
		if _, err := turn.Fill(ctx); err != nil {
			return string(turn.Unread()), err
		}
	}
}

func TestSocketInNodeEndsInOrder(t *testing.T) {
	tab, h := nodeTable(t, "nodeshout")
	for option, want := range map[string]string{"upper": "HI THERE \xff", "lower": "hi there \xff", "none": "Hi there \xff"} {
		s, err := tab.Open(t.Context(), table.Spec{Protocol: "nodeshout", Connect: "anybody", Options: []socket.Setting{{Name: "case", Value: option}}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Send(t.Context(), []byte("Hi there \xff")); err != nil {
			t.Fatal(err)
		}
		if err := s.Shutdown(t.Context(), socket.ShutdownWrite); err != nil {
			t.Fatal(err)
		}
		if got, err := all(t, s); got != want || !errors.Is(err, socket.Ended) {
			t.Errorf("%s: %q, %v", option, got, err)
		}
	}
	s, err := tab.Open(t.Context(), table.Spec{Protocol: "nodeshout", Connect: "anybody"})
	if err != nil {
		t.Fatal(err)
	}
	syscall.Kill(h.Plugins()[0].PID, syscall.SIGKILL)
	if _, err := all(t, s); !errors.Is(err, socket.Lost) {
		t.Errorf("its plugin was killed: %v", err)
	}
}

// TestConnectionInNodeIsLikeOnesOfTheKernel: what a net.Socket meets arrives as what it is.
func TestConnectionInNodeIsLikeOnesOfTheKernel(t *testing.T) {
	tab, h := nodeTable(t, "nodetcp")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	open := func(t *testing.T) (*table.Socket, *net.TCPConn) {
		t.Helper()
		s, err := tab.Open(t.Context(), table.Spec{Protocol: "nodetcp", Connect: strconv.Itoa(l.Addr().(*net.TCPAddr).Port)})
		if err != nil {
			t.Fatal(err)
		}
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		c.SetDeadline(time.Now().Add(10 * time.Second))
		return s, c.(*net.TCPConn)
	}
	data := make([]byte, 1<<20)
	rand.Read(data)

	t.Run("half ends, both ways, behind all bytes", func(t *testing.T) {
		s, c := open(t)
		sent := make(chan error, 2)
		go func() {
			_, err := s.Send(t.Context(), data)
			sent <- errors.Join(err, s.Shutdown(t.Context(), socket.ShutdownWrite))
		}()
		if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, data) {
			t.Errorf("the peer got %d bytes of %d, %v", len(got), len(data), err)
		}
		go func() {
			_, err := c.Write(data)
			sent <- errors.Join(err, c.CloseWrite())
		}()
		if got, err := all(t, s); got != string(data) || !errors.Is(err, socket.Ended) {
			t.Errorf("got %d bytes of %d, %v", len(got), len(data), err)
		}
		for range 2 {
			if err := <-sent; err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("the peer's end leaves writing, and a close sends all", func(t *testing.T) {
		s, c := open(t)
		c.CloseWrite()
		if _, err := all(t, s); !errors.Is(err, socket.Ended) {
			t.Error(err)
		}
		if _, err := s.Send(t.Context(), data); err != nil {
			t.Error(err)
		}
		got := make(chan []byte)
		go func() {
			b, _ := io.ReadAll(c)
			got <- b
		}()
		if _, err := s.Close(t.Context(), false); err != nil {
			t.Error(err)
		}
		if b := <-got; !bytes.Equal(b, data) {
			t.Errorf("the peer got %d bytes of %d", len(b), len(data))
		}
	})
	t.Run("a reset by the peer", func(t *testing.T) {
		s, c := open(t)
		c.SetLinger(0)
		c.Close()
		if _, err := all(t, s); !errors.Is(err, socket.Reset) {
			t.Error(err)
		}
	})
	t.Run("a reset by us", func(t *testing.T) {
		s, c := open(t)
		if _, err := s.Close(t.Context(), true); err != nil {
			t.Error(err)
		}
		if _, err := io.ReadAll(c); !errors.Is(err, syscall.ECONNRESET) {
			t.Error(err)
		}
	})
	t.Run("who does not read stops the sender", func(t *testing.T) {
		s, _ := open(t)
		stalls(t, s)
	})
	t.Run("nobody there", func(t *testing.T) {
		free := strconv.Itoa(plugintest.Port(t))
		if _, err := tab.Open(t.Context(), table.Spec{Protocol: "nodetcp", Connect: free}); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Error(err)
		}
	})
	t.Run("a mistake of the author's is told with its place", func(t *testing.T) {
		if _, err := tab.Open(t.Context(), table.Spec{Protocol: "nodetcp", Connect: "mistake"}); !errors.Is(err, socket.Failed) {
			t.Error(err)
		}
		if log := strings.Join(h.Log("nodetcp"), "\n"); !strings.Contains(log, "TypeError") || !strings.Contains(log, "sosh-plugin-nodetcp:") {
			t.Errorf("the log is %s", log)
		}
	})
	t.Run("a connect that is given up", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if _, err := tab.Open(ctx, table.Spec{Protocol: "nodetcp", Connect: "never"}); err == nil {
			t.Error("connected to nobody")
		}
	})
	if starts := h.Plugins()[0].Starts; starts != 1 {
		t.Errorf("started %d times", starts)
	}
}

// stalls sends until nobody takes more: what is on the way is bounded.
func stalls(t *testing.T, s *table.Socket) {
	t.Helper()
	piece := make([]byte, 1<<20)
	for sent := 0; sent < 128<<20; sent += len(piece) {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		_, err := s.Send(ctx, piece)
		cancel()
		if errors.Is(err, socket.Timeout) || errors.Is(err, context.DeadlineExceeded) {
			return
		}
		if err != nil {
			t.Error(err)
			return
		}
	}
	t.Error("128 MiB went nowhere")
}

func TestSecondStreamOfASocketInNodeIsRefused(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "twice")
	if err := os.CopyFS(folder, os.DirFS(folderOf(t, "nodeshout"))); err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile("testdata/node/twice.js")
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, "twice.js"), script, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	node := exec.CommandContext(ctx, "node", "twice.js")
	node.Dir = folder
	const want = "second: the socket 1 has a stream already\nfirst: STILL THERE\n"
	if out, err := node.CombinedOutput(); err != nil || string(out) != want {
		t.Errorf("%v: %s", err, out)
	}
}
