package fault_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/plugins/fault"
	"github.com/sosh-shell/sosh/plugins/sdk"
	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
)

func TestMain(m *testing.M) { plugintest.Main(m, fault.New) }

func settings(pairs ...string) (out []sdk.Setting) {
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, sdk.Setting{Name: pairs[i], Value: pairs[i+1]})
	}
	return out
}

// A layer that harms without loss keeps every promise.
func TestConformance(t *testing.T) {
	for name, o := range map[string][]sdk.Setting{
		"without a fault": nil,
		"late":            settings("delay", "2ms", "jitter", "2ms"),
		"in pieces":       settings("split", "700"),
	} {
		t.Run(name, func(t *testing.T) {
			plugintest.RunLayer(t, fault.New, plugintest.LayerTest{Client: o, Server: o})
		})
	}
}

const patience = 10 * time.Second

// ends is the layer on one end of a TCP connection, and the other end.
type ends struct {
	t     *testing.T
	proto interface {
		sdk.Wrapper
		sdk.Informer
		sdk.Optioner
	}
	sdk.Handle
	above *os.File
	peer  *net.TCPConn
	own   *net.TCPConn // the host's copy of what is beneath
}

func on(t *testing.T, options ...string) *ends {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	must(t, err)
	peer, err := l.Accept()
	must(t, err)
	e := &ends{t: t, peer: peer.(*net.TCPConn), own: c.(*net.TCPConn)}
	e.proto = fault.New().(interface {
		sdk.Wrapper
		sdk.Informer
		sdk.Optioner
	})
	f, err := c.(*net.TCPConn).File()
	must(t, err)
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	must(t, err)
	f.Close()
	t.Cleanup(func() { c.Close(); peer.Close() }) // the host's copy
	e.Handle, err = e.proto.Wrap(t.Context(), sdk.WrapRequest{FD: fd, Kind: sdk.Stream, Options: settings(options...)})
	must(t, err)
	e.above = os.NewFile(uintptr(e.FD), "above")
	t.Cleanup(func() { e.above.Close() })
	must(t, e.above.SetDeadline(time.Now().Add(patience)))
	must(t, e.peer.SetDeadline(time.Now().Add(patience)))
	return e
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (e *ends) send(s string) {
	e.t.Helper()
	_, err := io.WriteString(e.above, s)
	must(e.t, err)
}

func (e *ends) half() {
	e.t.Helper()
	raw, err := e.above.SyscallConn()
	must(e.t, err)
	raw.Control(func(fd uintptr) { unix.Shutdown(int(fd), unix.SHUT_WR) })
}

func (e *ends) fact(name string) string {
	e.t.Helper()
	f, err := e.proto.Info(e.t.Context(), sdk.Lent{Carrier: e.Carrier}, []string{name})
	must(e.t, err)
	return f[0].Value
}

func TestFaultsOfAStreamAreAtTheirByte(t *testing.T) {
	for _, c := range []struct {
		options string
		sent    string // what the peer gets of abcdefghij
		fact    string
	}{
		{"drop=3", "abdefghij", "dropped"},
		{"drop=10", "abcdefghi", "dropped"},
		{"drop=11", "abcdefghij", ""},
		{"duplicate=1", "aabcdefghij", "duplicated"},
		{"duplicate=2 drop=4", "abbcefghij", "duplicated"},
		{"corrupt=2", "a\x9dcdefghij", "corrupted"},
		{"close=4", "abcd", ""},
		{"side=recv drop=3", "abcdefghij", ""},
		{"split=3 delay=1ms", "abcdefghij", "delayed"},
		{"rate=1000", "abcdefghij", "delayed"},
	} {
		for _, way := range []string{"at once", "byte by byte"} {
			e := on(t, strings.FieldsFunc(c.options, func(r rune) bool { return r == '=' || r == ' ' })...)
			if way == "at once" {
				e.send("abcdefghij")
			} else {
				for _, r := range "abcdefghij" {
					e.send(string(r))
				}
			}
			e.half()
			got, err := io.ReadAll(e.peer)
			if string(got) != c.sent || err != nil {
				t.Errorf("%s, %s: %q, %v", c.options, way, got, err)
			}
			if c.fact != "" && e.fact(c.fact) == "0" {
				t.Errorf("%s: %s=0", c.options, c.fact)
			}
		}
	}
}

func TestFaultsOfWhatComesAreTheSame(t *testing.T) {
	e := on(t, "side", "recv", "drop", "3", "duplicate", "5", "corrupt", "7")
	e.peer.Write([]byte("abcdefghij"))
	e.peer.CloseWrite()
	got, err := io.ReadAll(e.above)
	if string(got) != "abdeef\x98hij" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if err := e.Carrier.End(t.Context()); err != nil {
		t.Errorf("the end: %v", err)
	}
}

func TestResetComesAfterItsBytes(t *testing.T) {
	e := on(t, "reset", "4")
	e.send("abcdefghij")
	got, err := io.ReadAll(e.peer)
	if !errors.Is(err, unix.ECONNRESET) || len(got) > 4 {
		t.Errorf("the peer got %q, %v", got, err)
	}
	io.ReadAll(e.above)
	if err := e.Carrier.End(t.Context()); !errors.Is(err, sdk.Reset) {
		t.Errorf("the user: %v", err)
	}
}

func TestCloseOfWhatComesIsAnEnd(t *testing.T) {
	e := on(t, "side", "recv", "close", "4")
	e.peer.Write([]byte("abcdefghij"))
	got, err := io.ReadAll(e.above)
	if string(got) != "abcd" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if err := e.Carrier.End(t.Context()); err != nil {
		t.Errorf("the end: %v", err)
	}
}

func TestOptionsChangeWhileItWorks(t *testing.T) {
	e := on(t)
	e.send("ab")
	buf := make([]byte, 2)
	_, err := io.ReadFull(e.peer, buf)
	must(t, err)
	lent := sdk.Lent{Carrier: e.Carrier}
	got, _, err := e.proto.Option(t.Context(), lent, settings("drop", "4"), []string{"drop", "side"})
	must(t, err)
	if got[0].Value != "4" || got[1].Value != "both" {
		t.Errorf("%v", got)
	}
	e.send("cdef")
	e.half()
	if rest, err := io.ReadAll(e.peer); string(rest) != "cef" || err != nil {
		t.Errorf("%q, %v", rest, err)
	}
	for _, o := range [][]sdk.Setting{settings("side", "left"), settings("drop", "-1"), settings("loss", "5"), settings("delay", "2m"), settings("split", "2M")} {
		if _, _, err := e.proto.Option(t.Context(), lent, o, nil); !errors.Is(err, sdk.Usage) {
			t.Errorf("%v: %v", o, err)
		}
	}
}

func TestSplitTurnsNodelayOn(t *testing.T) {
	for split, want := range map[string]int{"0": 0, "3": 1} {
		e := on(t, "split", split)
		raw, err := e.own.SyscallConn()
		must(t, err)
		must(t, e.own.SetNoDelay(false))
		_, _, err = e.proto.Option(t.Context(), sdk.Lent{Carrier: e.Carrier}, settings("split", split), nil)
		must(t, err)
		raw.Control(func(fd uintptr) {
			if got, err := unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NODELAY); got != want || err != nil {
				t.Errorf("split=%s: nodelay is %d, %v", split, got, err)
			}
		})
	}
}

