package http

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

func encode(mark string, set ...sdk.Setting) (sdk.Message, error) {
	return layer{}.Encode(context.Background(), sdk.Mark(mark), set)
}

func TestFieldsBecomeAMessage(t *testing.T) {
	for _, x := range []struct {
		mark string
		set  []sdk.Setting
		want string
	}{
		{"cexample.com:8080", nil, "GET / HTTP/1.1\r\nHost: example.com:8080\r\n\r\n"},
		{"", nil, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"},
		{"ch", []sdk.Setting{set("method", "POST"), set("target", "/p?q=1"), set("header.x-a", "1"), set("header.X-A", "2"), set("body", "hi")},
			"POST /p?q=1 HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: 2\r\n\r\nhi"},
		{"ch", []sdk.Setting{set("host", "other"), set("version", "HTTP/1.0")}, "GET / HTTP/1.0\r\nHost: other\r\n\r\n"},
		{"ch", []sdk.Setting{set("header.host", "other")}, "GET / HTTP/1.1\r\nHost: other\r\n\r\n"},
		{"ch", []sdk.Setting{set("headers", "Accept: */*\nb: c\r\n")}, "GET / HTTP/1.1\r\nHost: h\r\nAccept: */*\r\nb: c\r\n\r\n"},
		{"ch", []sdk.Setting{set("method", "CONNECT"), set("target", "a:80")}, "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n"},
		{"ch", []sdk.Setting{set("trailer.sum", "1"), set("body", "hi")}, "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhiSum: 1\r\n\r\n"},
		{"s", nil, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
		{"s", []sdk.Setting{set("body", "hi")}, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"},
		{"s", []sdk.Setting{set("status", "404"), set("reason", "Gone fishing")}, "HTTP/1.1 404 Gone fishing\r\nContent-Length: 0\r\n\r\n"},
		{"s", []sdk.Setting{set("status", "204")}, "HTTP/1.1 204 No Content\r\n\r\n"},
		{"s", []sdk.Setting{set("header.content-length", "9")}, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"}, // to HEAD
	} {
		m, err := encode(x.mark, x.set...)
		if err != nil || string(m.Data) != x.want {
			t.Errorf("%v: %q, %v, want %q", x.set, m.Data, err, x.want)
		}
	}
	if m, err := encode("ch", set("chunked", "on"), set("body", "hi")); err != nil || m.Type != typeChunked {
		t.Errorf("chunked: %v, %v", m, err)
	}
}

func TestFieldsThatMakeNoMessageAreRefused(t *testing.T) {
	for _, s := range [][]sdk.Setting{
		{set("metod", "GET")},
		{set("error", "x")},
		{set("method", "G T")},
		{set("target", "/a b")},
		{set("target", "/a\r\nX: y")},
		{set("version", "2.0")},
		{set("status", "20")},
		{set("status", "ok")},
		{set("status", "200"), set("method", "GET")},
		{set("reason", "x")},
		{set("status", "200"), set("reason", "a\nb")},
		{set("header.a b", "x")},
		{set("header.", "x")},
		{set("header.a", "x\r\nb: y")},
		{set("headers", "no colon")},
		{set("headers", "a: b\r\n\r\nrest\r\n")},
		{set("host", "a"), set("header.host", "b")},
		{set("host", "a b")},
		{set("chunked", "yes")},
		{set("header.content-length", "3"), set("body", "hi")},
		{set("header.transfer-encoding", "chunked"), set("body", "hi")},
		{set("trailer.content-length", "3"), set("body", "hi")},
		{set("version", "1.0"), set("chunked", "on"), set("body", "hi")},
	} {
		if m, err := encode("ch", s...); !errors.Is(err, sdk.Usage) {
			t.Errorf("%v: %q, %v", s, m.Data, err)
		}
	}
}

func fieldsOf(t *testing.T, m sdk.Message) map[string]string {
	t.Helper()
	out, err := layer{}.Decode(t.Context(), nil, []sdk.Message{m})
	if err != nil || len(out) != 1 {
		t.Fatal(out, err)
	}
	f := map[string]string{}
	for _, s := range out[0] {
		if _, twice := f[s.Name]; twice {
			t.Errorf("%s is there twice", s.Name)
		}
		f[s.Name] = s.Value
		if _, ok := fieldNamed(s.Name); !ok {
			t.Errorf("%s is not declared", s.Name)
		}
	}
	return f
}

func fieldNamed(name string) (sdk.Field, bool) {
	for _, f := range fields {
		if prefix, ok := strings.CutSuffix(f.Name, "*"); f.Name == name || ok && strings.HasPrefix(name, prefix) {
			return f, true
		}
	}
	return sdk.Field{}, false
}

func TestMessageBecomesFields(t *testing.T) {
	f := fieldsOf(t, sdk.Message{Type: 1, Data: []byte("HTTP/1.1 200 Fine\r\nSet-Cookie: a\r\nX: 1\r\n  2\r\nset-cookie: b\r\nContent-Length: 2\r\n\r\nhiSum: 1\r\n\r\n")})
	for name, want := range map[string]string{"status": "200", "reason": "Fine", "version": "1.1", "header.set-cookie": "a, b", "header.x": "1 2",
		"body": "hi", "trailer.sum": "1", "chunked": "on", "headers": "Set-Cookie: a\r\nX: 1\r\n  2\r\nset-cookie: b\r\nContent-Length: 2\r\n"} {
		if f[name] != want {
			t.Errorf("%s is %q, want %q", name, f[name], want)
		}
	}
	if e, ok := f["error"]; ok {
		t.Errorf("error %q", e)
	}
	f = fieldsOf(t, sdk.Message{Data: []byte("PUT /x HTTP/1.0\r\nHost: h\r\n\r\n")})
	if f["method"] != "PUT" || f["target"] != "/x" || f["version"] != "1.0" || f["host"] != "h" || f["header.host"] != "h" || f["body"] != "" {
		t.Errorf("%v", f)
	}
}

func TestMalformedMessageHasAnError(t *testing.T) {
	for data, want := range map[string]string{
		"hello": "no empty line",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi":            "2 bytes of 5",
		"HTTP/1.1 200 OK\r\nno colon\r\n\r\n":                       "malformed",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nhi":            "trailer",
		"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nhello": "chunk",
	} {
		if got := fieldsOf(t, sdk.Message{Data: []byte(data)})["error"]; !strings.Contains(got, want) {
			t.Errorf("%q: error %q, want %q", data, got, want)
		}
	}
}
