package proxy

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/sosh-shell/sosh/plugins/sdk"
	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
)

func TestStreamBeginsWhereTheProxysAnswerEnds(t *testing.T) {
	peer := says("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n220 hello\r\n")
	c, err := wrap(peer, set("to", "mail.example:25"), set("user", "joe"), set("password", "a:b"))
	if err != nil {
		t.Fatal(err)
	}
	want := "CONNECT mail.example:25 HTTP/1.1\r\nHost: mail.example:25\r\nProxy-Authorization: Basic am9lOmE6Yg==\r\n\r\n"
	if got := peer.Out.String(); got != want {
		t.Errorf("asked %q", got)
	}
	if got := fact(c, "status"); got != "200 Connection established" {
		t.Errorf("status %q", got)
	}
	var b [3]byte
	if n, err := c.Read(b[:]); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	unread, err := c.(sdk.Unwrapper).Unwrap(t.Context())
	if got := string(b[:]) + string(unread); got != "220 hello\r\n" || err != nil {
		t.Errorf("the stream is %q, %v", got, err)
	}
	if got := rest(t, c); got != "" {
		t.Errorf("given back and read as well: %q", got)
	}
}

func TestAnswersThatAreNoTunnelAreSaid(t *testing.T) {
	for answer, want := range map[string]string{
		"HTTP/1.1 407 Auth\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\n": "give user=NAME password=WORD (it asks for Basic realm=\"x\")",
		"HTTP/1.1 403 Filtered\r\n\r\n":                                      "rules",
		"HTTP/1.0 502 Bad Gateway\r\n\r\nbody":                               "cannot reach",
		"HTTP/1.1 405 Not Allowed\r\n\r\n":                                   "web server",
		"SSH-2.0-OpenSSH_9\r\n":                                              "no HTTP proxy",
		"HTTP/1.1 x\r\n\r\n":                                                 "malformed",
		"HTTP/1.1 101 Switching\r\n\r\n":                                     "101",
		"HTTP/1.1 200 OK\r\nA: " + strings.Repeat("x", longestHead):          "64 KiB",
		strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 20):                  "100",
	} {
		_, err := wrap(says(answer), set("to", "a:80"))
		if err == nil || !strings.Contains(err.Error(), want) || !errors.Is(err, sdk.Malformed) && !errors.Is(err, sdk.Refused) {
			t.Errorf("%.40q: %v, want %q", answer, err, want)
		}
	}
}

func TestHangUpBeforeTheEndIsTruncated(t *testing.T) {
	for mode, whole := range map[string]string{
		modeConnect: "HTTP/1.1 200 OK\r\nA: b\r\n\r\n",
		modeRead:    "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
	} {
		s := []sdk.Setting{set("mode", mode), set("to", "a:80")}
		if mode == modeRead {
			s = s[:1]
		}
		for i := range len(whole) {
			if _, err := wrap(says(whole[:i]), s...); !errors.Is(err, sdk.Truncated) {
				t.Errorf("%s, after %d bytes: %v", mode, i, err)
			}
		}
		if _, err := wrap(says(whole), s...); err != nil {
			t.Errorf("%s: %v", mode, err)
		}
	}
	v2 := string(headerV2(plainOf("1.2.3.4:1"), plainOf("5.6.7.8:2")))
	for i := range len(v2) {
		if _, err := wrap(says(v2[:i]), set("mode", modeRead)); !errors.Is(err, sdk.Truncated) {
			t.Errorf("v2, after %d bytes: %v", i, err)
		}
	}
}