// packets is the layer on one end of a pair of datagram sockets.
func packets(t *testing.T, options ...string) (above *os.File, peer *os.File, e *ends) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	must(t, err)
	e = on(t)
	e.Handle, err = e.proto.Wrap(t.Context(), sdk.WrapRequest{FD: fds[0], Kind: sdk.Datagram, Options: settings(options...)})
	must(t, err)
	above, peer = os.NewFile(uintptr(e.FD), "above"), os.NewFile(uintptr(fds[1]), "peer")
	must(t, above.SetDeadline(time.Now().Add(patience)))
	must(t, peer.SetDeadline(time.Now().Add(patience)))
	t.Cleanup(func() {
		above.Close()
		peer.Close()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := e.Carrier.(interface{ Gone(context.Context) error }).Gone(ctx); err != nil {
			t.Error(err)
		}
	})
	return above, peer, e
}

func frame(s string) []byte { return append([]byte{0, 0, 0, 0, 0, 0, 0, byte(len(s))}, s...) }

func TestFaultsOfMessagesAreAtTheirMessage(t *testing.T) {
	above, peer, e := packets(t, "drop", "2", "duplicate", "3", "corrupt", "5")
	for _, m := range []string{"one", "two", "three", "", "five", "six"} {
		above.Write(frame(m))
		peer.Write([]byte(m))
	}
	want := []string{"one", "three", "three", "", "\x99ive", "six"}
	buf := make([]byte, 100)
	for _, w := range want {
		n, err := peer.Read(buf)
		if err != nil && !(w == "" && err == io.EOF) || string(buf[:n]) != w {
			t.Errorf("the peer got %q, %v; not %q", buf[:n], err, w)
		}
		_, err = io.ReadFull(above, buf[:8])
		must(t, err)
		if n := int(buf[7]); n > 0 {
			_, err = io.ReadFull(above, buf[8:8+n])
			must(t, err)
		}
		if got := string(buf[8 : 8+int(buf[7])]); got != w {
			t.Errorf("the user got %q, not %q", got, w)
		}
	}
	if e.fact("dropped") != "2" || e.fact("duplicated") != "2" || e.fact("corrupted") != "2" {
		t.Errorf("dropped %s, duplicated %s, corrupted %s", e.fact("dropped"), e.fact("duplicated"), e.fact("corrupted"))
	}
}

