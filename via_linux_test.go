package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/core/table"
	"github.com/sosh-shell/sosh/plugins/host"
	"github.com/sosh-shell/sosh/shell/command"
)

// elsewhere is a table whose host knows the place "lab". The program has no name
// that holds elsewhere, so that it must be carried there.
func elsewhere(t *testing.T, command ...string) (*table.Table, *host.Host) {
	t.Helper()
	exe, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { exe.Close() })
	return world(t, host.Config{Executable: fmt.Sprintf("/proc/self/fd/%d", exe.Fd())}, command...)
}

func world(t *testing.T, cfg host.Config, command ...string) (*table.Table, *host.Host) {
	t.Helper()
	cfg.Bundled, cfg.Version, cfg.Log = bundled, programVersion(), testLog{t}
	cfg.Places = filepath.Join(t.TempDir(), "places")
	h, err := host.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.AddPlace("lab", command); err != nil {
		t.Fatal(err)
	}
	tab := table.New(h)
	t.Cleanup(func() {
		tab.Close()
		h.Close()
	})
	return tab, h
}

type testLog struct{ testing.TB }

func (l testLog) Write(p []byte) (int, error) {
	l.Log(strings.TrimRight(string(p), "\n"))
	return len(p), nil
}

func untold(string) {}

// until waits until ok.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s", what)
		}
		unix.Poll(nil, 5)
	}
}

