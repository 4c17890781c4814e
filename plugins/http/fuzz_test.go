package http

import (
	"bufio"
	"bytes"
	"io"
	"net/http/httputil"
	"strings"
	"testing"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// FuzzRead feeds hostile bytes to both sides: messages that Decode takes without a
// complaint and that can be sent as they are, or one error.
func FuzzRead(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 204 x\r\n\r\n"), false)
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nA: b\r\n\r\n"), false)
	f.Add([]byte("HTTP/1.1 101 x\r\nUpgrade: y\r\n\r\nrest"), false)
	f.Add([]byte("HTTP/1.0 200 OK\n\nto the end"), false)
	f.Add([]byte(get+"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi"), true)
	f.Add([]byte("\r\nPUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: A\r\n\r\n1\r\na\r\n0\r\nA: b\r\n\r\n"), true)
	f.Fuzz(func(t *testing.T, in []byte, server bool) {
		c := wrap(t, says(in), server, set("max", "64K"))
		close(c.woken) // nobody unwraps
		total := 0
		for {
			m, err := c.ReadMessage()
			if err != nil {
				break
			}
			total++
			if len(m.Data) > 64<<10+2*longestHead {
				t.Fatalf("a message of %d bytes", len(m.Data))
			}
			raw, rest, ok := split(m.Data)
			if !ok {
				t.Fatalf("%q has no head", m.Data)
			}
			h, err := parseHead(raw, "GET")
			if err != nil || h.chunked && !h.bodyless("GET") {
				t.Fatalf("%q: %v", m.Data, err)
			}
			if _, err := onWire(h, rest, "GET", m.Type == typeChunked && h.version == "1.1" || h.declared && h.length < int64(len(rest)) && h.version == "1.1", m.Data); err != nil && h.version == "1.1" {
				t.Fatalf("%q came and cannot be sent: %v", m.Data, err)
			}
			for _, s := range decode(m) {
				if s.Name == "error" {
					t.Fatalf("%q: %s", m.Data, s.Value)
				}
			}
		}
		if total > len(in) {
			t.Fatalf("%d messages of %d bytes", total, len(in))
		}
	})
}

// FuzzDechunk holds dechunk against net/http's reader of chunks: what we take it
// takes too, and reads the same.
func FuzzDechunk(f *testing.F) {
	f.Add([]byte("3\r\nabc\r\n0\r\n\r\n"))
	f.Add([]byte("03;x=y\r\nabc\r\n000\r\nA: b\r\n\r\n"))
	f.Add([]byte("A\r\n0123456789\r\n1\nx\r\n0\n\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		body, _, err := dechunk(in)
		if err != nil {
			return
		}
		want, err := io.ReadAll(httputil.NewChunkedReader(bufio.NewReader(bytes.NewReader(in))))
		if err != nil && !strings.Contains(err.Error(), "invalid") && !strings.Contains(err.Error(), "malformed") && !strings.Contains(err.Error(), "too long") && !strings.Contains(err.Error(), "non-data") {
			t.Fatalf("%q: %v", in, err)
		}
		if err == nil && !bytes.Equal(body, want) {
			t.Fatalf("%q: %q, want %q", in, body, want)
		}
	})
}

// FuzzWrite writes hostile messages: refused, or sent so that the other side reads
// exactly one message.
func FuzzWrite(f *testing.F) {
	f.Add([]byte("POST / HTTP/1.1\r\nHost: h\r\n\r\nhello"), false)
	f.Add([]byte("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhiA: b\r\n\r\n"), true)
	f.Add([]byte("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHost: h\r\n\r\n1\r\na\r\n0\r\n\r\n"), false)
	f.Fuzz(func(t *testing.T, data []byte, chunks bool) {
		m := sdk.Message{Data: data}
		if chunks {
			m.Type = typeChunked
		}
		peer := says(nil)
		if err := wrap(t, peer, false).WriteMessage(m); err != nil {
			if peer.Out.Len() > 0 {
				t.Fatalf("%v, and sent %q", err, peer.Out.Bytes())
			}
			return
		}
		s := wrap(t, says(peer.Out.Bytes()), true, set("max", "60M"))
		if _, err := s.ReadMessage(); err != nil {
			t.Fatalf("%q, sent as %q: %v", data, peer.Out.Bytes(), err)
		}
		if m, err := s.ReadMessage(); err != io.EOF {
			t.Fatalf("%q, sent as %q: then %q, %v", data, peer.Out.Bytes(), m.Data, err)
		}
	})
}
