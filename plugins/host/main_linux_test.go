package host_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/host"
	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
	"github.com/sosh-shell/sosh/plugins/tcp"
	"github.com/sosh-shell/sosh/plugins/unruly"
)

func TestMain(m *testing.M) {
	if b, ok := thisBuild(); ok {
		b.serve()
		return
	}
	if path := os.Getenv(bareKey); path != "" {
		serveBare(path)
	}
	unruly.ServeIfAsked()
	if os.Getenv(helperKey) != "" {
		plugintest.ServeIfAsked(tcp.New)
		helper()
		return
	}
	plugintest.Main(m, tcp.New, unruly.Bare)
}

// helperKey in the environment makes the test program a host of its own, which
// starts a plugin, says what it is and waits to be killed.
const helperKey = "SOSH_TEST_HOST"

type helperSays struct {
	PID  int
	Info []socket.Setting
}

func helper() {
	h, err := host.New(host.Config{Bundled: map[string]func() socket.Protocol{"unruly": unruly.New}})
	fail(err)
	p, err := h.Protocol("unruly")
	fail(err)
	k, err := p.Open(context.Background(), socket.OpenRequest{})
	fail(err)
	info, err := p.Info(context.Background(), socket.Lent{FD: k.FD}, nil)
	fail(err)
	if os.Getenv(helperKey) == "stopped" {
		syscall.Kill(h.Plugins()[0].PID, syscall.SIGSTOP)
	}
	b, err := json.Marshal(helperSays{h.Plugins()[0].PID, info})
	fail(err)
	fmt.Printf("%s\n", b)
	select {}
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func helperCommand(how string) *exec.Cmd {
	c := exec.Command("/proc/self/exe")
	c.Env = append(os.Environ(), helperKey+"="+how, "SECRET=1", "LC_TEST=2", "XDG_TEST=3", "TZ=UTC")
	return c
}

// signal sends a signal to a plugin of this very process, and to nobody else: the
// process is held by a descriptor while it is looked at.
func signal(t testing.TB, pid int, sig syscall.Signal) {
	t.Helper()
	if pid == 0 {
		return
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return // has ended
	}
	defer unix.Close(fd)
	if ppid := parent(pid); ppid != os.Getpid() {
		return
	}
	unix.PidfdSendSignal(fd, sig, nil, 0)
	if sig == syscall.SIGSTOP {
		eventually(t, "each of its threads has stopped", func() bool {
			files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
			return !slices.ContainsFunc(files, func(f string) bool {
				b, err := os.ReadFile(f)
				return err == nil && !strings.Contains(string(b), ") T ") && !strings.Contains(string(b), ") Z ")
			})
		})
	}
}

func parent(pid int) int {
	n, _ := strconv.Atoi(status(pid, "PPid"))
	return n
}

// status is a line of proc_pid_status(5).
func status(pid int, key string) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(b), "\n"+key+":")
	line, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(line)
}

// eventually waits until ok.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s", what)
		}
		unix.Poll(nil, 1)
	}
}

// gone reports whether no process of that number is left, dead or alive.
func gone(pid int) bool { return syscall.Kill(pid, 0) == syscall.ESRCH }

// descriptors lists this process's open descriptors but those of Go's runtime.
func descriptors(t testing.TB) map[string]string {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, e := range entries {
		to, err := os.Readlink("/proc/self/fd/" + e.Name())
		if err == nil && !strings.HasPrefix(to, "anon_inode:[event") {
			out[e.Name()] = to
		}
	}
	return out
}

// leaksNothing checks at the test's end that it left no descriptor open.
func leaksNothing(t *testing.T) {
	t.Helper()
	before := descriptors(t)
	t.Cleanup(func() {
		eventually(t, fmt.Sprintf("%d descriptors are open as before", len(before)), func() bool {
			return len(descriptors(t)) <= len(before)
		})
	})
}

// start makes a host with one protocol.
func start(t testing.TB, form host.Form, edit func(*host.Config), construct func() socket.Protocol) (*host.Host, socket.Complete) {
	t.Helper()
	if t, ok := t.(*testing.T); ok {
		leaksNothing(t)
	}
	h := plugintest.Host(t, form, edit, construct)
	p, err := h.Protocol(construct().Describe().Name)
	if err != nil {
		t.Fatal(err)
	}
	return h, p
}

// quick is for those that do not answer, and enough for the others on a busy machine.
func quick(c *host.Config) { c.CallTimeout = time.Second }

func open(t testing.TB, p socket.Complete, options ...socket.Setting) socket.Handle {
	t.Helper()
	h, err := p.Open(context.Background(), socket.OpenRequest{Options: options})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() { unix.Close(h.FD) })
	return h
}

func lent(h socket.Handle) socket.Lent {
	return socket.Lent{FD: h.FD, Mark: h.Mark, Carrier: h.Carrier}
}

func listen(t testing.TB, p socket.Complete, options ...socket.Setting) (socket.Handle, socket.Address) {
	t.Helper()
	l := open(t, p, options...)
	a := socket.AddressOf(loopback)
	if _, err := p.Bind(context.Background(), lent(l), a); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Listen(context.Background(), lent(l), 64); err != nil {
		t.Fatal(err)
	}
	if l.Carrier != nil {
		return l, l.Carrier.Facts().Local
	}
	sa, err := syscall.Getsockname(l.FD)
	if err != nil {
		t.Fatal(err)
	}
	return l, socket.FromSockaddr(sa)
}

// dial makes a plain connection to a listener, as a stranger would.
func dial(t testing.TB, a socket.Address) int {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	sa, err := a.Sockaddr()
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Connect(fd, sa); err != nil {
		t.Fatal(err)
	}
	return fd
}

func readable(t testing.TB, fd int) {
	t.Helper()
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	eventually(t, "there is something to read", func() bool { n, _ := unix.Poll(p, 100); return n > 0 })
}
