package host_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/host"
	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
	"github.com/sosh-shell/sosh/plugins/tcp"
)

// installed returns a host with one installed plugin, and its directory.
func installed(t *testing.T) (dir string, cfg func(*host.Config)) {
	t.Helper()
	leaksNothing(t)
	dir = filepath.Join(t.TempDir(), "plugins")
	cfg = func(c *host.Config) { c.Dir = dir }
	h := plugintest.Host(t, host.Descriptors, cfg, tcp.New)
	d, err := h.Install(program(t))
	if err != nil {
		t.Fatal(err)
	}
	if d.Name != "installed" || !d.Can(socket.CallAccept) {
		t.Fatalf("%+v", d)
	}
	return dir, cfg
}

// program is a copy of this test program that is a plugin, by its name.
func program(t *testing.T) string { return programNamed(t, "sosh-plugin-any") }

func programNamed(t *testing.T, name string) string {
	t.Helper()
	src, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	path := filepath.Join(t.TempDir(), name)
	dst, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(dst, src); err != nil {
		t.Fatal(err)
	}
	if err := dst.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestInstalledPluginRuns(t *testing.T) {
	_, cfg := installed(t)
	h := plugintest.Host(t, host.Descriptors, cfg, tcp.New)
	if ds := h.Descriptions(); len(ds) != 2 || ds[0].Name != "installed" || ds[1].Name != "tcp" {
		t.Errorf("%+v", ds)
	}
	if s := h.Plugins()[0]; s.Starts != 0 {
		t.Errorf("describing it started it: %+v", s)
	}
	p, err := h.Protocol("installed")
	if err != nil {
		t.Fatal(err)
	}
	open(t, p)
}

func TestPluginThatCannotBeTrustedIsNotRun(t *testing.T) {
	for name, c := range map[string]struct {
		harm func(t *testing.T, dir, file string)
		want string
	}{
		"changed": {func(t *testing.T, _, file string) {
			f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
			must(t, err)
			_, err = f.WriteString("x")
			must(t, err)
			must(t, f.Close())
		}, "changed since it was installed"},
		"writable file":      {func(t *testing.T, _, file string) { must(t, os.Chmod(file, 0o777)) }, "writable by others"},
		"writable directory": {func(t *testing.T, dir, _ string) { must(t, os.Chmod(dir, 0o777)) }, "writable by others"},
		"writable parent":    {func(t *testing.T, dir, _ string) { must(t, os.Chmod(filepath.Dir(dir), 0o775)) }, "writable by others"},
		"sticky directory":   {func(t *testing.T, dir, _ string) { must(t, os.Chmod(dir, 0o777|os.ModeSticky)) }, "writable by others"},
		"a link": {func(t *testing.T, _, file string) {
			must(t, os.Rename(file, file+".real"))
			must(t, os.Symlink(file+".real", file))
		}, "a link"},
		"directory is a link": {func(t *testing.T, dir, _ string) {
			must(t, os.Rename(dir, dir+".real"))
			must(t, os.Symlink(dir+".real", dir))
		}, "a link"},
		"belongs to another": {func(t *testing.T, _, file string) { must(t, os.Chown(file, 12345, -1)) }, "belongs to somebody else"},
		"gone":               {func(t *testing.T, _, file string) { must(t, os.Remove(file)) }, "its file is gone"},
		"writable record": {func(t *testing.T, dir, _ string) {
			must(t, os.Chmod(filepath.Join(dir, "plugins.json"), 0o666))
		}, "writable by others"},
		"record of another": {func(t *testing.T, dir, _ string) {
			must(t, os.Chown(filepath.Join(dir, "plugins.json"), 12345, -1))
		}, "belongs to somebody else"},
		"record is a link": {func(t *testing.T, dir, _ string) {
			path := filepath.Join(dir, "plugins.json")
			must(t, os.Rename(path, path+".real"))
			must(t, os.Symlink(path+".real", path))
		}, "a link"},
		"replaced record": {func(t *testing.T, dir, _ string) {
			path := filepath.Join(dir, "plugins.json")
			b, err := os.ReadFile(path)
			must(t, err)
			at := strings.Index(string(b), `"sha256": "`) + len(`"sha256": "`)
			copy(b[at:at+64], strings.Repeat("0", 64))
			must(t, os.WriteFile(path+".new", b, 0o644))
			must(t, os.Rename(path+".new", path))
		}, "changed since it was installed"},
		"record too long": {func(t *testing.T, dir, _ string) {
			must(t, os.Truncate(filepath.Join(dir, "plugins.json"), 5<<20))
		}, "not a record"},
		"directory of another": {func(t *testing.T, dir, _ string) { must(t, os.Chown(dir, 12345, -1)) }, "belongs to somebody else"},
		"parent of another": {func(t *testing.T, dir, _ string) {
			must(t, os.Chown(filepath.Dir(dir), 12345, -1))
		}, "belongs to somebody else"},
		"hard link to another program": {func(t *testing.T, dir, file string) {
			must(t, os.Remove(file))
			must(t, os.WriteFile(dir+".other", []byte("#!/bin/sh\n"), 0o755))
			must(t, os.Link(dir+".other", file))
		}, "changed since it was installed"},
		"hard link of another": {func(t *testing.T, dir, file string) {
			must(t, os.Link(file, dir+".other"))
			must(t, os.Chown(dir+".other", 12345, -1)) // one file: who owns the one owns the other
		}, "belongs to somebody else"},
		"a FIFO": {func(t *testing.T, _, file string) {
			must(t, os.Remove(file))
			must(t, syscall.Mkfifo(file, 0o755))
		}, "no regular file"},
		"a directory": {func(t *testing.T, _, file string) {
			must(t, os.Remove(file))
			must(t, os.Mkdir(file, 0o755))
		}, "no regular file"},
		"broken record": {func(t *testing.T, dir, _ string) {
			must(t, os.WriteFile(filepath.Join(dir, "plugins.json"), []byte("{"), 0o644))
		}, "not a record"},
		"not in the record": {func(t *testing.T, dir, _ string) {
			must(t, os.Remove(filepath.Join(dir, "plugins.json")))
		}, "not installed"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, cfg := installed(t)
			c.harm(t, dir, filepath.Join(dir, "sosh-plugin-installed"))
			h := plugintest.Host(t, host.Descriptors, cfg, tcp.New)
			p, err := h.Protocol("installed")
			if err == nil {
				_, err = p.Open(t.Context(), socket.OpenRequest{})
			}
			clear(t, err, c.want)
			if _, err := h.Protocol("tcp"); err != nil {
				t.Errorf("it harms the bundled ones: %v", err)
			}
		})
	}
}

