package unix_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	sys "golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/plugins/sdk"
	"github.com/sosh-shell/sosh/plugins/unix"
)

type sock struct {
	t *testing.T
	sdk.Lent
}

func open(t *testing.T, options ...string) *sock {
	t.Helper()
	var set []sdk.Setting
	for _, o := range options {
		name, value, _ := strings.Cut(o, "=")
		set = append(set, sdk.Setting{Name: name, Value: value})
	}
	h, err := unix.New().Open(t.Context(), sdk.OpenRequest{Options: set})
	if err != nil {
		t.Fatal(err)
	}
	return own(t, h)
}

func own(t *testing.T, h sdk.Handle) *sock {
	k := &sock{t, sdk.Lent{FD: h.FD, Mark: h.Mark}}
	t.Cleanup(func() { sys.Close(k.FD) })
	return k
}

func (k *sock) bind(text string) error {
	as, err := unix.New().(sdk.Resolver).Resolve(k.t.Context(), sdk.ResolveRequest{Text: text, Passive: true})
	if err != nil {
		return err
	}
	_, err = unix.New().(sdk.Binder).Bind(k.t.Context(), k.Lent, as[0])
	return err
}

func (k *sock) listen(backlog int) {
	k.t.Helper()
	if _, err := unix.New().(sdk.Listener).Listen(k.t.Context(), k.Lent, backlog); err != nil {
		k.t.Fatal(err)
	}
}

func (k *sock) connect(text string) error {
	as, err := unix.New().(sdk.Resolver).Resolve(k.t.Context(), sdk.ResolveRequest{Text: text})
	if err != nil {
		return err
	}
	_, err = unix.New().(sdk.Connector).Connect(k.t.Context(), k.Lent, as[0])
	return err
}

func (k *sock) accept() (*sock, error) {
	h, err := unix.New().(sdk.Accepter).Accept(k.t.Context(), k.Lent)
	if err != nil {
		return nil, err
	}
	return own(k.t, h), nil
}

func (k *sock) option(set, get string) (string, error) {
	var list []sdk.Setting
	if name, value, ok := strings.Cut(set, "="); ok {
		list = append(list, sdk.Setting{Name: name, Value: value})
	}
	v, _, err := unix.New().(sdk.Optioner).Option(k.t.Context(), k.Lent, list, []string{get})
	if err != nil {
		return "", err
	}
	return v[0].Value, nil
}

// hints checks an error's identity and what to do about it.
func hints(t *testing.T, err, is error, hint string) {
	t.Helper()
	var e *sdk.Error
	if !errors.Is(err, is) || !errors.As(err, &e) || !strings.Contains(e.Hint, hint) {
		t.Errorf("got %v (%+v), want %v and %q", err, e, is, hint)
	}
}

func TestFullBacklogIsAnErrorInWords(t *testing.T) {
	l, path := open(t), filepath.Join(t.TempDir(), "s")
	if err := l.bind(path); err != nil {
		t.Fatal(err)
	}
	l.listen(0)
	for range 10 {
		err := open(t).connect(path)
		if err == nil {
			continue
		}
		hints(t, err, syscall.EAGAIN, "try again")
		if errors.Is(err, syscall.EINPROGRESS) || !strings.Contains(err.Error(), "the server's backlog is full") {
			t.Errorf("got %v", err)
		}
		return
	}
	t.Error("no backlog is full")
}

func TestAbstractNames(t *testing.T) {
	name := "@sosh-test-" + strconv.Itoa(os.Getpid())
	l := open(t)
	if err := l.bind(name); err != nil {
		t.Fatal(err)
	}
	hints(t, open(t, "unlink=on").bind(name), syscall.EADDRINUSE, "another socket has that name")
	l.listen(8)
	c := open(t)
	if err := c.connect(name); err != nil {
		t.Fatal(err)
	}
	k, err := l.accept()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sys.Write(c.FD, []byte("hi")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 8)
	if n, err := sys.Read(k.FD, b); err != nil || string(b[:n]) != "hi" {
		t.Errorf("%q, %v", b[:n], err)
	}
}

// TestKernelChoosesAName: so that a datagram socket can be answered.
func TestKernelChoosesAName(t *testing.T) {
	a, b := open(t, "kind=dgram"), open(t, "kind=datagram")
	for _, k := range []*sock{a, b} {
		if err := k.bind("@"); err != nil {
			t.Fatal(err)
		}
	}
	sa, err := sys.Getsockname(b.FD)
	name := sa.(*sys.SockaddrUnix).Name
	if err != nil || len(name) < 2 || name[0] != '@' {
		t.Fatalf("%q, %v", name, err)
	}
	if err := a.connect(name); err != nil {
		t.Fatal(err)
	}
}

