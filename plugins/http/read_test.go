package http

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

const get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

// client is a client that has sent requests with these methods, and its peer's answer.
func client(t *testing.T, answer string, methods ...string) *conn {
	t.Helper()
	c := wrap(t, says([]byte(answer)), false)
	for _, m := range methods {
		write(t, c, strings.Replace(get, "GET", m, 1))
	}
	return c
}

func write(t *testing.T, c *conn, data string) {
	t.Helper()
	if err := c.WriteMessage(sdk.Message{Data: []byte(data)}); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, c *conn) string {
	t.Helper()
	m, err := c.ReadMessage()
	if err != nil {
		t.Fatal(err)
	}
	return string(m.Data)
}

func TestResponsesArriveWholeAndInOrder(t *testing.T) {
	answer := "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" +
		"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nX: 1\r\n\r\n" + // to HEAD
		"HTTP/1.1 200 Fine\r\nB: 2\r\ncontent-length: 5\r\nA: 1\r\n\r\nhello" +
		"HTTP/1.1 204 No Content\r\n\r\n" +
		"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n" +
		"HTTP/1.1 200 OK\r\nX: 1\r\nTransfer-Encoding: chunked\r\nY: 2\r\n\r\n3;ext=1\r\nabc\r\n02\r\nde\r\n0\r\nSum: 9\r\n\r\n" +
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" +
		"HTTP/1.1 200 OK\r\nZ: 1\r\n\r\nto the end"
	want := []string{
		"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nX: 1\r\n\r\n",
		"HTTP/1.1 200 Fine\r\nB: 2\r\ncontent-length: 5\r\nA: 1\r\n\r\nhello",
		"HTTP/1.1 204 No Content\r\n\r\n",
		"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n",
		"HTTP/1.1 200 OK\r\nX: 1\r\nY: 2\r\nContent-Length: 5\r\n\r\nabcdeSum: 9\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nZ: 1\r\nContent-Length: 10\r\n\r\nto the end",
	}
	c := client(t, answer, "HEAD", "GET", "DELETE", "GET", "GET", "GET", "GET")
	for i, w := range want {
		if got := read(t, c); got != w {
			t.Errorf("%d: %q, want %q", i, got, w)
		}
	}
	if _, err := c.ReadMessage(); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
	for name, w := range map[string]string{"requests": "7", "responses": "8", "pending": "0", "over": "last"} {
		if got := fact(c, name); got != w {
			t.Errorf("%s is %s, want %s", name, got, w)
		}
	}
}

func TestRequestsArriveWholeAndInOrder(t *testing.T) {
	in := "\r\n" + get + "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi" +
		"PUT /q HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n" + "GET / HTTP/1.0\n\n"
	s := wrap(t, says([]byte(in)), true)
	for i, w := range []string{get, "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi",
		"PUT /q HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi", "GET / HTTP/1.0\n\n"} {
		if got := read(t, s); got != w {
			t.Errorf("%d: %q, want %q", i, got, w)
		}
	}
	if _, err := s.ReadMessage(); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
	if fact(s, "pending") != "4" {
		t.Errorf("%v", s.Facts())
	}
}

func TestMessagesCutShortAreTruncated(t *testing.T) {
	for _, whole := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n",
	} {
		for i := 1; i < len(whole); i++ {
			if _, err := client(t, whole[:i], "GET").ReadMessage(); err != io.ErrUnexpectedEOF {
				t.Errorf("%q: %v", whole[:i], err)
			}
		}
		if _, err := client(t, "", "GET").ReadMessage(); err != io.EOF {
			t.Errorf("nothing: %v", err)
		}
	}
	// What only the end delimits is whole when the end is orderly, and only then.
	a, b := pair(t)
	io.WriteString(b, "HTTP/1.1 200 OK\r\n\r\nhalf")
	b.Reset()
	c := wrap(t, a, false)
	if _, err := c.r.Peek(23); err != nil { // the reset throws away what was not read
		t.Fatal(err)
	}
	b.Close()
	if m, err := c.ReadMessage(); err == nil || err == io.EOF {
		t.Errorf("reset: %q, %v", m.Data, err)
	}
}