func TestWhatIsNoPluginIsNotInstalled(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "plugins")
	h := plugintest.Host(t, host.Descriptors, func(c *host.Config) { c.Dir = dir }, tcp.New)
	text := filepath.Join(t.TempDir(), "text")
	must(t, os.WriteFile(text, []byte("hello\n"), 0o755))
	echo, err := os.ReadFile("/bin/echo")
	must(t, err)
	binary := filepath.Join(t.TempDir(), "binary")
	must(t, os.WriteFile(binary, echo, 0o755))
	for path, want := range map[string]string{
		text:         "cannot be started",
		binary:       "is no plugin",
		t.TempDir():  "a folder",
		"/no/such/x": "no such file",
	} {
		_, err := h.Install(path)
		if err == nil || !errors.Is(err, socket.Failed) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", path, err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestNothingIsInstalledBesideARecordThatCannotBeTrusted(t *testing.T) {
	for name, harm := range map[string]func(record string) error{
		"writable":    func(record string) error { return os.WriteFile(record, []byte("{}"), 0o666) },
		"a directory": func(record string) error { return os.Mkdir(record, 0o755) },
		"a link":      func(record string) error { return os.Symlink("/dev/null", record) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "plugins")
			must(t, os.Mkdir(dir, 0o755))
			record := filepath.Join(dir, "plugins.json")
			must(t, harm(record))
			if name == "writable" {
				must(t, os.Chmod(record, 0o666))
			}
			h := plugintest.Host(t, host.Descriptors, func(c *host.Config) { c.Dir = dir }, tcp.New)
			_, err := h.Install(program(t))
			clear(t, err, record)
			if left, _ := filepath.Glob(filepath.Join(dir, "sosh-*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// clear checks that an error is one line with an identity, and says what to do.
func clear(t *testing.T, err error, want string) {
	t.Helper()
	var at *socket.Error
	if !errors.Is(err, socket.Failed) || !errors.As(err, &at) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
		t.Fatalf("got %v", err)
	}
	if at.Hint == "" {
		t.Errorf("%v: no hint", err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestNobodyWaitsForAFIFO: the host's end would wait, too.
func TestNobodyWaitsForAFIFO(t *testing.T) {
	h, file := installer(t, host.Descriptors)
	must(t, syscall.Mkfifo(file, 0o755))
	folder := scripted(t)
	must(t, syscall.Mkfifo(filepath.Join(folder, "fifo"), 0o755))
	for _, c := range []struct {
		path    string
		scripts bool
	}{{file, false}, {file, true}, {folder, true}} {
		_, err := h.Inspect(t.Context(), c.path, c.scripts)
		clear(t, err, "no regular file")
	}
}

func TestRemovedPluginLeavesNoFile(t *testing.T) {
	h, file := installer(t, host.Descriptors)
	for _, scripts := range []bool{true, true, false, true, false} {
		build{"twice", "1", "fine"}.write(t, file)
		path := file
		if scripts {
			path = scripted(t)
		}
		c, err := h.Inspect(t.Context(), path, scripts)
		must(t, err)
		must(t, h.Record(t.Context(), c))
	}
	must(t, h.Remove(t.Context(), "twice"))
	entries, err := os.ReadDir(filepath.Join(filepath.Dir(file), "plugins"))
	must(t, err)
	if len(entries) != 2 || entries[0].Name() != "plugins.json" || entries[1].Name() != "plugins.lock" {
		t.Errorf("left behind: %v", entries)
	}
}
