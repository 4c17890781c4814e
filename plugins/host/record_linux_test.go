package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sosh-shell/sosh/core/socket"
)

// candidate is a file that nobody has asked what it is: a record runs nothing.
func candidate(t *testing.T, h *Host, content string) socket.Candidate {
	t.Helper()
	path := filepath.Join(t.TempDir(), "built")
	must(t, os.WriteFile(path, []byte(content), 0o755))
	src, err := h.take(path, false)
	must(t, err)
	defer src.discard()
	return socket.Candidate{Path: path, SHA256: src.digest,
		Description: socket.Description{Name: "race", Synopsis: "races", Kind: socket.Stream, Address: socket.HostPort}}
}

func recorder(t *testing.T) *Host {
	t.Helper()
	h, err := New(Config{Dir: filepath.Join(t.TempDir(), "plugins")})
	must(t, err)
	t.Cleanup(func() { h.Close() })
	return h
}

// TestPluginStartsWhileAnotherSoshInstallsIt: between the file's name and the record's
// there is a moment in which they do not fit.
func TestPluginStartsWhileAnotherSoshInstallsIt(t *testing.T) {
	h := recorder(t)
	builds := []socket.Candidate{candidate(t, h, "one"), candidate(t, h, "two")}
	builds[0].Replaces, builds[1].Replaces = &socket.Recorded{SHA256: builds[1].SHA256}, &socket.Recorded{SHA256: builds[0].SHA256}
	must(t, h.Record(t.Context(), builds[0]))
	done := make(chan error, 1)
	go func() {
		for i := range 200 {
			if err := h.Record(context.Background(), builds[(i+1)%2]); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for n := 0; ; n++ {
		select {
		case err := <-done:
			must(t, err)
			t.Logf("looked at %d times", n)
			return
		default:
		}
		prog, err := h.verified("race")
		must(t, err)
		prog.close()
	}
}

// TestWhatAKilledInstallLeftIsRemoved: it may be half a gigabyte.
func TestWhatAKilledInstallLeftIsRemoved(t *testing.T) {
	h := recorder(t)
	c := candidate(t, h, "one")
	old := []string{".script-1", ".sosh-plugin-race.1", ".plugins.json.1"}
	kept := []string{".script-2", ".sosh-plugin-race.2", ".plugins.json.2", ".mine"}
	for _, name := range append(old, kept...) {
		path := filepath.Join(h.cfg.Dir, name)
		must(t, os.Mkdir(path, 0o755))
		must(t, os.WriteFile(filepath.Join(path, "x"), nil, 0o644))
		if slices.Contains(old, name) || name == ".mine" {
			long := time.Now().Add(-2 * abandoned)
			must(t, os.Chtimes(path, long, long))
		}
	}
	must(t, h.Record(t.Context(), c))
	for _, name := range append(old, kept...) {
		_, err := os.Stat(filepath.Join(h.cfg.Dir, name))
		if (err == nil) != slices.Contains(kept, name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBuildThatAnotherSoshInstalledMeanwhileIsNotReplacedUnseen(t *testing.T) {
	h := recorder(t)
	mine, theirs := candidate(t, h, "one"), candidate(t, h, "two")
	must(t, h.Record(t.Context(), theirs))
	err := h.Record(t.Context(), mine)
	if !errors.Is(err, socket.Failed) || !strings.Contains(err.Error(), "while you were asked") {
		t.Errorf("%v", err)
	}
	if e, err := h.installed("race"); err != nil || e.SHA256 != theirs.SHA256 {
		t.Errorf("%+v, %v", e, err)
	}
	must(t, h.Record(t.Context(), theirs)) // the same is no surprise
}

// TestInstallThatWasGivenUpIsNotDoneLater: it waits for another sosh, and nobody would
// see what it does then.
func TestInstallThatWasGivenUpIsNotDoneLater(t *testing.T) {
	for name, do := range map[string]func(context.Context, *Host, socket.Candidate) error{
		"install": func(ctx context.Context, h *Host, c socket.Candidate) error { return h.Record(ctx, c) },
		"remove":  func(ctx context.Context, h *Host, _ socket.Candidate) error { return h.Remove(ctx, "race") },
		"look": func(ctx context.Context, h *Host, c socket.Candidate) error {
			must(t, os.WriteFile(c.Path, []byte("#!/bin/sh\nexec sleep 60\n"), 0o755))
			_, err := h.Inspect(ctx, c.Path, true)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := recorder(t)
			before, after := candidate(t, h, "one"), candidate(t, h, "two")
			after.Replaces = &socket.Recorded{SHA256: before.SHA256}
			must(t, h.Record(t.Context(), before))
			guard, err := openGuard(filepath.Join(h.cfg.Dir, guardName))
			must(t, err)
			defer guard.Close()
			if ok, err := tryGuard(guard); !ok || err != nil {
				t.Fatal(ok, err)
			}
			ctx, cancel := context.WithCancelCause(t.Context())
			done := make(chan error)
			go func() { done <- do(ctx, h, after) }()
			cancel(socket.Interrupted)
			if err := <-done; !errors.Is(err, socket.Interrupted) {
				t.Errorf("%v", err)
			}
			must(t, guard.Close())
			h.Close() // waits for what is still done
			h, err = New(Config{Dir: h.cfg.Dir})
			must(t, err)
			if e, err := h.installed("race"); err != nil || e.SHA256 != before.SHA256 {
				t.Errorf("%+v, %v", e, err)
			}
		})
	}
}

// TestRecordThatCouldNotBeReadIsNotWritten: with it no plugin would run any more.
func TestRecordThatCouldNotBeReadIsNotWritten(t *testing.T) {
	h := recorder(t)
	must(t, h.Record(t.Context(), candidate(t, h, "one")))
	folder := t.TempDir()
	must(t, os.WriteFile(filepath.Join(folder, "run"), []byte("#!/bin/sh\n"), 0o755))
	deep := filepath.Join(folder, filepath.Join(strings.Split(strings.Repeat(strings.Repeat("d", 250)+"/", 12), "/")...))
	must(t, os.MkdirAll(deep, 0o755))
	for i := range maxLock / 3000 {
		must(t, os.WriteFile(filepath.Join(deep, fmt.Sprint(i)), nil, 0o644))
	}
	src, err := h.take(folder, true)
	must(t, err)
	defer src.discard()
	c := socket.Candidate{Path: folder, SHA256: src.digest, Files: []string{"run"},
		Description: socket.Description{Name: "large", Synopsis: "is large", Kind: socket.Stream, Address: socket.HostPort}}
	if err := h.Record(t.Context(), c); !errors.Is(err, socket.Failed) || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("%v", err)
	}
	prog, err := h.verified("race")
	must(t, err)
	prog.close()
	src.discard()
	entries, err := os.ReadDir(h.cfg.Dir)
	must(t, err)
	if len(entries) != 3 { // the plugin, the record, and what guards it
		t.Errorf("left behind: %v", entries)
	}
}

// TestRecordIsGuardedByAFileThatNFSLocks: what is open for reading only, as a directory
// is, it does not lock exclusively.
func TestRecordIsGuardedByAFileThatNFSLocks(t *testing.T) {
	h := recorder(t)
	must(t, os.MkdirAll(h.cfg.Dir, 0o755))
	must(t, h.changeLock(t.Context(), func(*lockFile) error {
		locks, err := os.ReadFile("/proc/self/fdinfo/" + guardDescriptor(t, h))
		must(t, err)
		flags, mode := "", 0
		fmt.Sscanf(string(locks[strings.Index(string(locks), "flags:"):]), "flags: %s", &flags)
		fmt.Sscanf(flags, "%o", &mode)
		if mode&syscall.O_ACCMODE != syscall.O_RDWR || !strings.Contains(string(locks), "FLOCK  ADVISORY  WRITE") {
			t.Errorf("%s", locks)
		}
		return nil
	}))
}

// guardDescriptor is the number of the descriptor that guards the host's record.
func guardDescriptor(t *testing.T, h *Host) string {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	for _, e := range entries {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && filepath.Dir(to) == h.cfg.Dir {
			return e.Name()
		}
	}
	t.Fatal("nothing in the plugin directory is open")
	return ""
}

// TestWhoMayOnlyReadWaitsForWhoWrites: a plugin of a directory of root's is looked at
// again when root has replaced it.
func TestWhoMayOnlyReadWaitsForWhoWrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), guardName)
	writer, err := openGuard(path)
	must(t, err)
	defer writer.Close()
	readers := make([]*os.File, 2)
	for i := range readers {
		readers[i], err = os.Open(path)
		must(t, err)
		defer readers[i].Close()
	}
	lock := func(f *os.File, want bool) {
		t.Helper()
		if ok, err := tryGuard(f); ok != want || err != nil {
			t.Errorf("%v, %v", ok, err)
		}
	}
	lock(writer, true)
	lock(readers[0], false)
	must(t, writer.Close())
	lock(readers[0], true)
	lock(readers[1], true)
}
