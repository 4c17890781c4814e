package host_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/host"
	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
	"github.com/sosh-shell/sosh/plugins/tcp"
)

// installer is a host with an empty plugin directory, and where builds are written.
func installer(t *testing.T, form host.Form) (h *host.Host, file string) {
	t.Helper()
	leaksNothing(t)
	dir := t.TempDir()
	h = plugintest.Host(t, form, func(c *host.Config) { c.Dir = filepath.Join(dir, "plugins") }, tcp.New)
	return h, filepath.Join(dir, "built")
}

func (b build) install(t *testing.T, h *host.Host, file string) {
	t.Helper()
	b.write(t, file)
	if _, err := h.Install(file); err != nil {
		t.Fatal(err)
	}
}

func stateOf(t *testing.T, h *host.Host, name string) socket.Plugin {
	t.Helper()
	for _, s := range h.Plugins() {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no plugin %s", name)
	return socket.Plugin{}
}

// answers is the build that a call on a socket reaches.
func answers(t *testing.T, p socket.Complete, k socket.Handle) string {
	t.Helper()
	v, err := p.Info(t.Context(), lent(k), []string{"build"})
	if err != nil || len(v) != 1 {
		t.Fatalf("info: %v, %v", v, err)
	}
	return v[0].Value
}

func TestReloadLetsTheNewBuildAnswerForLiveSockets(t *testing.T) {
	h, file := installer(t, host.Descriptors)
	build{"twice", "1", "fine"}.install(t, h, file)
	p, err := h.Protocol("twice")
	must(t, err)
	k := open(t, p)
	if got := answers(t, p, k); got != "1" {
		t.Fatalf("build %s answers", got)
	}
	old := stateOf(t, h, "twice").PID
	build{"twice", "2", "fine"}.install(t, h, file)
	if got := answers(t, p, k); got != "1" || p.Describe().Version != "1" {
		t.Errorf("installed is not reloaded, and build %s answers", got)
	}
	must(t, h.Reload(t.Context(), "twice"))
	if got := answers(t, p, k); got != "2" || p.Describe().Version != "2" {
		t.Errorf("after the reload build %s answers", got)
	}
	eventually(t, "the old process has ended", func() bool { return gone(old) && stateOf(t, h, "twice").Processes == 1 })
	if s := stateOf(t, h, "twice"); s.State != "running" || s.Version != "2" {
		t.Errorf("%+v", s)
	}
}

// Calls go on all the time while builds take over from each other: none fails.
func TestNoCallFailsWhileBuildsTakeOver(t *testing.T) {
	h, file := installer(t, host.Descriptors)
	build{"twice", "1", "fine"}.install(t, h, file)
	p, err := h.Protocol("twice")
	must(t, err)
	l, at := listen(t, p)
	var over atomic.Bool
	var calls atomic.Int64
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			for !over.Load() {
				k, err := p.Open(context.Background(), socket.OpenRequest{})
				if err != nil {
					t.Errorf("open: %v", err)
					return
				}
				if _, err = p.Connect(context.Background(), lent(k), at); err != nil && !errors.Is(err, syscall.EINPROGRESS) {
					t.Errorf("connect: %v", err)
				}
				if _, err = p.Info(context.Background(), lent(k), nil); err != nil {
					t.Errorf("info: %v", err)
				}
				a, err := p.Accept(context.Background(), lent(l))
				if err == nil {
					unix.Close(a.FD)
				} else if !errors.Is(err, syscall.EAGAIN) {
					t.Errorf("accept: %v", err)
				}
				unix.Close(k.FD)
				calls.Add(1)
			}
		})
	}
	for range 30 {
		seen := calls.Load()
		if err := h.Reload(t.Context(), "twice"); err != nil {
			t.Error(err)
			break
		}
		eventually(t, "calls go on", func() bool { return calls.Load() > seen || t.Failed() })
	}
	over.Store(true)
	callers.Wait()
	eventually(t, "one process is left", func() bool { return stateOf(t, h, "twice").Processes == 1 })
	t.Logf("%d rounds of calls", calls.Load())
}

func TestBuildThatFailsLeavesTheOldOneServing(t *testing.T) {
	for _, c := range []struct{ how, want string }{
		{"dies", "ended before it was ready"},
		{"renamed", "calls itself somebody"},
		{"layer", "is a layer"},
		{"held", "sockets live with it"},
	} {
		t.Run(c.how, func(t *testing.T) {
			h, file := installer(t, host.Descriptors)
			build{"twice", "1", "fine"}.install(t, h, file)
			p, err := h.Protocol("twice")
			must(t, err)
			k := open(t, p)
			pid := stateOf(t, h, "twice").PID
			build{"twice", "2", c.how}.install(t, h, file)
			err = h.Reload(t.Context(), "twice")
			if !errors.Is(err, socket.Failed) || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v", err)
			}
			s := stateOf(t, h, "twice")
			if s.PID != pid || s.Processes != 1 || s.Version != "1" || answers(t, p, k) != "1" {
				t.Errorf("%+v", s)
			}
		})
	}
}

