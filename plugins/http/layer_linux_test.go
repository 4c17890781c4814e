package http

import (
	"net"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/plugins/sdk"
	"github.com/sosh-shell/sosh/plugins/sdk/conform"
	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
)

func TestMain(m *testing.M) { plugintest.Main(m, New) }

// What a client sends is no response: the ends are not alike, so each is checked alone.
func TestConformance(t *testing.T) {
	plugintest.RunHow(t, New, conform.How{Alone: true, Host: "localhost"})
}

// What stands behind a 101 is for the next layer, and unwrap does not wait for the peer.
func TestSwitchedStreamIsUnwrappedWithItsBytes(t *testing.T) {
	below := socketpair(t)
	p := New().(interface {
		sdk.Wrapper
		sdk.Encoder
	})
	h, err := p.Wrap(t.Context(), sdk.WrapRequest{FD: below.fd, Kind: sdk.Stream, Host: "example.com"})
	if err != nil {
		t.Fatal(err)
	}
	above := os.NewFile(uintptr(h.FD), "above")
	defer above.Close()
	m, err := p.Encode(t.Context(), h.Mark, []sdk.Setting{set("header.upgrade", "x")})
	if err != nil {
		t.Fatal(err)
	}
	// A frame: type, no address, and the length, big-endian.
	head := []byte{m.Type, 0, 0, 0, 0, 0, 0, byte(len(m.Data))}
	if _, err := above.Write(append(head, m.Data...)); err != nil {
		t.Fatal(err)
	}
	want := "GET / HTTP/1.1\r\nHost: example.com\r\nUpgrade: x\r\n\r\n"
	if got := below.read(t, len(want)); got != want {
		t.Errorf("sent %q", got)
	}
	answer := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"
	if _, err := below.peer.Write([]byte(answer + "\x81\x00")); err != nil {
		t.Fatal(err)
	}
	frame := make([]byte, len(head)+len(answer))
	for n := 0; n < len(frame); {
		k, err := above.Read(frame[n:])
		if err != nil {
			t.Fatal(err)
		}
		n += k
	}
	unread, err := p.Unwrap(t.Context(), sdk.Lent{FD: h.FD, Mark: h.Mark, Carrier: h.Carrier})
	if err != nil {
		t.Fatal(err)
	}
	if string(unread)+below.left(t) != "\x81\x00" {
		t.Errorf("unread %q", unread)
	}
}

// beneath is a socket that the layer has, our copy of it, and its peer.
type beneath struct {
	fd   int
	copy *os.File
	peer net.Conn
}

func socketpair(t *testing.T) beneath {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	dup, err := unix.Dup(fds[0])
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fds[1]), "peer")
	defer f.Close()
	peer, err := net.FileConn(f)
	if err != nil {
		t.Fatal(err)
	}
	own := os.NewFile(uintptr(dup), "copy")
	t.Cleanup(func() { peer.Close(); own.Close() })
	return beneath{fds[0], own, peer}
}

func (b beneath) read(t *testing.T, n int) string {
	t.Helper()
	buf := make([]byte, n)
	for got := 0; got < n; {
		k, err := b.peer.Read(buf[got:])
		if err != nil {
			t.Fatal(err)
		}
		got += k
	}
	return string(buf)
}

// left is what the layer has not read.
func (b beneath) left(t *testing.T) string {
	t.Helper()
	b.peer.Close()
	buf := make([]byte, 64)
	n, _ := b.copy.Read(buf)
	return string(buf[:max(n, 0)])
}
