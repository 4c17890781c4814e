package render

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/sosh-shell/sosh/core/socket"
)

func TestQuoteIsOneLineInSingleQuotes(t *testing.T) {
	for in, want := range map[string]string{
		"":                   `''`,
		"hi\r\n":             `'hi\r\n'`,
		`a\r`:                `'a\\r'`,
		"it's $HOME `x`":     "'it\\x27s $HOME `x`'",
		"\x001\xff\u202e\t€": `'\x001\xff\u202e\t€'`,
		"\U000e0041\\":       `'\xf3\xa0\x81\x81\\'`,
	} {
		if got := Quote([]byte(in)); got != want {
			t.Errorf("Quote(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestUnescape(t *testing.T) {
	for in, want := range map[string]string{
		``:                          "",
		`plain é`:                   "plain é",
		`\r\n\t\0\a\e\\`:            "\r\n\t\x00\a\x1b\\",
		`\xff\x00\x7e1\u20ac\uFFFD`: "\xff\x00~1€\ufffd",
		`\\x41`:                     `\x41`,
		`\0a`:                       "\x00a",
	} {
		got, err := Unescape(in)
		if err != nil || string(got) != want {
			t.Errorf("Unescape(%s) = %q, %v, want %q", in, got, err, want)
		}
	}
	for in, want := range map[string]string{
		`a\q`:    `unknown escape "\q": write \\q for a backslash and a q`,
		`\01`:    `"\01" can be read in two ways: write \x00 before a digit`,
		`a\`:     `a backslash at the end: write \\ for a backslash`,
		`\xg0`:   `"\xg0": \x needs two hex digits`,
		`\ud800`: `"\ud800" is half of a surrogate pair, not a character`,
	} {
		_, err := Unescape(in)
		if !errors.Is(err, socket.Usage) || err.Error() != want {
			t.Errorf("Unescape(%s): %v, want %s", in, err, want)
		}
	}
}

func FuzzQuote(f *testing.F) {
	for _, s := range []string{"", "a'b\\", "\x001", "\r\n\xff\u202e", `\x27`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		word := Quote(in)
		if r, bad := forbidden([]byte(word), false); bad {
			t.Fatalf("%q gives %U", in, r)
		}
		if len(word) < 2 || word[0] != '\'' || word[len(word)-1] != '\'' {
			t.Fatalf("%q is not in single quotes: %s", in, word)
		}
		inner := word[1 : len(word)-1]
		if strings.Contains(inner, "'") {
			t.Fatalf("%q is not one quoted word: %s", in, word)
		}
		if back, err := Unescape(inner); err != nil || !bytes.Equal(back, in) {
			t.Fatalf("%q comes back from %s as %q, %v", in, word, back, err)
		}
	})
}

func FuzzUnescape(f *testing.F) {
	for _, s := range []string{``, `a\r\n`, `\u20ac\xff`, `\`, `\01`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		out, err := Unescape(s)
		if err != nil && !errors.Is(err, socket.Usage) {
			t.Fatal(err)
		}
		if err == nil && !strings.Contains(s, `\`) && string(out) != s {
			t.Fatalf("%q became %q", s, out)
		}
	})
}