func TestWrongOptionsSendNothing(t *testing.T) {
	for _, s := range [][]sdk.Setting{
		{},
		{set("to", "example.com")},
		{set("to", "exa mple.com:80")},
		{set("to", "a\r\nX: y:80")},
		{set("to", "a:0")},
		{set("to", "a:80"), set("password", "x")},
		{set("to", "a:80"), set("user", "a:b")},
		{set("to", "a:80"), set("from", "1.2.3.4:5")},
		{set("mode", "v3")},
		{set("mode", "read"), set("to", "a:80")},
		{set("mode", "v1"), set("user", "u")},
		{set("mode", "v1"), set("from", "1.2.3.4:5"), set("to", "[::1]:80")},
		{set("mode", "v2"), set("from", "localhost:5"), set("to", "1.2.3.4:80")},
		{set("mode", "v2")}, // canned has no addresses
	} {
		peer := says("")
		if _, err := wrap(peer, s...); !errors.Is(err, sdk.Usage) {
			t.Errorf("%v: %v", s, err)
		}
		if peer.Out.Len() > 0 {
			t.Errorf("%v: %q was sent", s, peer.Out.String())
		}
	}
}

// What announce writes is what section 2 of the protocol's text shows, and what
// accept reads.
func TestHeadersAreWrittenAndReadAlike(t *testing.T) {
	long := "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"
	for _, c := range []struct{ mode, from, to, wire string }{
		{"v1", "192.168.0.1:56324", "192.168.0.11:443", "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n"},
		{"v1", long, long, "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"},
		{"v1", "none", "", "PROXY UNKNOWN\r\n"},
		{"v2", "1.2.3.4:258", "5.6.7.8:80", signature + "\x21\x11\x00\x0c\x01\x02\x03\x04\x05\x06\x07\x08\x01\x02\x00\x50"},
		{"v2", "[::1]:1", "[::2]:2", signature + "\x21\x21\x00\x24" + zeros(15) + "\x01" + zeros(15) + "\x02\x00\x01\x00\x02"},
		{"v2", "none", "", signature + "\x20\x00\x00\x00"},
		{"v2", "[::ffff:1.2.3.4]:258", "5.6.7.8:80", signature + "\x21\x11\x00\x0c\x01\x02\x03\x04\x05\x06\x07\x08\x01\x02\x00\x50"},
	} {
		out := says("")
		if _, err := wrap(out, set("mode", c.mode), set("from", c.from), set("to", c.to)); err != nil {
			t.Errorf("%v: %v", c, err)
			continue
		}
		if got := out.Out.String(); got != c.wire {
			t.Errorf("%s %s: %q, want %q", c.mode, c.from, got, c.wire)
		}
		in, err := wrap(says(c.wire+"PROXY is data now"), set("mode", "read"))
		if err != nil {
			t.Errorf("%q: %v", c.wire, err)
			continue
		}
		if "v"+fact(in, "version") != c.mode {
			t.Errorf("version %s of %s", fact(in, "version"), c.mode)
		}
		src, dst := strings.Replace(c.from, "::ffff:1.2.3.4", "1.2.3.4", 1), c.to
		src = strings.Replace(src, "[1.2.3.4]", "1.2.3.4", 1)
		if c.from == "none" {
			src, dst = "", ""
		}
		if fact(in, "src") != src || fact(in, "dst") != dst {
			t.Errorf("%q: %q and %q", c.wire, fact(in, "src"), fact(in, "dst"))
		}
		if got := rest(t, in); got != "PROXY is data now" {
			t.Errorf("%q: the stream is %q", c.wire, got)
		}
	}
}

