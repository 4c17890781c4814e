//go:build linux

package telnet

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// in is what the reader makes of a peer's bytes, in pieces of n.
func in(t *testing.T, n int, wire string, accepted bool, set ...sdk.Setting) (string, *conn, error) {
	t.Helper()
	c := wrap(t, says([]byte(wire)), accepted, set...)
	var out []byte
	for {
		b := make([]byte, n)
		k, err := c.Read(b)
		out = append(out, b[:k]...)
		if err != nil {
			if err == io.EOF {
				err = nil
			}
			return string(out), c, err
		}
	}
}

// sent is what a connection has said, when all that it was asked for is said.
func sent(t *testing.T, c *conn) string {
	t.Helper()
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	return c.Below.(*canned).Out.String()
}

func TestCommandsNeverReachTheData(t *testing.T) {
	for wire, want := range map[string]string{
		"hello":                                "hello",
		"a\xff\xffb":                           "a\xffb",
		"a\xff\xf1b\xff\xf6\xff\xf6c\xff\xf2d": "abcd",
		"a\r\nb\r\x00c\rd\r":                   "a\r\nb\rc\rd\r",
		"a\x00b\nc":                            "a\x00b\nc",
		"a\xff\xfb\x63b\xff\xfd\x63c":          "abc",
		"a\xff\xfa\x18\x01\xff\xf0b":           "ab",
		"a\xff\xfa\x63x\xff\xffy\xff\xf0b":     "ab",
		"a\xff\xfa\x63x\xff\xf1b":              "ab",
		"a\xff\xfa\x63" + strings.Repeat("x", 9000) + "\xff\xf0b": "ab",
		"\r\xff\xffx": "\r\xffx",
	} {
		for n := 1; n <= 9; n += 2 {
			if got, _, err := in(t, n, wire, false); got != want || err != nil {
				t.Errorf("%.40q in pieces of %d: %q, %v, want %q", wire, n, got, err, want)
			}
		}
	}
	_, c, _ := in(t, 99, "\xff\xf6\xff\xf6\xff\xf4\xff\x01", false)
	if got := fact(c, "commands"); got != "IP 1, AYT 2, other 1" {
		t.Errorf("commands %q", got)
	}
}

func TestEndWithinACommandIsTruncated(t *testing.T) {
	for _, wire := range []string{"a\xff", "a\xff\xfd", "a\xff\xfa", "a\xff\xfa\x18\x01", "a\xff\xfa\x18\x01\xff"} {
		if got, _, err := in(t, 99, wire, false); got != "a" || err != io.ErrUnexpectedEOF {
			t.Errorf("%q: %q, %v", wire, got, err)
		}
	}
}

func TestDataIsEscapedOnTheWayOut(t *testing.T) {
	for data, want := range map[string]string{
		"a\xffb":                               "a\xff\xffb",
		"a\r\nb":                               "a\r\nb",
		"a\rb":                                 "a\r\x00b",
		"a\r":                                  "a\r\x00",
		"\r\r\n\r":                             "\r\x00\r\n\r\x00",
		"\r\xff":                               "\r\x00\xff\xff",
		"\n":                                   "\n",
		strings.Repeat("x", 32<<10-1) + "\r\n": strings.Repeat("x", 32<<10-1) + "\r\n",
	} {
		c := wrap(t, says(nil), false)
		if n, err := io.WriteString(c, data); n != len(data) || err != nil {
			t.Fatal(n, err)
		}
		if got := sent(t, c); got != want {
			t.Errorf("%.40q: %.40q", data, got)
		}
	}
}

// Whatever is written at one end, in whatever pieces, is read at the other.
func TestAnyBytesArriveAsTheyWereSent(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		pieces := rapid.SliceOf(rapid.SliceOf(rapid.SampledFrom([]byte{0, '\r', '\n', 255, 240, 250, 'a'}))).Draw(rt, "pieces")
		set := []sdk.Setting{set("binary", rapid.SampledFrom([]string{"on", "off"}).Draw(rt, "binary"))}
		c := wrap(t, says([]byte("\xff\xfd\x00\xff\xfb\x00")), false, set...)
		io.ReadAll(c)
		var want []byte
		for _, p := range pieces {
			want = append(want, p...)
			c.Write(p)
		}
		got, _, err := in(t, rapid.IntRange(1, 20).Draw(rt, "n"), sent(t, c), true, set...)
		if err != nil || got != string(want) {
			rt.Fatalf("%q, %v, want %q", got, err, want)
		}
	})
}

func TestClientAnswersAServersRequests(t *testing.T) {
	_, c, err := in(t, 99, "\xff\xfd\x18\xff\xfd\x1f\xff\xfb\x01\xff\xfb\x03\xff\xfd\x03\xff\xfd\x27\xff\xfb\x05\xff\xfa\x18\x01\xff\xf0\xff\xfd\x01", false, set("ttype", "xterm"), set("naws", "255x24"))
	if err != nil {
		t.Fatal(err)
	}
	want := "\xff\xfb\x18" + "\xff\xfb\x1f\xff\xfa\x1f\x00\xff\xff\x00\x18\xff\xf0" + "\xff\xfd\x01" + "\xff\xfd\x03" + "\xff\xfb\x03" +
		"\xff\xfc\x27" + "\xff\xfe\x05" + "\xff\xfa\x18\x00xterm\xff\xf0" + "\xff\xfc\x01"
	if got := sent(t, c); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	for name, want := range map[string]string{"local.ttype": "on", "local.naws": "on", "remote.echo": "on", "local.echo": "off", "remote.sga": "on", "local.sga": "on", "local.binary": "off"} {
		if got := fact(c, name); got != want {
			t.Errorf("%s is %s", name, got)
		}
	}
}

