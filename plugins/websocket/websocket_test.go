package websocket

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

func send(t *testing.T, c *conn, m sdk.Message) {
	t.Helper()
	if err := c.WriteMessage(m); err != nil {
		t.Fatal(err)
	}
}

func recv(t *testing.T, c *conn) sdk.Message {
	t.Helper()
	m, err := c.ReadMessage()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMessagesOfEverySizeArriveWhole(t *testing.T) {
	for _, fragment := range []string{"0", "1000", "64K"} {
		c, s := wrapped(t, []sdk.Setting{set("fragment", fragment)}, []sdk.Setting{set("fragment", fragment)})
		for _, n := range []int{0, 1, 125, 126, 127, 999, 1000, 1001, 32<<10 - 14, 32 << 10, 65535, 65536, 1 << 20, 16 << 20} {
			data := bytes.Repeat([]byte("0123456789\xff"), n/11+1)[:n]
			for _, way := range [][2]*conn{{c, s}, {s, c}} {
				sent := make(chan error, 1)
				go func() { sent <- way[0].WriteMessage(sdk.Message{Data: data}) }()
				m := recv(t, way[1])
				if err := <-sent; err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(m.Data, data) {
					t.Fatalf("%d bytes in fragments of %s: not as sent", n, fragment)
				}
				if want := map[bool]uint8{true: typeText, false: typeBinary}[n <= 10]; m.Type != want {
					t.Errorf("%d bytes: type %d", n, m.Type)
				}
			}
		}
	}
}

func TestTypeIsAsAskedFor(t *testing.T) {
	c, s := wrapped(t, nil, nil)
	for _, x := range []struct {
		option string
		m      sdk.Message
		want   uint8
	}{
		{"auto", sdk.Message{Data: []byte("grün")}, typeText},
		{"auto", sdk.Message{Data: []byte("gr\xfcn")}, typeBinary},
		{"on", sdk.Message{Data: []byte("a")}, typeBinary},
		{"off", sdk.Message{Data: []byte("a")}, typeText},
		{"off", sdk.Message{Data: []byte("a"), Type: typeBinary}, typeBinary},
	} {
		if err := c.SetOption("binary", x.option); err != nil {
			t.Fatal(err)
		}
		send(t, c, x.m)
		if got := recv(t, s); got.Type != x.want || !bytes.Equal(got.Data, x.m.Data) {
			t.Errorf("%v: %v", x, got)
		}
	}
	for _, m := range []sdk.Message{{Data: []byte{0xff}}, {Data: []byte{0xff}, Type: typeText}, {Type: 3}} {
		if err := c.WriteMessage(m); !errors.Is(err, sdk.Usage) {
			t.Errorf("%v: %v", m, err)
		}
	}
	if v, err := c.GetOption("binary"); v != "off" || err != nil {
		t.Errorf("binary is %q, %v", v, err)
	}
}

func TestHandshakeTellsWhatWasAgreedOn(t *testing.T) {
	c, s := wrapped(t, []sdk.Setting{set("target", "/chat?room=1"), set("protocol", "a, b"), set("origin", "http://o.example"), set("header", "X-A: 1\nX-B: 2")},
		[]sdk.Setting{set("protocol", "c,b,a"), set("origin", "http://O.example")})
	for _, x := range []*conn{c, s} {
		if fact(x, "target") != "/chat?room=1" || fact(x, "protocol") != "b" {
			t.Errorf("%v", x.Facts())
		}
	}
	if fact(s, "origin") != "http://o.example" {
		t.Errorf("origin %q", fact(s, "origin"))
	}
}

func TestCloseIsAnsweredAndIsAnOrderlyEnd(t *testing.T) {
	for _, serverFirst := range []bool{false, true} {
		first, second := wrapped(t, []sdk.Setting{set("code", "4001"), set("reason", "done")}, []sdk.Setting{set("code", "4001"), set("reason", "done")})
		if serverFirst {
			first, second = second, first
		}
		send(t, first, sdk.Message{Data: []byte("last")})
		if err := first.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if m := recv(t, second); string(m.Data) != "last" {
			t.Errorf("read %q", m.Data)
		}
		for _, c := range []*conn{second, first} {
			for range 2 {
				if _, err := c.ReadMessage(); err != io.EOF {
					t.Errorf("at the end: %v", err)
				}
			}
			if fact(c, "close.code") != "4001" {
				t.Errorf("%v", c.Facts())
			}
			if err := c.WriteMessage(sdk.Message{}); !errors.Is(err, syscall.EPIPE) {
				t.Errorf("sent after the end: %v", err)
			}
			if err := c.CloseWrite(); err != nil {
				t.Error(err)
			}
		}
		if fact(second, "close.reason") != "done" || fact(first, "close.reason") != "" {
			t.Errorf("reasons %q and %q", fact(second, "close.reason"), fact(first, "close.reason"))
		}
	}
}

func TestEndWithoutACloseFrameIsTruncated(t *testing.T) {
	for _, sent := range []string{"", "\x81", "\x82\xfe\x01", "\x81\x85\x00\x00\x00\x00hel", "\x01\x80\x00\x00\x00\x00", "\x89\x81\x00\x00\x00\x00"} {
		peer, s := raw(t)
		io.WriteString(peer, sent)
		peer.Close()
		if _, err := s.ReadMessage(); err != io.ErrUnexpectedEOF {
			t.Errorf("after %q: %v", sent, err)
		}
	}
}

// masked is a client's frame with a mask of zeros.
func masked(first byte, payload string) string {
	return string(appendHeader(nil, header{fin: first&0x80 != 0, opcode: first & 0xf, masked: true, length: uint64(len(payload))})) + payload
}

func TestFragmentsAndControlFramesBetweenThem(t *testing.T) {
	peer, s := raw(t)
	io.WriteString(peer, masked(0x01, "he")+masked(0x89, "p1")+masked(0x00, "l")+masked(0x8a, "")+masked(0x00, "")+masked(0x80, "lo")+masked(0x82, ""))
	if m := recv(t, s); string(m.Data) != "hello" || m.Type != typeText {
		t.Errorf("%v", m)
	}
	if m := recv(t, s); len(m.Data) != 0 || m.Type != typeBinary {
		t.Errorf("%v", m)
	}
	pong := make([]byte, 4)
	if _, err := io.ReadFull(peer, pong); err != nil || string(pong) != "\x8a\x02p1" {
		t.Errorf("pong %q, %v", pong, err)
	}
	if fact(s, "pings") != "1" || fact(s, "pongs") != "1" {
		t.Errorf("%v", s.Facts())
	}
}

func TestViolationsEndTheLayerWithTheirCode(t *testing.T) {
	for sent, code := range map[string]uint16{
		"\xc1\x80\x00\x00\x00\x00":                                  codeProtocol, // reserved bit
		"\x83\x80\x00\x00\x00\x00":                                  codeProtocol, // unknown opcode
		"\x8b\x80\x00\x00\x00\x00":                                  codeProtocol,
		"\x81\x05hello":                                             codeProtocol, // unmasked
		"\x09\x80\x00\x00\x00\x00":                                  codeProtocol, // fragmented ping
		"\x89\xfe\x00\x7e\x00\x00\x00\x00":                          codeProtocol, // long ping
		"\x81\xfe\x00\x05\x00\x00\x00\x00":                          codeProtocol, // length not in the shortest form
		"\x82\xff\x80" + zeros(7) + zeros(4):                        codeProtocol, // length beyond 63 bits
		masked(0x80, "x"):                                           codeProtocol, // nothing to continue
		masked(0x01, "x") + masked(0x81, "y"):                       codeProtocol, // a message within a message
		masked(0x81, "\xff"):                                        codeData,
		masked(0x01, "\xc3") + masked(0x80, "\x28"):                 codeData,
		masked(0x88, "\x03"):                                        codeProtocol,
		masked(0x88, "\x03\xed"):                                    codeProtocol, // 1005 on the wire
		masked(0x88, "\x03\xe8\xff"):                                codeData,
		masked(0x82, strings.Repeat("x", 1001)):                     codeTooBig,
		masked(0x02, strings.Repeat("x", 999)) + masked(0x80, "xx"): codeTooBig,
		"\x82\xff\x7f" + strings.Repeat("\xff", 7) + zeros(4):       codeTooBig,
	} {
		peer, s := raw(t, set("max", "1000"))
		io.WriteString(peer, sent)
		_, err := s.ReadMessage()
		if !errors.Is(err, sdk.Malformed) {
			t.Errorf("%.20q: %v", sent, err)
			continue
		}
		h, err := readHeader(peer, false)
		if err != nil || h.opcode != opClose {
			t.Errorf("%.20q: %v, %v", sent, h, err)
			continue
		}
		payload := make([]byte, h.length)
		io.ReadFull(peer, payload)
		if got := uint16(payload[0])<<8 | uint16(payload[1]); got != code {
			t.Errorf("%.20q: code %d, want %d (%s)", sent, got, code, payload[2:])
		}
	}
}

func zeros(n int) string { return strings.Repeat("\x00", n) }

// The examples of RFC 6455, section 5.7.
func TestFramesAreThoseOfTheRFC(t *testing.T) {
	mask := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	hello := []byte("Hello")
	apply(mask, 0, hello)
	got := append(appendHeader(nil, header{fin: true, opcode: opText, masked: true, mask: mask, length: 5}), hello...)
	if want := "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"; string(got) != want {
		t.Errorf("%q, want %q", got, want)
	}
	for n, want := range map[uint64]string{5: "\x82\x05", 256: "\x82\x7e\x01\x00", 65536: "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"} {
		if got := appendHeader(nil, header{fin: true, opcode: opBinary, length: n}); string(got) != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
	data := make([]byte, 100)
	for at := range 9 { // in pieces as at once
		b := bytes.Clone(data)
		apply(mask, 0, b[:at])
		apply(mask, at, b[at:])
		for i := range b {
			if b[i] != mask[i&3] {
				t.Fatalf("split at %d: byte %d", at, i)
			}
		}
	}
}

// A peer that sends pings and reads nothing must not stop us from reading it.
func TestPingsOfAPeerThatDoesNotReadAreNotWaitedFor(t *testing.T) {
	peer, s := raw(t)
	ping := []byte(strings.Repeat(masked(0x89, strings.Repeat("p", 125)), 1000))
	sent := make(chan error, 1)
	go func() {
		for range 100 { // 13 MB: more than the pongs' way back holds
			if _, err := peer.Write(ping); err != nil {
				sent <- err
				return
			}
		}
		_, err := io.WriteString(peer, masked(0x81, "x"))
		sent <- err
	}()
	if m := recv(t, s); string(m.Data) != "x" {
		t.Errorf("%q", m.Data)
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	if got := fact(s, "pings"); got != "100000" {
		t.Errorf("%s pings", got)
	}
}

func TestUnwrapGivesBackWhatFollowsTheCloseFrame(t *testing.T) {
	peer, s := raw(t)
	if err := s.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	io.WriteString(peer, masked(0x81, "x")+masked(0x88, "\x03\xe8")+"220 hello\r\n")
	recv(t, s)
	if _, err := s.ReadMessage(); err != io.EOF {
		t.Fatal(err)
	}
	unread, err := s.Unwrap(t.Context())
	if err != nil || !strings.HasPrefix("220 hello\r\n", string(unread)) || len(unread) == 0 {
		t.Errorf("%q, %v", unread, err)
	}
}

func TestDecodeTellsTypeSizeAndData(t *testing.T) {
	out, err := layer{}.Decode(t.Context(), nil, []sdk.Message{{Type: 1, Data: []byte("hi")}, {Type: 2}})
	if err != nil || len(out) != 2 || out[0][0].Value != "text" || out[0][1].Value != "2" || out[0][2].Value != "hi" || out[1][0].Value != "binary" {
		t.Errorf("%v, %v", out, err)
	}
}
