package websocket

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

func TestRefusedHandshakesAreSaidByTheClient(t *testing.T) {
	good := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	for answer, want := range map[string]string{
		"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnope":           `give target=/PATH (it says "nope")`,
		"HTTP/1.1 301 Moved\r\nLocation: /there\r\n\r\n":                    `it is at "/there"`,
		"HTTP/1.1 200 OK\r\n\r\n":                                           "a web page",
		"SSH-2.0-x\r\n":                                                     "speaks no HTTP",
		"HTTP/1.1 1o1 x\r\n\r\n":                                            "no HTTP",
		good + "\r\n":                                                       "proof is wrong",
		"HTTP/1.1 101 x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n":     `"h2c"`,
		"HTTP/1.1 101 x\r\nA: " + strings.Repeat("x", longestHead) + "\r\n": "64 KiB",
	} {
		_, err := wrap(says([]byte(answer)), false)
		if err == nil || !strings.Contains(err.Error(), want) || !errors.Is(err, sdk.Malformed) && !errors.Is(err, sdk.Refused) {
			t.Errorf("%.60q: %v, want %q", answer, err, want)
		}
	}
	for i := range len(good) {
		if _, err := wrap(says([]byte(good[:i])), false); !errors.Is(err, sdk.Truncated) {
			t.Errorf("after %d bytes: %v", i, err)
		}
	}
}

// A server that proves itself and yet agrees on what was not offered.
func TestWhatWasNotOfferedIsRefused(t *testing.T) {
	for line, want := range map[string]string{
		"Sec-WebSocket-Extensions: permessage-deflate\r\n": "extension",
		"Sec-WebSocket-Protocol: x\r\n":                    "subprotocol",
	} {
		a, b := pair(t)
		go func() {
			buf := make([]byte, 4096)
			n, _ := b.Read(buf)
			_, key, _ := strings.Cut(string(buf[:n]), "Sec-WebSocket-Key: ")
			io.WriteString(b, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "+
				acceptKey(key[:24])+"\r\n"+line+"\r\n")
		}()
		if _, err := wrap(a, false, set("protocol", "a,b")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", line, err)
		}
	}
}

func TestBadClientsAreAnsweredWithAStatus(t *testing.T) {
	good := "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nOrigin: http://a\r\n\r\n"
	if _, err := wrap(says([]byte(good)), true, set("origin", "http://a")); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct{ from, to, status string }{
		{"GET", "POST", "426"},
		{"HTTP/1.1", "HTTP/1.0", "426"},
		{"Upgrade: websocket", "X: y", "426"},
		{"Version: 13", "Version: 8", "426"},
		{"dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZQ==", "400"},
		{"Host: h", "Host h", "400"},
		{"http://a", "http://b", "403"},
	} {
		peer := says([]byte(strings.Replace(good, x.from, x.to, 1)))
		_, err := wrap(peer, true, set("origin", "http://a"))
		if !errors.Is(err, sdk.Refused) || !strings.HasPrefix(peer.Out.String(), "HTTP/1.1 "+x.status+" ") {
			t.Errorf("%s: %v, answered %.40q", x.to, err, peer.Out.String())
		}
	}
}

func TestWrongOptionsSendNothing(t *testing.T) {
	for _, s := range []sdk.Setting{
		set("server", "yes"),
		set("target", "chat"),
		set("target", "http://h/chat"),
		set("target", "/a b"),
		set("target", "/a\r\nX: y"),
		set("host", "a\r\nX: y"),
		set("origin", "a b"),
		set("protocol", "a b"),
		set("header", "no colon"),
		set("header", "Host: x"),
		set("header", "A: b\x00"),
		set("header", "Sec-WebSocket-Key: x"),
		set("binary", "maybe"),
		set("max", "65M"),
		set("max", "0"),
		set("code", "1005"),
		set("code", "99"),
		set("reason", strings.Repeat("x", 124)),
	} {
		peer := says(nil)
		if _, err := wrap(peer, false, s); !errors.Is(err, sdk.Usage) || peer.Out.Len() > 0 {
			t.Errorf("%v: %v, sent %q", s, err, peer.Out.String())
		}
	}
	c, _ := wrapped(t, nil, nil)
	if err := c.SetOption("target", "/y"); !errors.Is(err, sdk.Usage) {
		t.Errorf("target changed: %v", err)
	}
}

func TestHostHeaderIsTheHostThatWasOpened(t *testing.T) {
	for _, x := range []struct {
		req  sdk.LayerRequest
		want string
	}{
		{sdk.LayerRequest{Host: "example.com"}, "example.com"},
		{sdk.LayerRequest{Host: "example.com", Remote: sdk.Address{Port: 8080}}, "example.com:8080"},
		{sdk.LayerRequest{Host: "::1", Remote: sdk.Address{Port: 80}}, "[::1]"},
		{sdk.LayerRequest{Host: "::1", Remote: sdk.Address{Port: 81}}, "[::1]:81"},
		{sdk.LayerRequest{}, "localhost"},
	} {
		if got := hostHeader(x.req); got != x.want {
			t.Errorf("%v: %q", x.req, got)
		}
	}
}
