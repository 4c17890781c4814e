package host_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/host"
	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
	"github.com/sosh-shell/sosh/plugins/tcp"
	"github.com/sosh-shell/sosh/plugins/unruly"
)

var loopback = netip.MustParseAddrPort("127.0.0.1:0")

func TestPluginThatDoesNotStartIsAClearError(t *testing.T) {
	for name, want := range map[string]string{
		"unruly-dies":   "ended before it was ready",
		"unruly-prints": "is no plugin",
		"unruly-hangs":  "did not start within 300ms",
	} {
		t.Run(name, func(t *testing.T) {
			h, p := start(t, host.Descriptors, func(c *host.Config) {
				if name == "unruly-hangs" { // the others end by themselves, on a busy machine later
					c.StartTimeout = 300 * time.Millisecond
				}
			}, unruly.Named(name))
			_, err := p.Open(t.Context(), socket.OpenRequest{})
			var at *socket.Error
			if !errors.Is(err, socket.Failed) || !errors.As(err, &at) || at.Hint == "" || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v", err)
			}
			if s := h.Plugins()[0]; s.State != "failed" || s.PID != 0 {
				t.Errorf("state %+v", s)
			}
		})
	}
}

func TestNothingStartsBeforeItIsNeeded(t *testing.T) {
	h, p := start(t, host.Descriptors, nil, unruly.Bare)
	p.Describe()
	for _, err := range []error{
		second(p.Listen(t.Context(), socket.Lent{FD: 0}, 1)), second(p.Accept(t.Context(), socket.Lent{FD: 0})),
		second(p.Resolve(t.Context(), socket.ResolveRequest{})), second(p.Info(t.Context(), socket.Lent{}, nil)),
	} {
		if !errors.Is(err, socket.Unsupported) {
			t.Errorf("got %v", err)
		}
	}
	if _, err := p.Listen(t.Context(), socket.Lent{}, 1); err.Error() != "bare cannot listen" {
		t.Errorf("got %v", err)
	}
	if len(h.Descriptions()) != 1 || h.Plugins()[0] != (socket.Plugin{Name: "bare", Version: "0", State: "idle", Path: "bundled"}) {
		t.Errorf("%+v", h.Plugins())
	}
	open(t, p)
	open(t, p)
	if s := h.Plugins()[0]; s.State != "running" || s.Starts != 1 || s.PID == 0 {
		t.Errorf("%+v", s)
	}
}

func second[T any](_ T, err error) error { return err }

func TestUnknownProtocolIsWrongUsage(t *testing.T) {
	h := plugintest.Host(t, host.Descriptors, nil, tcp.New)
	if _, err := h.Protocol("tpc"); !errors.Is(err, socket.Usage) {
		t.Errorf("got %v", err)
	}
}

func TestManyFirstCallsStartOneProcess(t *testing.T) {
	h, p := start(t, host.Descriptors, nil, tcp.New)
	done := make(chan socket.Handle, 20)
	for range cap(done) {
		go func() {
			k, err := p.Open(context.Background(), socket.OpenRequest{})
			if err != nil {
				t.Error(err)
			}
			done <- k
		}()
	}
	for range cap(done) {
		syscall.Close((<-done).FD)
	}
	if s := h.Plugins()[0]; s.Starts != 1 {
		t.Errorf("%+v", s)
	}
}