func TestExtrasOfVersion2AreFactsAndTheChecksumHolds(t *testing.T) {
	h := headerV2(plainOf("1.2.3.4:258"), plainOf("5.6.7.8:80"))
	h = append(h, "\x02\x00\x0bexample.com\x01\x00\x02h2\x05\x00\x02\xab\xcd\x02\x00\x05other\xee\x00\x00\x03\x00\x04"...)
	at := len(h)
	h = append(h, 0, 0, 0, 0)
	binary.BigEndian.PutUint16(h[14:], uint16(len(h)-16))
	binary.BigEndian.PutUint32(h[at:], checksum(h, at))
	c, err := wrap(says(string(h)), set("mode", "read"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"authority": "example.com", "alpn": "h2", "id": "abcd", "src": "1.2.3.4:258"} {
		if got := fact(c, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	h[20]++
	if _, err := wrap(says(string(h)), set("mode", "read")); err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("a changed byte: %v", err)
	}
}

func TestUnixAddressesAndUnknownFamiliesAreRead(t *testing.T) {
	h := signature + "\x21\x31\x00\xd8" + "/run/a" + zeros(102) + "\x00b" + zeros(106)
	c, err := wrap(says(h), set("mode", "read"))
	if err != nil || fact(c, "src") != "/run/a" || fact(c, "dst") != "@b" {
		t.Errorf("%v, %q, %q", err, fact(c, "src"), fact(c, "dst"))
	}
	c, err = wrap(says(signature+"\x21\x51\x00\x03abcrest"), set("mode", "read"))
	if err != nil || rest(t, c) != "rest" {
		t.Errorf("unknown family: %v", err)
	}
}

func TestMalformedHeadersAreRefused(t *testing.T) {
	for _, h := range []string{
		"GET / HTTP/1.0\r\n\r\n",
		"POST / HTTP/1.0\r\n\r\n",
		"\r\n\r\nx",
		"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n",
		"PROXY TCP4 1.2.3.4 5.6.7.8 1 65536\r\n",
		"PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n",
		"PROXY TCP4 ::1 ::2 1 2\r\n",
		"PROXY TCP6 fe80::1%eth0 ::2 1 2\r\n",
		"PROXY TCP4 1.2.3.4  5.6.7.8 1 2\r\n",
		"PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n",
		"PROXY " + strings.Repeat("x", 200),
		signature + "\x11\x11\x00\x00",
		signature + "\x22\x11\x00\x00",
		signature + "\x21\x11\x00\x04abcd",
		signature + "\x21\x00\x00\x02ab",
		signature + "\x21\x00\x00\x03\x01\x00\x09",
	} {
		if _, err := wrap(says(h), set("mode", "read")); !errors.Is(err, sdk.Malformed) {
			t.Errorf("%.40q: %v", h, err)
		}
	}
}

func TestSocketsOwnAddressesAreTheDefault(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	below := dial(t, l.Addr().String())
	if _, err := wrap(below, set("mode", "v1")); err != nil {
		t.Fatal(err)
	}
	below.CloseWrite()
	peer, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	c, err := wrap(plugintest.Below(t, peer), set("mode", "read"))
	if err != nil {
		t.Fatal(err)
	}
	if fact(c, "src") != below.LocalAddr().String() || fact(c, "dst") != l.Addr().String() {
		t.Errorf("%s and %s", fact(c, "src"), fact(c, "dst"))
	}
	if n, err := c.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("afterwards %d, %v", n, err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nrest"))
	f.Add([]byte("PROXY UNKNOWN whatever\r\n"))
	f.Add(headerV2(plainOf("1.2.3.4:258"), plainOf("5.6.7.8:80")))
	f.Add([]byte(signature + "\x21\x11\x00\x13\x01\x02\x03\x04\x05\x06\x07\x08\x01\x02\x00\x50\x03\x00\x04abcd"))
	f.Add([]byte(signature + "\x21\x31\x00\xd8" + "/run/a" + zeros(102) + "\x00b" + zeros(106)))
	f.Fuzz(func(t *testing.T, in []byte) {
		c, err := wrap(says(string(in)), set("mode", "read"))
		if (c == nil) == (err == nil) {
			t.Fatalf("%v, %v", c, err)
		}
		if err != nil {
			return
		}
		if left := rest(t, c); !strings.HasSuffix(string(in), left) {
			t.Fatalf("%q after %q", left, in)
		}
		for _, s := range c.(sdk.FactTeller).Facts() {
			if len(s.Value) > 1024 {
				t.Fatalf("fact %s of %d bytes", s.Name, len(s.Value))
			}
		}
	})
}

func FuzzConnect(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nA: b\r\n\r\nrest"))
	f.Add([]byte("HTTP/1.1 100 Continue\n\nHTTP/1.0 407 Auth\nProxy-Authenticate: Basic\n\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		c, err := wrap(says(string(in)), set("to", "a:80"))
		if (c == nil) == (err == nil) {
			t.Fatalf("%v, %v", c, err)
		}
		if err == nil && !strings.HasSuffix(string(in), rest(t, c)) {
			t.Fatalf("bytes made up after %q", in)
		}
	})
}