func TestMalformedAndTooLargeMessagesEndTheLayer(t *testing.T) {
	for answer, want := range map[string]string{
		"SSH-2.0-x\r\n\r\n":                   "no HTTP",
		get:                                   "a response is due",
		"HTTP/1.1 2x0 OK\r\n\r\n":             "malformed response",
		"HTTP/2.0 200 OK\r\n\r\n":             "version 2.0",
		"HTTP/1.1 200 OK\r\nno colon\r\n\r\n": "malformed response",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n":          "malformed response",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n":                              "malformed response",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n":                         "malformed response",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n":               "no size",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n":                "no size",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n": "size",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabcd\r\n":         "longer than it says",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nbad\r\n\r\n":      "malformed body",
		"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n":                            "max=1000",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n":               "max=1000",
		"HTTP/1.1 200 OK\r\n\r\n" + strings.Repeat("x", 1001):                        "max=1000",
		"HTTP/1.1 200 OK\r\nA: " + strings.Repeat("x", longestHead):                  "longer than 1048576",
		"HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", longestHead/6):            "longer than 1048576",
	} {
		c := client(t, answer, "GET")
		c.SetOption("max", "1000")
		if _, err := c.ReadMessage(); !errors.Is(err, sdk.Malformed) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v, want %q", answer, err, want)
		}
	}
	if _, err := wrap(t, says([]byte("HTTP/1.1 200 OK\r\n\r\n")), true).ReadMessage(); !errors.Is(err, sdk.Malformed) {
		t.Errorf("a response to a server: %v", err)
	}
}

func TestUnwrapGivesBackWhatIsNoHTTPAnyMore(t *testing.T) {
	for answer, method := range map[string]string{
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n":            "GET",
		"HTTP/1.1 200 Connection established\r\n\r\n":                       "CONNECT",
		"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n": "GET",
	} {
		a, b := pair(t)
		c := wrap(t, a, false)
		write(t, c, strings.Replace(get, "GET", method, 1))
		io.WriteString(b, answer+"\x81\x00after")
		if got := read(t, c); got != answer {
			t.Errorf("%q", got)
		}
		if fact(c, "over") == "" {
			t.Errorf("%q: not over", answer)
		}
		held := make(chan error, 1)
		go func() { _, err := c.ReadMessage(); held <- err }()
		c.SetReadDeadline(time.Unix(1, 0))
		if err := <-held; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("held: %v", err)
		}
		c.SetDeadline(time.Now().Add(20 * time.Second))
		unread, err := c.Unwrap(t.Context())
		rest := make([]byte, 7-len(unread))
		if _, rerr := io.ReadFull(a, rest); err != nil || rerr != nil || string(unread)+string(rest) != "\x81\x00after" {
			t.Errorf("%q and %q, %v, %v", unread, rest, err, rerr)
		}
		if err := c.WriteMessage(sdk.Message{Data: []byte(get)}); err == nil {
			t.Error("a request was sent over what is no HTTP")
		}
	}
}

func TestUnwrapGivesBackAMessagesBeginning(t *testing.T) {
	for _, begun := range []string{"HTTP/1.1 2", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhe", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4"} {
		a, b := pair(t)
		c := wrap(t, a, false)
		io.WriteString(b, begun)
		if _, err := c.r.Peek(len(begun)); err != nil {
			t.Fatal(err)
		}
		c.SetReadDeadline(time.Unix(1, 0))
		if _, err := c.ReadMessage(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%q: %v", begun, err)
		}
		if unread, err := c.Unwrap(t.Context()); string(unread) != begun || err != nil {
			t.Errorf("%q, %v, want %q", unread, err, begun)
		}
	}
}

func TestAnOrderlyEndAfterTheLastResponseIsOne(t *testing.T) {
	c := client(t, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx", "GET")
	read(t, c)
	if _, err := c.ReadMessage(); err != io.EOF {
		t.Errorf("%v", err)
	}
}

func TestClientThatExpectsItIsToldToContinue(t *testing.T) {
	a, b := pair(t)
	s := wrap(t, b, true)
	io.WriteString(a, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
	got := make(chan string, 1)
	go func() {
		m, err := s.ReadMessage()
		if err != nil {
			got <- err.Error()
		}
		got <- string(m.Data)
	}()
	word := make([]byte, 25)
	if _, err := io.ReadFull(a, word); err != nil || string(word) != "HTTP/1.1 100 Continue\r\n\r\n" {
		t.Fatalf("%q, %v", word, err)
	}
	io.WriteString(a, "hi")
	if m := <-got; !strings.HasSuffix(m, "\r\n\r\nhi") {
		t.Errorf("%q", m)
	}
}
