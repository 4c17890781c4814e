package websocket

import (
	"bufio"
	"bytes"
	"io"
	"testing"
	"unicode/utf8"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// FuzzFrames feeds a peer's frames to both roles: messages or one error, never more
// bytes than came, and answers that the other role takes.
func FuzzFrames(f *testing.F) {
	f.Add([]byte(masked(0x81, "hello")+masked(0x89, "p")+masked(0x88, "\x03\xe8bye")), false)
	f.Add([]byte(masked(0x01, "he")+masked(0x80, "llo")+"rest"), false)
	f.Add([]byte("\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"), true)
	f.Add([]byte("\x82\xff\x7f"+"\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00"), false)
	f.Add([]byte("\x81\x05hello\x8a\x00\x88\x00"), true)
	f.Fuzz(func(t *testing.T, in []byte, client bool) {
		peer := says(in)
		c := &conn{Below: peer, r: bufio.NewReader(peer), client: client, settings: map[string]string{}}
		for _, o := range options {
			if err := c.set(o.Name, o.Default); o.Default != "" && err != nil {
				t.Fatal(err)
			}
		}
		c.max = 1 << 20
		total := 0
		for {
			m, err := c.ReadMessage()
			if err != nil {
				if _, again := c.ReadMessage(); again != err {
					t.Fatalf("ended with %v and with %v", err, again)
				}
				break
			}
			if total += len(m.Data); total > len(in) || cap(c.message) > 1<<21 {
				t.Fatalf("%d bytes of messages, room for %d", total, cap(c.message))
			}
			if m.Type == typeText && !utf8.Valid(m.Data) {
				t.Fatalf("text %q", m.Data)
			}
		}
		c.turn.Lock() // the goroutine that sends what is due is done, or has yet to begin
		defer c.turn.Unlock()
		b, _ := c.due(nil)
		peer.Out.Write(b)
		for r := bytes.NewReader(peer.Out.Bytes()); r.Len() > 0; {
			h, err := readHeader(r, client)
			if err != nil || !h.control() {
				t.Fatalf("answered %q: %v, %v", peer.Out.Bytes(), h, err)
			}
			if _, err := io.CopyN(io.Discard, r, int64(h.length)); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// FuzzHandshake feeds a peer's half of the handshake to both roles.
func FuzzHandshake(f *testing.F) {
	f.Add([]byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n"), true)
	f.Add([]byte("HTTP/1.1 404 Not Found\r\n\r\nno"), true)
	f.Add([]byte("GET /x HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: a, b\r\n\r\n\x81\x80\x00\x00\x00\x00"), false)
	f.Fuzz(func(t *testing.T, in []byte, client bool) {
		peer := says(in)
		c, err := wrap(peer, !client, set("protocol", "a,b"))
		if (c == nil) == (err == nil) {
			t.Fatalf("%v, %v", c, err)
		}
		if client && err == nil {
			t.Fatal("a proof was made up")
		}
		if peer.Out.Len() > 1024 {
			t.Fatalf("%d bytes sent", peer.Out.Len())
		}
		if err == nil {
			if _, err := c.ReadMessage(); err == nil {
				return
			}
			for _, s := range c.Facts() {
				if len(s.Value) > 4096 {
					t.Fatalf("fact %s of %d bytes", s.Name, len(s.Value))
				}
			}
		}
	})
}

var _ sdk.Below = (*canned)(nil)