// running lists the processes whose command line has the text in it.
func running(text string) (pids []int) {
	all, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range all {
		b, err := os.ReadFile(path)
		if pid, perr := strconv.Atoi(strings.Split(path, "/")[2]); err == nil && perr == nil && pid != os.Getpid() &&
			strings.Contains(strings.ReplaceAll(string(b), "\x00", " "), text) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// shellScript writes an executable shell script.
func shellScript(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// connection opens a listener and a connection to it, by two words after open.
func connection(t *testing.T, tab *table.Table, server, client, at string) (a, b *table.Socket) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	srv, err := tab.Open(ctx, table.Spec{Protocol: server, Listen: at})
	if err != nil {
		t.Fatal(err)
	}
	f, _ := srv.Facts()
	a, err = tab.Open(ctx, table.Spec{Protocol: client, Connect: f.Local.Text(socket.HostPort)})
	if err != nil {
		t.Fatal(err)
	}
	if b, err = srv.Accept(ctx, ""); err != nil {
		t.Fatal(err)
	}
	return a, b
}

// bulk sends n random bytes from a to b and compares by digest.
func bulkThrough(ctx context.Context, a, b *table.Socket, n int) error {
	var r [32]byte
	for i := range r {
		r[i] = byte(rand.Uint32())
	}
	source := rand.NewChaCha8(r)
	sent, got := sha256.New(), sha256.New()
	failed := make(chan error, 1)
	go func() {
		buf := make([]byte, 1<<20)
		for left := n; left > 0; left -= len(buf) {
			buf = buf[:min(left, len(buf))]
			source.Read(buf)
			sent.Write(buf)
			if _, err := a.Send(ctx, buf); err != nil {
				failed <- fmt.Errorf("send: %w", err)
				return
			}
		}
		failed <- a.Shutdown(ctx, socket.ShutdownWrite)
	}()
	turn, err := b.Read(ctx)
	if err != nil {
		return err
	}
	defer turn.Done()
	buf := make([]byte, 64<<10)
	for total := 0; ; {
		k, err := turn.Take(ctx, buf)
		got.Write(buf[:k])
		total += k
		if errors.Is(err, socket.Ended) {
			err = <-failed
			if err == nil && (total != n || !bytes.Equal(sent.Sum(nil), got.Sum(nil))) {
				err = fmt.Errorf("%d bytes of %d came, or others", total, n)
			}
			return err
		}
		if err != nil {
			return err
		}
	}
}

// bothWays moves bytes in both directions at once.
func bothWays(t *testing.T, a, b *table.Socket, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	begin := time.Now()
	back := make(chan error, 1)
	go func() { back <- bulkThrough(ctx, b, a, n) }()
	if err := bulkThrough(ctx, a, b, n); err != nil {
		t.Error(err)
	}
	if err := <-back; err != nil {
		t.Error("back:", err)
	}
	t.Logf("%d MiB each way in %v", n>>20, time.Since(begin).Round(time.Millisecond))
}

// TestThreeNamespacesInARow: a client in the first, a router, a server in the third;
// each socket lives where its place is.
func TestThreeNamespacesInARow(t *testing.T) {
	ns := func(n string) string { return fmt.Sprintf("sosh%d%s", os.Getpid(), n) }
	ip := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	for _, n := range []string{"a", "b", "c"} {
		ip("netns", "add", ns(n))
		t.Cleanup(func() { exec.Command("ip", "netns", "del", ns(n)).Run() })
		ip("-n", ns(n), "link", "set", "lo", "up")
	}
	for i, pair := range [][2]string{{"a", "b"}, {"b", "c"}} {
		ip("link", "add", "to"+pair[1], "netns", ns(pair[0]), "type", "veth", "peer", "name", "to"+pair[0], "netns", ns(pair[1]))
		ip("-n", ns(pair[0]), "addr", "add", fmt.Sprintf("10.77.%d.1/24", i), "dev", "to"+pair[1])
		ip("-n", ns(pair[1]), "addr", "add", fmt.Sprintf("10.77.%d.2/24", i), "dev", "to"+pair[0])
		ip("-n", ns(pair[0]), "link", "set", "to"+pair[1], "up")
		ip("-n", ns(pair[1]), "link", "set", "to"+pair[0], "up")
	}
	ip("-n", ns("a"), "route", "add", "default", "via", "10.77.0.2")
	ip("-n", ns("c"), "route", "add", "default", "via", "10.77.1.1")
	ip("netns", "exec", ns("b"), "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward")

	tab, h := world(t, host.Config{}, "true")
	word := map[string]string{}
	for _, n := range []string{"a", "b", "c"} {
		name, err := h.PlaceOf([]string{"ip", "netns", "exec", ns(n)})
		if err != nil || name != ns(n) {
			t.Fatalf("the place is called %q, %v", name, err)
		}
		word[n] = "tcp@" + name
	}
	a, c := connection(t, tab, word["c"], word["a"], "10.77.1.2:0")
	f, _ := c.Facts()
	if f.Remote.Host() != "10.77.0.1" || f.State != "ESTABLISHED" || a.Description().Word() != word["a"] || a.Name() != "tcp2" {
		t.Errorf("%s: %+v", a.Name(), f)
	}
	bothWays(t, a, c, 4<<20)
	// What one namespace has, the next has not, and the errno comes through.
	_, err := tab.Open(t.Context(), table.Spec{Protocol: word["b"], Listen: "10.77.1.2:0"})
	if !errors.Is(err, syscall.EADDRNOTAVAIL) {
		t.Errorf("the neighbour's address: %v", err)
	}
	_, err = tab.Open(t.Context(), table.Spec{Protocol: word["a"], Connect: "10.77.1.2:9"})
	if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a closed port: %v", err)
	}
	for _, p := range h.Plugins() {
		if strings.HasSuffix(p.Name, "@"+ns("a")) && (p.PID == 0 || p.State != "running" || p.Path != "ip netns exec "+ns("a")) {
			t.Errorf("%+v", p)
		}
	}
	// ping runs there too: its second hop is the router's.
	var rows []string
	icmp, err := h.Protocol("icmp-raw@" + ns("a"))
	if err == nil {
		err = icmp.Run(t.Context(), socket.RunRequest{Command: "ping", Args: []string{"10.77.1.2"}, Flags: []socket.Setting{{Name: "count", Value: "1"}}},
			func(r socket.Row) error { rows = append(rows, r.Text); return nil })
	}
	if err != nil || !strings.Contains(strings.Join(rows, "\n"), "ttl=63") {
		t.Errorf("ping: %q, %v", rows, err)
	}
}

// TestWhatWasSentArrivesThoughTheShellEnds: a close waits for what is on its way.
func TestWhatWasSentArrivesThoughTheShellEnds(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := make(chan error, 1)
	const size = 8 << 20
	go func() {
		c, err := l.Accept()
		if err != nil {
			got <- err
			return
		}
		defer c.Close()
		n, err := io.Copy(io.Discard, c)
		if err == nil && n != size {
			err = fmt.Errorf("%d bytes came", n)
		}
		got <- err
	}()
	bin := t.TempDir()
	if err := os.Symlink(must(os.Executable()), bin+"/sosh"); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(bin+"/sosh", "-c", fmt.Sprintf("open tcp --via env %s -n c; head -c %d /dev/zero | send -f - c", l.Addr(), size))
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := <-got; err != nil {
		t.Error(err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// pod is a root directory with busybox in it, and a kubectl that leads there.
func pod(t *testing.T) (root string, command []string) {
	t.Helper()
	root, bin := t.TempDir(), t.TempDir()
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(busybox)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{"bin", "tmp", "dev", "etc", "proc"} {
		if err := os.MkdirAll(filepath.Join(root, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(root+"/bin/busybox", b, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(root+"/dev/null", nil, 0o666); err != nil { // to mount on
		t.Fatal(err)
	}
	kubectl := shellScript(t, bin, "kubectl", fmt.Sprintf(`
[ "$1 $2 $3 $4" = "exec -i pod --" ] || { echo "error: unknown command: $*" >&2; exit 1; }
shift 4
[ -e %[1]s/bin/"$1" ] || { echo "exec: \"$1\": executable file not found in \$PATH: unknown" >&2; exit 126; }
exec unshare -m sh -c 'mount --bind /proc %[1]s/proc && mount --bind /dev/null %[1]s/dev/null && exec env -i PATH=/bin /usr/sbin/chroot %[1]s "$@"' x "$@"`, root))
	return root, []string{kubectl, "exec", "-i", "pod", "--"}
}

// TestPodGetsTheProgram: a container with nothing but busybox, no home, another
// file system.
func TestPodGetsTheProgram(t *testing.T) {
	root, command := pod(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()

	tab, h := elsewhere(t, command...)
	if err := h.Reach(ctx, "tcp@lab", untold); !errors.Is(err, socket.Failed) || !strings.Contains(hintOf(err), "a container without one") {
		t.Errorf("without a shell: %v, %s", err, hintOf(err))
	}
	for _, applet := range strings.Fields("sh uname sha256sum head wc chmod mkdir rmdir rm mv ls grep tail touch env printf") {
		if err := os.Symlink("busybox", root+"/bin/"+applet); err != nil {
			t.Fatal(err)
		}
	}
	libraries, err := exec.Command("ldd", must(os.Executable())).CombinedOutput()
	if err == nil { // else it needs none
		if err := h.Reach(ctx, "tcp@lab", untold); !errors.Is(err, socket.Failed) || !strings.Contains(hintOf(err), "CGO_ENABLED=0") {
			t.Errorf("without libraries: %v, %s", err, hintOf(err))
		}
		for _, w := range strings.Fields(string(libraries)) {
			if b, err := os.ReadFile(w); err == nil && filepath.IsAbs(w) {
				os.MkdirAll(root+filepath.Dir(w), 0o755)
				if err := os.WriteFile(root+w, b, 0o755); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if err := os.WriteFile(root+"/etc/hosts", []byte("127.0.0.1 only-there.example\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	var told string
	if err := h.Reach(ctx, "tcp@lab", func(s string) { told = s }); err != nil {
		t.Fatal(err, hintOf(err))
	}
	if !strings.Contains(told, "carrying it there") {
		t.Errorf("told %q", told)
	}
	a, b := connection(t, tab, "tcp@lab", "tcp@lab", "only-there.example:0")
	bothWays(t, a, b, 1<<20)
	if _, err := tab.Open(ctx, table.Spec{Protocol: "tcp", Connect: "only-there.example:1"}); !errors.Is(err, socket.Unresolved) {
		t.Errorf("a name of another place: %v", err)
	}
	// Without a home nothing is left: the program has removed its file.
	if left, _ := filepath.Glob(root + "/tmp/*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func hintOf(err error) string {
	var e *socket.Error
	if errors.As(err, &e) {
		return e.Hint
	}
	return ""
}

// TestPlaceThatCannotBeReachedSaysWhy: each with its reason, its hint, and nothing
// left running.
func TestPlaceThatCannotBeReachedSaysWhy(t *testing.T) {
	dir := t.TempDir()
	fakeUname := t.TempDir()
	shellScript(t, fakeUname, "uname", `case $1 in -m) echo sparc64 ;; *) echo SunOS ;; esac`)
	shut := `unshare -m sh -c 'for d in "$HOME" /tmp /var/tmp /dev/shm; do mount -t tmpfs -o noexec t "$d"; done; exec "$@"' x`
	home := t.TempDir()
	for name, c := range map[string]struct{ run, text, hint string }{
		"no program":      {"", "cannot be started: executable file not found", "leads there"},
		"refused":         {"echo 'Permission denied (publickey).' >&2; exit 255", `ended with status 255: "Permission denied (publickey)."`, "a key or an agent"},
		"no shell":        {"echo 'sh: not found' >&2; exit 127", `status 127: "sh: not found"`, "kubectl debug"},
		"no input":        {"exec </dev/null; exec \"$@\"", "ended at once", "exec -i"},
		"a terminal":      {`exec script -qfc "$*" /dev/null`, "makes a terminal there", "-t"},
		"another system":  {"PATH=" + fakeUname + ":/usr/sbin:/usr/bin:/sbin:/bin; exec \"$@\"", "it is SunOS/sparc64 there", programVersion()},
		"no directory":    {"unset TMPDIR; HOME=" + home + " exec " + shut + ` "$@"`, "can be written and run from", "TMPDIR"},
		"silent":          {"exec sleep 1000", "did not answer for 2s", "password"},
		"closed":          {"exec sleep 1000 >/dev/null", "was ended", ""},
		"floods":          {"exec yes", "ended", ""},
		"floods in line":  {"exec cat /dev/zero", "ended", ""},
		"full":            {"HOME=" + home + " exec unshare -m sh -c 'mount -t tmpfs -o size=64k t \"$HOME\"; exec \"$@\"' x \"$@\"", "failed", "MB"},
		"dies as it runs": {`sed -u '/^exec env/q' >/dev/null & exit 3`, "ended with status 3", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			command := []string{"no-such-program-of-ours"}
			if c.run != "" {
				command = []string{shellScript(t, dir, strings.ReplaceAll(name, " ", "-"), c.run)}
			}
			exe := must(os.Open("/proc/self/exe"))
			defer exe.Close()
			cfg := host.Config{Executable: fmt.Sprintf("/proc/self/fd/%d", exe.Fd())}
			if name == "silent" {
				cfg.ReachTimeout = 2 * time.Second
			}
			_, h := world(t, cfg, command...)
			err := h.Reach(t.Context(), "tcp@lab", untold)
			if !errors.Is(err, socket.Failed) || !strings.Contains(fmt.Sprint(err), c.text) || !strings.Contains(hintOf(err), c.hint) || strings.Contains(fmt.Sprint(err), "\n") {
				t.Errorf("got %v\n%s", err, hintOf(err))
			}
			if left := running(dir + "/" + strings.ReplaceAll(name, " ", "-")); len(left) > 0 {
				t.Errorf("left running: %v", left)
			}
		})
	}
}

// TestReachingIsGivenUpWithItsLastCaller: Ctrl-C ends what leads to the place, but not
// while somebody else waits for it.
func TestReachingIsGivenUpWithItsLastCaller(t *testing.T) {
	dir := t.TempDir()
	hang := shellScript(t, dir, "hang", "exec sleep 1000")
	_, h := world(t, host.Config{}, hang)
	first, cancelFirst := context.WithCancel(t.Context())
	second, cancelSecond := context.WithCancel(t.Context())
	ended := make(chan error)
	for _, ctx := range []context.Context{first, second} {
		go func() { ended <- h.Reach(ctx, "tcp@lab", untold) }()
	}
	var pid []int
	until(t, "the command runs", func() bool { pid = children(os.Getpid()); return len(pid) > 0 })
	cancelFirst()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if now := children(os.Getpid()); len(now) != 1 || now[0] != pid[0] {
		t.Errorf("%v became %v", pid, now)
	}
	cancelSecond()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if now := children(os.Getpid()); len(now) != 0 {
		t.Errorf("%v lives", now)
	}
	for _, p := range h.Plugins() {
		if p.Name == "tcp@lab" && p.State != "idle" {
			t.Errorf("%+v", p)
		}
	}
}

func TestPlacesAreCompleted(t *testing.T) {
	tab, _ := world(t, host.Config{}, "ssh", "lab")
	s := &command.Session{Table: tab}
	offered := func(line string) string {
		var out []string
		word, all := command.Complete(s, line)
		for _, c := range all {
			if strings.HasPrefix(c.Text, word) {
				out = append(out, c.Text)
			}
		}
		return strings.Join(out, " ")
	}
	for line, want := range map[string]string{
		"open tcp@": "tcp@lab", "open tcp@l": "tcp@lab", "open tcp@x": "", "open tcp": "tcp", "open tls@": "",
		"via remove l": "lab", "via add l": "", "open tcp@lab :80 nod": "nodelay=",
	} {
		if got := offered(line); got != want {
			t.Errorf("%s: %q", line, got)
		}
	}
}