// losses are the messages that survive, of 64.
func losses(t *testing.T, seed string) string {
	above, peer, _ := packets(t, "loss", "50", "seed", seed, "side", "send")
	survived := ""
	buf := make([]byte, 100)
	for i := range 64 {
		above.Write(frame(string(rune('0' + i))))
	}
	above.Write(frame("end"))
	for range 4 { // the last may be lost, too
		above.Write(frame("end"))
	}
	for {
		n, err := peer.Read(buf)
		if err != nil || string(buf[:n]) == "end" {
			return survived
		}
		survived += string(buf[:n])
	}
}

func TestChanceIsTheSameForTheSameSeed(t *testing.T) {
	a, b, c := losses(t, "1"), losses(t, "1"), losses(t, "2")
	if a != b || a == c || len(a) < 10 || len(a) > 54 {
		t.Errorf("%q, %q, %q", a, b, c)
	}
}

func TestSplitIsForStreamsOnly(t *testing.T) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(fds[1])
	_, err = fault.New().(sdk.Wrapper).Wrap(t.Context(), sdk.WrapRequest{FD: fds[0], Kind: sdk.Datagram, Options: settings("split", "1")})
	if !errors.Is(err, sdk.Usage) {
		t.Error(err)
	}
}

// A message that is on its way is not lost when the layer is taken off.
func TestUnwrapDeliversWhatIsOnItsWay(t *testing.T) {
	e := on(t, "delay", "1m")
	e.send("sent")
	e.peer.Write([]byte("received"))
	for e.fact("received") != "8" || e.fact("delayed") != "2" {
		unix.Poll(nil, 1)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if rest, err := e.proto.Unwrap(ctx, sdk.Lent{Carrier: e.Carrier}); len(rest) > 0 || err != nil {
		t.Errorf("%q, %v", rest, err)
	}
	if got, err := io.ReadAll(e.above); string(got) != "received" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	buf := make([]byte, 4)
	if _, err := io.ReadFull(e.peer, buf); string(buf) != "sent" || err != nil {
		t.Errorf("%q, %v", buf, err)
	}
}
