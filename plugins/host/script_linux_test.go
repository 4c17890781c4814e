package host_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/host"
	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
	"github.com/sosh-shell/sosh/plugins/tcp"
)

// scripted is a folder with a script, and a program beside it that it runs.
func scripted(t *testing.T) (folder string) {
	t.Helper()
	folder = filepath.Join(t.TempDir(), "scripted")
	must(t, os.MkdirAll(filepath.Join(folder, "lib"), 0o755))
	must(t, os.WriteFile(filepath.Join(folder, "run"), []byte("#!/usr/bin/env sh\nexec \"${0%/*}/lib/built\"\n"), 0o755))
	must(t, os.WriteFile(filepath.Join(folder, "README"), []byte("a plugin\n"), 0o644))
	must(t, os.Symlink("README", filepath.Join(folder, "LIESMICH")))
	build{"twice", "1", "fine"}.write(t, filepath.Join(folder, "lib", "built"))
	return folder
}

func TestScriptIsAPluginWithAllItsFiles(t *testing.T) {
	h, _ := installer(t, host.Descriptors)
	folder := scripted(t)
	_, err := h.Inspect(t.Context(), filepath.Join(folder, "run"), false)
	clear(t, err, "a script")
	_, err = h.Inspect(t.Context(), folder, false)
	clear(t, err, "a folder")
	c, err := h.Inspect(t.Context(), folder, true)
	must(t, err)
	if !slices.Equal(c.Files, []string{"run", "LIESMICH", "README", "lib/built"}) || c.Description.Name != "twice" || !filepath.IsAbs(c.Interpreter) {
		t.Errorf("%+v", c)
	}
	must(t, h.Record(t.Context(), c))
	if path := stateOf(t, h, "twice").Path; !exists(filepath.Join(path, "run")) {
		t.Errorf("its path is %s", path)
	}
	p, err := h.Protocol("twice")
	must(t, err)
	if got := answers(t, p, open(t, p)); got != "1" {
		t.Errorf("build %s answers", got)
	}
	must(t, h.Reload(t.Context(), "twice"))
	must(t, h.Remove(t.Context(), "twice"))
}

// It would run once, and never again.
func TestScriptThatChangesItsFilesIsNotInstalled(t *testing.T) {
	for name, line := range map[string]string{"one more": "echo >${0%/*}/lib/cache", "another": "echo >>${0%/*}/README"} {
		t.Run(name, func(t *testing.T) {
			h, _ := installer(t, host.Descriptors)
			folder := scripted(t)
			must(t, os.WriteFile(filepath.Join(folder, "run"), []byte("#!/bin/sh\n"+line+"\nexec \"${0%/*}/lib/built\"\n"), 0o755))
			_, err := h.Inspect(t.Context(), folder, true)
			clear(t, err, "changed when it ran")
		})
	}
}

func TestScriptThatChangedIsNotRun(t *testing.T) {
	for name, c := range map[string]struct {
		harm func(t *testing.T, dir string)
		want string
	}{
		"another script": {func(t *testing.T, dir string) {
			must(t, os.WriteFile(filepath.Join(dir, "run"), []byte("#!/bin/sh\n"), 0o755))
		}, "changed since"},
		"another file": {func(t *testing.T, dir string) {
			must(t, os.WriteFile(filepath.Join(dir, "README"), []byte("else\n"), 0o755))
		}, "changed since"},
		"one more":        {func(t *testing.T, dir string) { must(t, os.WriteFile(filepath.Join(dir, "lib", "x"), nil, 0o644)) }, "was not there"},
		"one less":        {func(t *testing.T, dir string) { must(t, os.Remove(filepath.Join(dir, "README"))) }, "are gone"},
		"writable":        {func(t *testing.T, dir string) { must(t, os.Chmod(filepath.Join(dir, "README"), 0o666)) }, "writable by others"},
		"writable folder": {func(t *testing.T, dir string) { must(t, os.Chmod(filepath.Join(dir, "lib"), 0o777)) }, "writable by others"},
		"link": {func(t *testing.T, dir string) {
			must(t, os.Remove(filepath.Join(dir, "README")))
			must(t, os.Symlink("run", filepath.Join(dir, "README")))
		}, "a link"},
	} {
		t.Run(name, func(t *testing.T) {
			h, _ := installer(t, host.Descriptors)
			found, err := h.Inspect(t.Context(), scripted(t), true)
			must(t, err)
			must(t, h.Record(t.Context(), found))
			c.harm(t, stateOf(t, h, "twice").Path)
			p, err := h.Protocol("twice")
			must(t, err)
			_, err = p.Open(t.Context(), socket.OpenRequest{})
			clear(t, err, c.want)
		})
	}
}

