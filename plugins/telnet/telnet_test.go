//go:build linux

package telnet

import (
	"bytes"
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
	return c.Below.(*canned).out.String()
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

// mute is a connection whose queue nobody sends.
func mute(t *testing.T, server bool, set ...sdk.Setting) *conn {
	c := &conn{Below: says(nil), server: server, flushing: true}
	for _, o := range append([]sdk.Setting{{Name: "ttype", Value: "dumb"}, {Name: "naws", Value: "80x24"}, {Name: "echo", Value: "auto"}}, set...) {
		if err := c.prefer(o.Name, o.Value); err != nil {
			t.Fatal(err)
		}
	}
	c.begin()
	return c
}

// A peer that meets whatever we say with a request of its choice: what we say is
// bounded, whoever's side we are on, and what is no request is not answered.
func TestNoPeerCanTalkUsIntoALoop(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		server := rapid.Bool().Draw(rt, "server")
		c := mute(t, server, set("binary", "on"), set("echo", "on"))
		opts := []byte{optBinary, optEcho, optSGA, optTType, optNAWS, 5, 39, 255}
		total, rounds := 0, 0
		said := c.queue
		for ; rounds < 3000 && (len(said) > 0 || rounds < 50); rounds++ {
			total += len(said)
			c.queue = nil
			opt := rapid.SampledFrom(opts).Draw(rt, "opt")
			if len(said) >= 3 && rapid.Bool().Draw(rt, "same") {
				opt = said[2]
			}
			wire := []byte{cmdIAC, rapid.SampledFrom([]byte{cmdWILL, cmdWONT, cmdDO, cmdDONT}).Draw(rt, "cmd"), opt}
			if rapid.IntRange(0, 9).Draw(rt, "sub") == 0 {
				wire = []byte{cmdIAC, cmdSB, optTType, ttypeSend, cmdIAC, cmdSE}
			}
			if out, err := c.take(wire); out != 0 || err != nil {
				rt.Fatal(out, err)
			}
			said = c.queue
		}
		if c.answers > mostAnswers || total > 64*mostAnswers {
			rt.Fatalf("%d bytes said in %d rounds", total, rounds)
		}
	})
	c := mute(t, false)
	for range 5000 { // the worst: each answer is met by the opposite
		c.take([]byte("\xff\xfb\x01\xff\xfc\x01\xff\xfd\x63"))
	}
	if len(c.queue) > 3*mostAnswers {
		t.Errorf("%d bytes of answers", len(c.queue))
	}
	c.take([]byte("x\xff\xfd\x63"))
	if !bytes.HasSuffix(c.queue, []byte("\xff\xfc\x63")) {
		t.Error("no answer after data")
	}
}

// Two of us, whatever is changed at whatever moment, come to agree and fall silent.
func TestTwoSidesFallSilentAndAgree(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ends := [2]*conn{mute(t, false), mute(t, true)}
		pass := func(from int) {
			wire := ends[from].queue
			ends[from].queue = nil
			if _, err := ends[1-from].take(wire); err != nil {
				rt.Fatal(err)
			}
		}
		for range rapid.IntRange(0, 30).Draw(rt, "steps") {
			who := rapid.IntRange(0, 1).Draw(rt, "who")
			switch rapid.IntRange(0, 3).Draw(rt, "step") {
			case 0:
				ends[who].SetOption("binary", rapid.SampledFrom([]string{"on", "off"}).Draw(rt, "binary"))
			case 1:
				ends[who].SetOption("echo", rapid.SampledFrom([]string{"on", "off", "auto"}).Draw(rt, "echo"))
			default:
				pass(who)
			}
		}
		for i := 0; len(ends[0].queue)+len(ends[1].queue) > 0; i++ {
			if i > 100 {
				rt.Fatal("they do not fall silent")
			}
			pass(i & 1)
		}
		for i, o := range known {
			for _, p := range [][2]state{{ends[0].local[i].state, ends[1].remote[i].state}, {ends[1].local[i].state, ends[0].remote[i].state}} {
				if p[0] != p[1] || p[0] > yes {
					rt.Fatalf("%s: %v and %v", o.name, p[0], p[1])
				}
			}
		}
	})
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
		if _, err := (layer{}).Wrap(t.Context(), peer, sdk.LayerRequest{Options: v}); !errors.Is(err, sdk.Usage) || peer.out.Len() > 0 {
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

func FuzzRead(f *testing.F) {
	f.Add([]byte("a\xff\xfd\x18\xff\xfa\x18\x01\xff\xf0\xff\xfb\x01b\r\x00c"), uint8(3), false)
	f.Add([]byte("\xff\xfb\x1f\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0"), uint8(1), true)
	f.Add([]byte("\xff\xfa\x18\x00x\xff\xff\xff\xfd\x01\xff\xf6"), uint8(7), true)
	f.Fuzz(func(t *testing.T, wire []byte, n uint8, server bool) {
		got, c, err := in(t, int(n)+1, string(wire), server, set("binary", "on"))
		whole, d, werr := in(t, len(wire)+1, string(wire), server, set("binary", "on"))
		if got != whole || !errors.Is(err, werr) {
			t.Fatalf("in pieces of %d %q, %v; at once %q, %v", int(n)+1, got, err, whole, werr)
		}
		if len(got) > len(wire) || sent(t, c) != sent(t, d) {
			t.Fatalf("%q: %q", wire, got)
		}
		for _, s := range c.Facts() {
			if len(s.Value) > 400 {
				t.Fatalf("fact %s is %q", s.Name, s.Value)
			}
		}
	})
}

func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("a\r\nb\r\xff\x00"), 3)
	f.Fuzz(func(t *testing.T, data []byte, cut int) {
		c := wrap(t, says(nil), false)
		cut = min(max(cut, 0), len(data))
		c.Write(data[:cut])
		c.Write(data[cut:])
		if got, _, err := in(t, 64, sent(t, c), true); got != string(data) || err != nil {
			t.Fatalf("%q, %v, want %q", got, err, data)
		}
	})
}

var _ net.Conn = (*conn)(nil)
