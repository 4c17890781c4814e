package http

import (
	"errors"
	"strings"
	"testing"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

func TestWhatIsWrittenIsWellFormedOnTheWire(t *testing.T) {
	post := "POST / HTTP/1.1\r\nHost: h\r\n"
	ok := "HTTP/1.1 200 OK\r\n"
	for _, x := range []struct {
		server     bool
		kind       uint8
		data, wire string
	}{
		{false, 0, get, get},
		{false, 0, "GET / HTTP/1.0\n\n", "GET / HTTP/1.0\n\n"},
		{false, 0, post + "\r\nhello", post + "Content-Length: 5\r\n\r\nhello"},
		{false, 0, post + "\r\n", post + "Content-Length: 0\r\n\r\n"},
		{false, 0, post + "Content-Length: 5\r\n\r\nhello", post + "Content-Length: 5\r\n\r\nhello"},
		{false, 0, post + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", post + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"},
		{false, 1, post + "Content-Length: 5\r\n\r\nhello", post + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"},
		{false, 1, post + "Content-Length: 5\r\n\r\nhelloA: b\r\n\r\n", post + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n"},
		{true, 0, ok + "\r\nhello", ok + "Content-Length: 5\r\n\r\nhello"},
		{true, 0, ok + "\r\n", ok + "Content-Length: 0\r\n\r\n"},
		{true, 0, "HTTP/1.1 304 x\r\nContent-Length: 5\r\n\r\n", "HTTP/1.1 304 x\r\nContent-Length: 5\r\n\r\n"},
	} {
		peer := says([]byte(get))
		c := wrap(t, peer, x.server)
		if x.server {
			read(t, c)
		}
		if err := c.WriteMessage(sdk.Message{Type: x.kind, Data: []byte(x.data)}); err != nil {
			t.Errorf("%q: %v", x.data, err)
		} else if got := peer.Out.String(); got != x.wire {
			t.Errorf("%q: wire %q, want %q", x.data, got, x.wire)
		}
	}
}

func TestWhatIsNoMessageIsRefusedAndNotSent(t *testing.T) {
	post := "POST / HTTP/1.1\r\nHost: h\r\n"
	for _, x := range []struct {
		server bool
		kind   uint8
		data   string
	}{
		{false, 0, ""},
		{false, 0, "hello"},
		{false, 0, "\r\n\r\n"},
		{false, 0, "GET / HTTP/1.1\r\nHost: h\r\n"},
		{false, 0, "GET / HTTP/2.0\r\n\r\n"},
		{false, 0, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
		{false, 0, "GET /\r\n\r\n"},
		{false, 0, "HTTP/1.1 200 OK\r\n\r\n"},
		{true, 0, get},
		{false, 0, post + "Content-Length: 5\r\n\r\nhell"},
		{false, 0, post + "Content-Length: 5\r\n\r\nhellox"},
		{false, 1, post + "Content-Length: 5\r\n\r\nhellox"},
		{false, 1, post + "Content-Length: 5\r\n\r\nhelloContent-Length: 4\r\n\r\n"},
		{false, 0, post + "Transfer-Encoding: chunked\r\n\r\nhello"},
		{false, 0, post + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nmore"},
		{false, 1, "POST / HTTP/1.0\r\n\r\nhello"},
		{false, 2, get},
		{true, 0, "HTTP/1.1 204 x\r\n\r\nhello"},
		{false, 0, "GET / HTTP/1.1\r\nHost: h\r\nA: " + strings.Repeat("x", longestHead) + "\r\n\r\n"},
	} {
		peer := says(nil)
		err := wrap(t, peer, x.server).WriteMessage(sdk.Message{Type: x.kind, Data: []byte(x.data)})
		if !errors.Is(err, sdk.Usage) || peer.Out.Len() > 0 {
			t.Errorf("%.60q: %v, sent %.40q", x.data, err, peer.Out.String())
		}
	}
}

func TestResponseToHeadHasALengthAndNoBody(t *testing.T) {
	peer := says([]byte("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n" + get))
	s := wrap(t, peer, true)
	read(t, s)
	read(t, s)
	write(t, s, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
	write(t, s, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
	if got := peer.Out.String(); got != "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello" {
		t.Errorf("%q", got)
	}
}

func TestBodyOfAResponseToHeadIsOnlyCounted(t *testing.T) {
	head := "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"
	peer := says([]byte(head + head))
	s := wrap(t, peer, true)
	read(t, s)
	read(t, s)
	write(t, s, "HTTP/1.1 200 OK\r\nX: 1\r\n\r\nhello")
	write(t, s, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
	if got := peer.Out.String(); got != "HTTP/1.1 200 OK\r\nX: 1\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" {
		t.Errorf("%q", got)
	}
}

func TestServerThatSwitchesGivesTheStreamBack(t *testing.T) {
	peer := says([]byte("GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nraw bytes"))
	s := wrap(t, peer, true)
	read(t, s)
	write(t, s, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n")
	if fact(s, "over") != "switched" {
		t.Errorf("%v", s.Facts())
	}
	if unread, err := s.Unwrap(t.Context()); string(unread) != "raw bytes" || err != nil {
		t.Errorf("%q, %v", unread, err)
	}
}

func TestOptionsAreReadBackAndChecked(t *testing.T) {
	c := wrap(t, says(nil), false, set("chunked", "on"), set("max", "1K"))
	for name, want := range map[string]string{"chunked": "on", "max": "1024", "server": "off"} {
		if got, err := c.GetOption(name); got != want || err != nil {
			t.Errorf("%s is %q, %v", name, got, err)
		}
	}
	for _, s := range []sdk.Setting{set("max", "61M"), set("chunked", "yes"), set("server", "on")} {
		if err := c.SetOption(s.Name, s.Value); !errors.Is(err, sdk.Usage) {
			t.Errorf("%v: %v", s, err)
		}
	}
}