func TestFolderThatIsNoScriptIsRefused(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "secret")
	must(t, os.WriteFile(outside, nil, 0o600))
	for name, c := range map[string]struct {
		make func(dir string) error
		want string
	}{
		"nothing to run": {func(dir string) error { return os.Remove(filepath.Join(dir, "run")) }, "0 files could be the script"},
		"two to run": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "walk"), []byte("#!/bin/sh\n"), 0o755)
		}, "2 files could be the script"},
		"a link out of it": {func(dir string) error { return os.Symlink(outside, filepath.Join(dir, "out")) }, "path escapes"},
		"no interpreter": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "run"), []byte("#!/usr/bin/env no-such-thing\n"), 0o755)
		}, "not found"},
		"an empty first line": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "run"), []byte("#!\n"), 0o755)
		}, "no script"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			h := plugintest.Host(t, host.Descriptors, func(c *host.Config) { c.Dir = filepath.Join(dir, "plugins") }, tcp.New)
			folder := scripted(t)
			must(t, c.make(folder))
			_, err := h.Inspect(t.Context(), folder, true)
			clear(t, err, c.want)
			if left, _ := os.ReadDir(filepath.Join(dir, "plugins")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// What was shown is what is recorded, or nothing is.
func TestFileThatChangesWhileTheUserThinksIsNotRecorded(t *testing.T) {
	h, file := installer(t, host.Descriptors)
	build{"twice", "1", "fine"}.write(t, file)
	c, err := h.Inspect(t.Context(), file, false)
	must(t, err)
	if c.Replaces != nil || len(c.SHA256) != 64 {
		t.Errorf("%+v", c)
	}
	build{"twice", "2", "fine"}.write(t, file)
	clear(t, h.Record(t.Context(), c), "changed while")
	if _, err := h.Protocol("twice"); err == nil {
		t.Error("it is a plugin")
	}
	build{"twice", "1", "fine"}.write(t, file)
	must(t, h.Record(t.Context(), c))
	must(t, os.Chmod(file, 0o777))
	c, err = h.Inspect(t.Context(), file, false)
	must(t, err)
	if c.Replaces == nil || c.Replaces.Description.Version != "1" || len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], "others may write") {
		t.Errorf("%+v", c)
	}
}

// Some interpreters are one program of many names.
func TestInterpreterIsToldItsName(t *testing.T) {
	busybox, err := exec.LookPath("busybox")
	must(t, err)
	h, _ := installer(t, host.Descriptors)
	folder := scripted(t)
	link := filepath.Join(t.TempDir(), "sh")
	must(t, os.Symlink(busybox, link))
	must(t, os.WriteFile(filepath.Join(folder, "run"), []byte("#!"+link+"\nexec \"${0%/*}/lib/built\"\n"), 0o755))
	c, err := h.Inspect(t.Context(), folder, true)
	must(t, err)
	must(t, h.Record(t.Context(), c))
	p, err := h.Protocol("twice")
	must(t, err)
	open(t, p)
	must(t, os.Chmod(filepath.Dir(link), 0o777)) // who can replace the link can choose what it is
	_, err = h.Inspect(t.Context(), folder, true)
	clear(t, err, "writable by others")
}

// An interpreter leaves nothing beside its script that would keep it from the next start.
func TestScriptOfPythonStartsAgain(t *testing.T) {
	h, _ := installer(t, host.Descriptors)
	folder := scripted(t)
	must(t, os.WriteFile(filepath.Join(folder, "run"), []byte("#!/usr/bin/python3\nimport beside\nbeside.run()\n"), 0o755))
	must(t, os.WriteFile(filepath.Join(folder, "beside.py"), []byte(`import os, sys
def run():
    built = os.path.join(os.path.dirname(sys.argv[0]), "lib", "built")
    os.execv(built, [built])
`), 0o644))
	c, err := h.Inspect(t.Context(), folder, true)
	must(t, err)
	must(t, h.Record(t.Context(), c))
	p, err := h.Protocol("twice")
	must(t, err)
	open(t, p)
	must(t, h.Reload(t.Context(), "twice"))
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// A build that still runs may load more of its files, however many have followed it.
func TestFilesOfABuildThatRunsStay(t *testing.T) {
	h, _ := installer(t, host.Stream)
	folder := scripted(t)
	var paths []string
	install := func(version string) {
		t.Helper()
		must(t, os.WriteFile(filepath.Join(folder, "README"), []byte(version), 0o644))
		c, err := h.Inspect(t.Context(), folder, true)
		must(t, err)
		must(t, h.Record(t.Context(), c))
		paths = append(paths, stateOf(t, h, "twice").Path)
	}
	install("1")
	p, err := h.Protocol("twice")
	must(t, err)
	k := open(t, p) // lives in the first build
	for _, version := range []string{"2", "3", "4"} {
		install(version)
		must(t, h.Reload(t.Context(), "twice"))
	}
	if got := answers(t, p, k); got != "1" {
		t.Errorf("build %s answers", got)
	}
	if !exists(paths[0]) || !exists(paths[3]) {
		t.Errorf("files that are in use are gone: of %v", paths)
	}
	eventually(t, "the others have ended", func() bool { return stateOf(t, h, "twice").Processes == 2 })
	install("5")
	if exists(paths[1]) || exists(paths[2]) {
		t.Errorf("files that nobody uses are left: of %v", paths)
	}
	must(t, h.Remove(t.Context(), "twice"))
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(paths[0]), "sosh-plugin-twice*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