func TestCloseEndsEveryPluginEvenAStoppedOne(t *testing.T) {
	leaksNothing(t)
	h := plugintest.Host(t, host.Descriptors, nil, tcp.New, unruly.New)
	for _, name := range []string{"tcp", "unruly"} {
		p, err := h.Protocol(name)
		if err != nil {
			t.Fatal(err)
		}
		open(t, p)
	}
	plugins := h.Plugins()
	signal(t, plugins[0].PID, syscall.SIGSTOP)
	begin := time.Now()
	h.Close()
	if d := time.Since(begin); d > 2*time.Second {
		t.Errorf("took %v", d)
	}
	for _, s := range plugins {
		if !gone(s.PID) {
			t.Errorf("%s lives on", s.Name)
		}
	}
	if _, err := h.Protocol("tcp"); !errors.Is(err, socket.Failed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestClosingEndsAStartAndACall(t *testing.T) {
	for name, construct := range map[string]func() socket.Protocol{"start": unruly.Named("unruly-hangs"), "call": unruly.New} {
		t.Run(name, func(t *testing.T) {
			h, p := start(t, host.Descriptors, nil, construct)
			failed := make(chan error, 1)
			go func() {
				_, err := p.Open(context.Background(), socket.OpenRequest{Options: []socket.Setting{{Name: "do", Value: "hang"}}})
				failed <- err
			}()
			eventually(t, "its process exists", func() bool { return len(children()) > 0 })
			h.Close()
			if err := <-failed; !errors.Is(err, socket.Failed) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// children are the processes that this one has started.
func children() []string {
	files, _ := filepath.Glob("/proc/self/task/*/children")
	var out []string
	for _, f := range files {
		b, _ := os.ReadFile(f)
		out = append(out, strings.Fields(string(b))...)
	}
	return out
}

// says starts the helper and returns what it says.
func says(t *testing.T, c *exec.Cmd, out *bufio.Reader) helperSays {
	t.Helper()
	line, err := out.ReadString('\n')
	var s helperSays
	if err == nil {
		err = json.Unmarshal([]byte(strings.TrimSpace(line)), &s)
	}
	if err != nil {
		c.Process.Kill()
		c.Wait()
		t.Fatalf("the helper said %q: %v", line, err)
	}
	return s
}

func TestKilledHostLeavesNoPluginAndNoFile(t *testing.T) {
	for _, how := range []string{"running", "stopped"} {
		t.Run(how, func(t *testing.T) {
			c := helperCommand(how)
			out, err := c.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			c.Stderr = os.Stderr
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			s := says(t, c, bufio.NewReader(out))
			c.Process.Kill()
			c.Wait()
			// Whoever inherits it may reap it late: dead is enough.
			eventually(t, "the plugin has ended", func() bool {
				b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.PID))
				return err != nil || strings.Contains(string(b), ") Z ")
			})
			for _, dir := range []string{os.TempDir(), os.Getenv("XDG_RUNTIME_DIR")} {
				left, _ := filepath.Glob(filepath.Join(dir, fmt.Sprintf("sosh-%d-%d-*", os.Getuid(), c.Process.Pid)))
				if dir != "" && len(left) > 0 {
					t.Errorf("left behind: %v", left)
				}
			}
		})
	}
}

func TestPluginHasNoTerminalAndAShortEnvironment(t *testing.T) {
	c := helperCommand("running")
	tty, err := pty.Start(c) // the helper has a controlling terminal
	if err != nil {
		t.Fatal(err)
	}
	defer tty.Close()
	s := says(t, c, bufio.NewReader(tty))
	c.Process.Kill()
	c.Wait()
	info := map[string]string{}
	for _, i := range s.Info {
		info[i.Name] = i.Value
	}
	if !strings.HasPrefix(info["stdin"], "pipe:") {
		t.Errorf("stdin is %s", info["stdin"])
	}
	if info["tty"] != "open /dev/tty: no such device or address" {
		t.Errorf("/dev/tty: %s", info["tty"])
	}
	if info["session"] != "true" {
		t.Error("it is not in a session of its own")
	}
	got := map[string]bool{}
	for _, kv := range strings.Split(info["environment"], "\n") {
		k, _, _ := strings.Cut(kv, "=")
		got[k] = true
		switch {
		case k == "PATH", k == "HOME", k == "LANG", k == "TZ", k == "TMPDIR", k == "SSLKEYLOGFILE",
			strings.HasPrefix(k, "LC_"), strings.HasPrefix(k, "XDG_"), // ours
			strings.HasPrefix(k, "PLUGIN_"), k == "SOSH_PLUGIN", k == "SOSH_DESCRIPTORS", // the protocol's
			k == "PYTHONDONTWRITEBYTECODE":
		default:
			t.Errorf("it sees %s", kv)
		}
	}
	for _, k := range []string{"LC_TEST", "XDG_TEST", "TZ", "PATH", "SOSH_DESCRIPTORS", "PYTHONDONTWRITEBYTECODE"} {
		if !got[k] {
			t.Errorf("it does not see %s", k)
		}
	}
}

func TestFilesOfDeadProgramsAreSwept(t *testing.T) {
	dead := exec.Command("true")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	base, err := os.MkdirTemp("/tmp", "run") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(base)
	t.Setenv("XDG_RUNTIME_DIR", base)
	stale := filepath.Join(base, fmt.Sprintf("sosh-%d-%d-abc", os.Getuid(), dead.Process.Pid))
	fresh := filepath.Join(base, fmt.Sprintf("sosh-%d-%d-def", os.Getuid(), dead.Process.Pid))
	ours := filepath.Join(base, fmt.Sprintf("sosh-%d-%d-abc", os.Getuid(), os.Getpid()))
	// A container's: its number means nothing here, but the directory is in use.
	foreign := filepath.Join(base, fmt.Sprintf("sosh-%d-%d-ghi", os.Getuid(), dead.Process.Pid))
	for _, d := range []string{stale, ours, foreign, fresh} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
		if old := time.Now().Add(-time.Hour); d != fresh {
			must(t, os.Chtimes(d, old, old))
		}
	}
	inUse, err := os.Open(foreign)
	must(t, err)
	defer inUse.Close()
	must(t, syscall.Flock(int(inUse.Fd()), syscall.LOCK_SH))
	_, p := start(t, host.Descriptors, nil, tcp.New)
	open(t, p)
	if _, err := os.Stat(stale); !os.IsNotExist(err) {
		t.Errorf("the stale one: %v", err)
	}
	for _, d := range []string{ours, foreign, fresh} {
		if _, err := os.Stat(d); err != nil {
			t.Errorf("one that may be in use: %v", err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(base, "*")); len(left) != 3 {
		t.Errorf("left while it runs: %v", left)
	}
}

func TestWhatAPluginPrintsGoesToTheLog(t *testing.T) {
	h, p := start(t, host.Descriptors, nil, unruly.New)
	open(t, p, socket.Setting{Name: "do", Value: "print"})
	for _, want := range []string{"on stdout", "on stderr", "on descriptor 2"} {
		eventually(t, want, func() bool { return strings.Contains(strings.Join(h.Log("unruly"), "\n"), want) })
	}
}
