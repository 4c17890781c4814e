package socks5

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

func TestHandshakeIsReadToItsLastByteAndNoFurther(t *testing.T) {
	for name, bound := range map[string]string{
		"1.2.3.4:80":     "\x01\x01\x02\x03\x04\x00\x50",
		"[::1]:258":      "\x04" + strings.Repeat("\x00", 15) + "\x01\x01\x02",
		"example.org:9":  "\x03\x0bexample.org\x00\x09",
		":1":             "\x03\x00\x00\x01",
		"[fe80::2]:8080": "\x04\xfe\x80" + strings.Repeat("\x00", 13) + "\x02\x1f\x90",
	} {
		peer := says("\x05\x00" + "\x05\x00\x00" + bound + "220 hello\r\n")
		c, err := wrap(peer, set("to", "mail.example:25"))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := fact(c, "bound"); got != name {
			t.Errorf("bound %q, want %q", got, name)
		}
		if got := rest(t, c); got != "220 hello\r\n" {
			t.Errorf("%s: the stream is %q", name, got)
		}
		if got := peer.Out.String(); got != "\x05\x01\x00"+"\x05\x01\x00\x03\x0cmail.example\x00\x19" {
			t.Errorf("asked %q", got)
		}
	}
}

func TestTargetIsSentInTheShortestForm(t *testing.T) {
	for target, want := range map[string]string{
		"127.0.0.1:80":   "\x01\x7f\x00\x00\x01\x00\x50",
		"[::1]:65535":    "\x04" + strings.Repeat("\x00", 15) + "\x01\xff\xff",
		"localhost:http": "\x03\x09localhost\x00\x50",
	} {
		got, err := address(target)
		if err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", target, got, err)
		}
	}
}

func TestWrongOptionsSendNothing(t *testing.T) {
	for _, s := range [][]sdk.Setting{
		{},
		{set("to", "example.com")},
		{set("to", ":80")},
		{set("to", "example.com:0")},
		{set("to", "example.com:nosuchservice")},
		{set("to", "[fe80::1%eth0]:80")},
		{set("to", strings.Repeat("a", 256)+":80")},
		{set("to", "a:80"), set("password", "x")},
		{set("to", "a:80"), set("user", "")},
		{set("to", "a:80"), set("user", strings.Repeat("a", 256))},
	} {
		peer := says("")
		if _, err := wrap(peer, s...); !errors.Is(err, sdk.Usage) {
			t.Errorf("%v: %v", s, err)
		}
		if peer.Out.Len() > 0 {
			t.Errorf("%v: %q was sent", s, peer.Out.String())
		}
	}
	if _, err := (layer{}).Wrap(t.Context(), says(""), sdk.LayerRequest{Accepted: true}); !errors.Is(err, sdk.Usage) {
		t.Errorf("accepted: %v", err)
	}
}

func TestRefusalsAreInWords(t *testing.T) {
	for answer, want := range map[string]string{
		"\x05\xff":                 "give user=",
		"\x05\x02":                 "not offered",
		"HTTP/1.0 400":             "no SOCKS 5 proxy",
		"\x05\x00\x05\x02":         "rules do not allow",
		"\x05\x00\x05\x05\x00\x01": "connection refused",
		"\x05\x00\x05\x63":         "reply 99",
		"\x05\x00\x04\x00":         "malformed",
		"\x05\x00\x05\x00\x00\x02": "address of type 2",
	} {
		_, err := wrap(says(answer), set("to", "a:80"))
		if err == nil || !strings.Contains(err.Error(), want) || !errors.Is(err, sdk.Malformed) && !errors.Is(err, sdk.Refused) {
			t.Errorf("%q: %v, want %q", answer, err, want)
		}
	}
	_, err := wrap(says("\x05\x02\x01\x01"), set("to", "a:80"), set("user", "u"), set("password", "p"))
	if err == nil || !strings.Contains(err.Error(), `refused user "u"`) {
		t.Errorf("wrong password: %v", err)
	}
}

func TestHangUpInTheHandshakeIsTruncated(t *testing.T) {
	whole := "\x05\x02" + "\x01\x00" + "\x05\x00\x00\x03\x03abc\x00\x50"
	for i := range len(whole) {
		_, err := wrap(says(whole[:i]), set("to", "a:80"), set("user", "u"), set("password", "p"))
		if !errors.Is(err, sdk.Truncated) {
			t.Errorf("after %d bytes: %v", i, err)
		}
	}
	c, err := wrap(says(whole), set("to", "a:80"), set("user", "u"), set("password", "p"))
	if err != nil || fact(c, "method") != "password" {
		t.Errorf("whole: %v", err)
	}
	if n, err := c.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("afterwards: %d, %v", n, err)
	}
}

func FuzzHandshake(f *testing.F) {
	f.Add("\x05\x00\x05\x00\x00\x01\x01\x02\x03\x04\x00\x50rest", false)
	f.Add("\x05\x02\x01\x00\x05\x00\x00\x03\x03abc\x00\x50rest", true)
	f.Add("\x05\x02\x01\x01", true)
	f.Add("\x05\x00\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00", false)
	f.Fuzz(func(t *testing.T, in string, user bool) {
		s := []sdk.Setting{set("to", "example.com:80")}
		if user {
			s = append(s, set("user", "u"))
		}
		peer := says(in)
		c, err := wrap(peer, s...)
		if (c == nil) == (err == nil) {
			t.Fatalf("%v, %v", c, err)
		}
		if peer.Out.Len() > 64 {
			t.Fatalf("%d bytes sent", peer.Out.Len())
		}
	})
}