func TestServerLearnsTerminalAndWindow(t *testing.T) {
	_, s, err := in(t, 99, "\xff\xfd\x03\xff\xfb\x18\xff\xfb\x1f\xff\xfa\x18\x00VT100\xff\xf0\xff\xfa\x1f\x01\x00\x00\x32\xff\xf0", true)
	if err != nil {
		t.Fatal(err)
	}
	if fact(s, "ttype") != "VT100" || fact(s, "naws") != "256x50" || fact(s, "local.sga") != "on" || fact(s, "role") != "server" {
		t.Errorf("%v", s.Facts())
	}
	if got := sent(t, s); got != "\xff\xfb\x03\xff\xfd\x03\xff\xfd\x18\xff\xfd\x1f"+"\xff\xfa\x18\x01\xff\xf0" {
		t.Errorf("%q", got)
	}
}

func TestWindowCanBeChangedLive(t *testing.T) {
	a, b := pair(t)
	c, s := wrap(t, a, false), wrap(t, b, true)
	go io.Copy(io.Discard, c)
	// Data behind what is asked for shows that it has come.
	await := func(mark, name, want string) {
		t.Helper()
		for fact(s, name) != want {
			io.WriteString(c, mark)
			if _, err := io.ReadFull(s, make([]byte, len(mark))); err != nil {
				t.Fatal(err)
			}
		}
	}
	await("x", "naws", "80x24")
	await("y", "ttype", "dumb")
	if err := c.SetOption("naws", "100x30"); err != nil {
		t.Fatal(err)
	}
	await("z", "naws", "100x30")
	if err := c.SetOption("naws", "off"); err != nil {
		t.Fatal(err)
	}
	await("z", "remote.naws", "off")
	for name, want := range map[string]string{"naws": "off", "ttype": "dumb", "binary": "off", "echo": "auto", "server": "off"} {
		if got, err := c.GetOption(name); got != want || err != nil {
			t.Errorf("%s is %q, %v", name, got, err)
		}
	}
}

func TestBinaryBeginsBehindItsNegotiation(t *testing.T) {
	got, c, err := in(t, 99, "a\r\x00\xff\xfb\x00b\r\x00\xff\xfc\x00c\r\x00", false, set("binary", "on"))
	if err != nil || got != "a\rb\r\x00c\r" {
		t.Errorf("%q, %v", got, err)
	}
	if got := sent(t, c); got != "\xff\xfb\x00\xff\xfd\x00\xff\xfe\x00" {
		t.Errorf("sent %q", got)
	}
	_, c, _ = in(t, 99, "\xff\xfd\x00", false, set("binary", "on"))
	io.WriteString(c, "\r\xff")
	if got := sent(t, c); !strings.HasSuffix(got, "\r\xff\xff") {
		t.Errorf("sent %q", got)
	}
	_, c, _ = in(t, 99, "\xff\xfd\x00", false)
	if got := sent(t, c); got != "\xff\xfc\x00" {
		t.Errorf("not allowed, and answered %q", got)
	}
}

func TestPeerThatAsksAndDoesNotReadIsBounded(t *testing.T) {
	c := mute(t, false)
	var err error
	for range 100000 { // data between the requests, so that they are answered
		if _, err = c.take([]byte("\xff\xfd\x63x")); err != nil {
			break
		}
	}
	if !errors.Is(err, sdk.Malformed) || len(c.queue) > mostQueued+64 {
		t.Errorf("%v, %d bytes queued", err, len(c.queue))
	}
}

func TestUnwrapGivesBackAnIncompleteCommand(t *testing.T) {
	for _, wire := range []string{"\xff", "\xff\xfd", "\xff\xfa\x18\x01\xff"} {
		c := wrap(t, says(nil), false)
		b := []byte("ab" + wire)
		if n, err := c.take(b); n != 2 || err != nil {
			t.Fatal(n, err)
		}
		if got, err := c.Unwrap(t.Context()); string(got) != wire || err != nil {
			t.Errorf("%q, %v, want %q", got, err, wire)
		}
	}
}

func TestWrongOptionsAreRefused(t *testing.T) {
	for _, s := range []sdk.Setting{set("server", "yes"), set("ttype", ""), set("ttype", "a b"), set("ttype", strings.Repeat("x", 41)),
		set("naws", "80"), set("naws", "0x24"), set("naws", "80x65536"), set("echo", "maybe")} {
		v, err := sdk.OptionValuesOf(options, s)
		if err != nil {
			t.Fatal(err)
		}
		peer := says(nil)
		if _, err := (layer{}).Wrap(t.Context(), peer, sdk.LayerRequest{Options: v}); !errors.Is(err, sdk.Usage) || peer.Out.Len() > 0 {
			t.Errorf("%v: %v", s, err)
		}
	}
	if err := wrap(t, says(nil), false).SetOption("server", "on"); !errors.Is(err, sdk.Usage) {
		t.Errorf("server changed: %v", err)
	}
}

// A SYNCH: its DATA MARK is urgent, and stays in its place.
func TestUrgentDataMarkIsNotTakenOutOfTheStream(t *testing.T) {
	a, b := pair(t)
	c := wrap(t, b, true)
	go io.Copy(io.Discard, a)
	if err := urgent(a.TCPConn, []byte("ab\xff\xf2")); err != nil {
		t.Fatal(err)
	}
	io.WriteString(a, "cd")
	a.CloseWrite()
	got, err := io.ReadAll(c)
	if string(got) != "abcd" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if fact(c, "commands") != "DM 1" {
		t.Errorf("%v", c.Facts())
	}
}

var _ net.Conn = (*conn)(nil)
