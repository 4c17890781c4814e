package unix_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	sys "golang.org/x/sys/unix"
)

// leave makes a socket's file that no process has any more.
func leave(t *testing.T, kind string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	k := open(t, "kind="+kind)
	if err := k.bind(path); err != nil {
		t.Fatal(err)
	}
	sys.Close(k.FD)
	k.FD = -1
	return path
}

// TestStaleFileIsRemovedOnlyWhenAsked, as nc -U and sshd leave it.
func TestStaleFileIsRemovedOnlyWhenAsked(t *testing.T) {
	for _, kind := range []string{"stream", "datagram", "seqpacket"} {
		path := leave(t, kind)
		hints(t, open(t).bind(path), syscall.EADDRINUSE, "unlink=on removes")
		if _, err := os.Lstat(path); err != nil {
			t.Fatal(err)
		}
		l := open(t, "unlink=on")
		if v, err := l.option("", "unlink"); err != nil || v != "on" {
			t.Errorf("unlink reads %s, %v", v, err)
		}
		if err := l.bind(path); err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		l.listen(1)
		if err := open(t).connect(path); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// TestServedSocketStays, also one that is bound and does not listen yet, and nobody
// who serves it notices the question.
func TestServedSocketStays(t *testing.T) {
	for _, kind := range []string{"stream", "datagram", "seqpacket"} {
		for _, listens := range []bool{false, true} {
			server, path := open(t, "kind="+kind), filepath.Join(t.TempDir(), "s")
			if err := server.bind(path); err != nil {
				t.Fatal(err)
			}
			if listens && kind != "datagram" {
				server.listen(8)
			}
			hints(t, open(t, "unlink=on").bind(path), syscall.EADDRINUSE, "a process has the socket")
			if st, err := os.Lstat(path); err != nil || st.Mode().Type() != os.ModeSocket {
				t.Errorf("%s: %v, %v", kind, st, err)
			}
			if n, err := sys.Poll([]sys.PollFd{{Fd: int32(server.FD), Events: sys.POLLIN}}, 0); listens && (n != 0 || err != nil) {
				t.Errorf("%s: the server was woken (%v)", kind, err)
			}
		}
	}
}

// TestWhatIsNoSocketStays: files, directories, and links, also those to a stale socket.
func TestWhatIsNoSocketStays(t *testing.T) {
	dir := t.TempDir()
	for name, make := range map[string]func(string) error{
		"file":      func(p string) error { return os.WriteFile(p, []byte("precious"), 0o600) },
		"directory": func(p string) error { return os.Mkdir(p, 0o700) },
		"link":      func(p string) error { return os.Symlink(leave(t, "stream"), p) },
		"pipe":      func(p string) error { return sys.Mkfifo(p, 0o600) },
	} {
		path := filepath.Join(dir, name)
		if err := make(path); err != nil {
			t.Fatal(err)
		}
		before, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		hints(t, open(t, "unlink=on").bind(path), syscall.EADDRINUSE, "no socket")
		if after, err := os.Lstat(path); err != nil || !os.SameFile(before, after) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestConnectedDatagramSocketStays: it refuses the question, and is served.
func TestConnectedDatagramSocketStays(t *testing.T) {
	dir := t.TempDir()
	a, b := open(t, "kind=datagram"), open(t, "kind=datagram")
	if err := errors.Join(a.bind(filepath.Join(dir, "a")), b.bind(filepath.Join(dir, "b"))); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(a.connect(filepath.Join(dir, "b")), b.connect(filepath.Join(dir, "a"))); err != nil {
		t.Fatal(err)
	}
	hints(t, open(t, "unlink=on").bind(filepath.Join(dir, "a")), syscall.EADDRINUSE, "a process has the socket")
}