func TestFailedConnectsSayWhatToDo(t *testing.T) {
	dir := t.TempDir()
	l, path := open(t), filepath.Join(dir, "s")
	if err := l.bind(path); err != nil {
		t.Fatal(err)
	}
	if err := open(t).connect(path); !errors.Is(err, syscall.ECONNREFUSED) { // it does not listen yet
		t.Errorf("got %v", err)
	}
	hints(t, open(t).connect(filepath.Join(dir, "nothing")), syscall.ENOENT, "start the server")
	hints(t, open(t, "kind=datagram").connect(path), syscall.EPROTOTYPE, "kind=")
	hints(t, open(t).bind(filepath.Join(dir, "no", "s")), syscall.ENOENT, "its directory does not exist")
	hints(t, l.bind(filepath.Join(dir, "t")), syscall.EINVAL, "has an address already")
}

func TestLongestPathBindsAndConnects(t *testing.T) {
	dir, err := os.MkdirTemp("", "sosh")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, strings.Repeat("x", 106-len(dir)))
	l := open(t)
	if err := l.bind(path); err != nil || len(path) != 107 {
		t.Fatal(len(path), err)
	}
	l.listen(1)
	if err := open(t).connect(path); err != nil {
		t.Error(err)
	}
}

func TestKindIsChosenAtOpen(t *testing.T) {
	for option, want := range map[string]string{"": "stream", "kind=stream": "stream", "kind=dgram": "datagram", "kind=datagram": "datagram", "kind=seqpacket": "seqpacket"} {
		var k *sock
		if option == "" {
			k = open(t)
		} else {
			k = open(t, option)
		}
		if got, err := k.option("", "kind"); err != nil || got != want {
			t.Errorf("%s: %s, %v", option, got, err)
		}
		if got, err := k.option("kind="+want, "kind"); err != nil || got != want {
			t.Errorf("%s again: %s, %v", want, got, err)
		}
	}
	if _, err := open(t).option("kind=datagram", "kind"); !errors.Is(err, sdk.Unsupported) {
		t.Errorf("changed: %v", err)
	}
	if _, err := open(t).option("unlink=on", "unlink"); !errors.Is(err, sdk.Unsupported) {
		t.Errorf("changed: %v", err)
	}
	if _, err := open(t).option("unlink=maybe", "unlink"); !errors.Is(err, sdk.Usage) {
		t.Errorf("nonsense: %v", err)
	}
	for _, o := range []sdk.Setting{{Name: "kind", Value: "raw"}, {Name: "unlink", Value: ""}} {
		if h, err := unix.New().Open(t.Context(), sdk.OpenRequest{Options: []sdk.Setting{o}}); !errors.Is(err, sdk.Usage) || h.FD >= 0 {
			t.Errorf("%v: fd %d, %v", o, h.FD, err)
		}
	}
}

func TestFactsOfThePeer(t *testing.T) {
	l, path := open(t), filepath.Join(t.TempDir(), "s")
	if err := l.bind(path); err != nil {
		t.Fatal(err)
	}
	l.listen(8)
	c := open(t)
	if err := c.connect(path); err != nil {
		t.Fatal(err)
	}
	k, err := l.accept()
	if err != nil {
		t.Fatal(err)
	}
	comm, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"peer.pid": strconv.Itoa(os.Getpid()), "peer.uid": strconv.Itoa(os.Getuid()), "peer.gid": strconv.Itoa(os.Getgid()),
		"peer.process": strings.TrimSpace(string(comm))}
	for _, end := range []*sock{c, k, l, open(t), open(t, "kind=datagram")} {
		facts, err := unix.New().(sdk.Informer).Info(t.Context(), end.Lent, nil)
		if err != nil || len(facts) != 5 {
			t.Fatalf("%v, %v", facts, err)
		}
		for _, f := range facts {
			expected, known := want[f.Name]
			if end != c && end != k {
				expected, known = "", true
			}
			if known && f.Value != expected {
				t.Errorf("%s is %q, want %q", f.Name, f.Value, expected)
			}
			if f.Name == "peer.user" && os.Getuid() == 0 && (end == c || end == k) && f.Value != "root" {
				t.Errorf("the user is %q", f.Value)
			}
		}
	}
}