// A build of another nature that is on record starts when the one before has died: what
// it made has no more calls, and new sockets are of the new nature.
func TestBuildOfAnotherNatureTakesOverFromOneThatDied(t *testing.T) {
	for _, how := range [][2]string{{"fine", "held"}, {"held", "fine"}} {
		h, file := installer(t, host.Descriptors)
		build{"twice", "1", how[0]}.install(t, h, file)
		p, err := h.Protocol("twice")
		must(t, err)
		k := open(t, p)
		build{"twice", "2", how[1]}.install(t, h, file)
		if err := h.Reload(t.Context(), "twice"); !errors.Is(err, socket.Failed) {
			t.Fatalf("%s: reloaded: %v", how, err)
		}
		must(t, unix.Kill(stateOf(t, h, "twice").PID, unix.SIGKILL))
		eventually(t, "it is gone", func() bool { return stateOf(t, h, "twice").State == "failed" })
		var n socket.Handle
		eventually(t, "a socket of the new nature", func() bool { // the first may be asked for as the old one has it
			n, err = p.Open(t.Context(), socket.OpenRequest{})
			return err == nil
		})
		defer unix.Close(n.FD)
		if (n.Carrier != nil) != (how[1] == "held") {
			t.Errorf("%s: carrier %v", how, n.Carrier)
		}
		if _, err := p.Shutdown(t.Context(), lent(k), socket.ShutdownBoth); err == nil {
			t.Errorf("%s: a call on a socket of the build before", how)
		}
	}
}

// A layer, and a socket that is carried, live in the process that made them.
func TestOldProcessLivesAsLongAsWhatLivesInIt(t *testing.T) {
	t.Run("layer", func(t *testing.T) {
		h, file := installer(t, host.Descriptors)
		build{"twice", "1", "layer"}.install(t, h, file)
		p, err := h.Protocol("twice")
		must(t, err)
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		must(t, err)
		defer unix.Close(fds[1])
		k, err := p.Wrap(t.Context(), socket.WrapRequest{FD: fds[0], Kind: socket.Stream})
		must(t, err)
		oldLives(t, h, p, func() {
			_, err := unix.Write(k.FD, []byte("through"))
			must(t, err)
			readable(t, fds[1])
			buf := make([]byte, 16)
			n, err := unix.Read(fds[1], buf)
			if err != nil || string(buf[:n]) != "through" {
				t.Fatalf("%q, %v", buf[:n], err)
			}
		}, func() { unix.Close(k.FD) })
	})
	t.Run("carried socket", func(t *testing.T) {
		h, file := installer(t, host.Stream)
		build{"twice", "1", "fine"}.install(t, h, file)
		p, err := h.Protocol("twice")
		must(t, err)
		k, err := p.Open(t.Context(), socket.OpenRequest{})
		must(t, err)
		oldLives(t, h, p, func() {
			if got := answers(t, p, k); got != "1" {
				t.Errorf("build %s answers for a socket of the first", got)
			}
		}, func() { unix.Close(k.FD) })
	})
}

func TestReloadsThatLeaveProcessesAreBounded(t *testing.T) {
	h, file := installer(t, host.Stream)
	build{"twice", "1", "fine"}.install(t, h, file)
	p, err := h.Protocol("twice")
	must(t, err)
	for range 40 {
		k, err := p.Open(t.Context(), socket.OpenRequest{})
		must(t, err)
		defer unix.Close(k.FD)
		if err = h.Reload(t.Context(), "twice"); err == nil {
			continue
		}
		if n := stateOf(t, h, "twice").Processes; n != 32 || !errors.Is(err, socket.Failed) || !strings.Contains(err.Error(), "32 builds") {
			t.Fatalf("%d processes: %v", n, err)
		}
		unix.Close(k.FD)
		return
	}
	t.Error("there is no bound")
}

func oldLives(t *testing.T, h *host.Host, p socket.Complete, works, end func()) {
	t.Helper()
	works()
	old := stateOf(t, h, "twice")
	if old.Holds != 1 || old.Processes != 1 {
		t.Fatalf("%+v", old)
	}
	must(t, h.Reload(t.Context(), "twice"))
	works()
	if s := stateOf(t, h, "twice"); s.Processes != 2 || s.Holds != 1 || s.PID == old.PID {
		t.Errorf("%+v", s)
	}
	end()
	eventually(t, "the old process has ended", func() bool { return gone(old.PID) })
	eventually(t, "one process is left", func() bool { s := stateOf(t, h, "twice"); return s.Processes == 1 && s.Holds == 0 })
}

func TestRemovedPluginLeavesDescriptorsAlone(t *testing.T) {
	h, file := installer(t, host.Descriptors)
	build{"twice", "1", "fine"}.install(t, h, file)
	p, err := h.Protocol("twice")
	must(t, err)
	l, at := listen(t, p)
	dial(t, at)
	pid := stateOf(t, h, "twice").PID
	must(t, h.Remove(t.Context(), "twice"))
	if !gone(pid) {
		t.Error("its process has not ended")
	}
	readable(t, l.FD)
	fd, _, err := unix.Accept(l.FD)
	must(t, err)
	unix.Close(fd)
	_, err = p.Info(t.Context(), lent(l), nil)
	clear(t, err, "was removed")
	if _, err := h.Protocol("twice"); !errors.Is(err, socket.Usage) {
		t.Errorf("it can still be had: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(file), "plugins", "sosh-plugin-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	build{"twice", "2", "fine"}.install(t, h, file)
	if _, err := h.Protocol("twice"); err != nil {
		t.Fatal(err)
	}
	if got := answers(t, p, l); got != "2" {
		t.Errorf("build %s answers after it came back", got)
	}
	for _, name := range []string{"tcp", "nobody"} {
		if err := h.Remove(t.Context(), name); !errors.Is(err, socket.Usage) {
			t.Errorf("remove %s: %v", name, err)
		}
	}
}
