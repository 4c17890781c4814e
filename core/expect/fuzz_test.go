package expect

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// FuzzMatch feeds any input to any pattern in two ways that must agree, on the
// automaton and on the machine, which must agree; and where package regexp speaks the same language, it must agree too.
func FuzzMatch(f *testing.F) {
	for _, pattern := range []string{
		`^HTTP/1\.[01] ([0-9]+)`, `login: $`, `(?i)error: (.*)$`, `\bok\b|\Bno\B`, `[^\xff\r]+\xe2?`, `(a|ab)(c|bcd)*?\z`,
		`\A(?:\x82|.)+€`, `(?s).*(?-s:.)\r\n`, `[\x80-\xff]{2,3}`, `(|a)*(\n|$)+`, `[^a]|\xc3(.)`, `\Q.*\E[[:^alpha:]\pL]`,
	} {
		for _, in := range []string{"", "HTTP/1.1 200 OK\r\n", "login: ", "a\xe2\x82\xac\xff\r\n", "ab\nabcd é\xc3"} {
			f.Add(pattern, []byte(in), uint8(3), int16(-1))
		}
	}
	f.Fuzz(func(t *testing.T, pattern string, in []byte, size uint8, before int16) {
		if len(pattern) > 100 || len(in) > 200 {
			return // time, not depth
		}
		p, err := Compile(pattern)
		if err != nil {
			return
		}
		p.cold.Store(0)
		prev := int(before)
		if prev < 0 || prev > 255 {
			prev = -1
		}
		m := p.Matcher(prev)
		whole := run(m, prev, nil, in)
		pieces := [][]byte{nil}
		for rest := in; len(rest) > 0; {
			n := min(int(size)+1, len(rest))
			pieces, rest = append(pieces, rest[:n]), rest[n:]
		}
		if got := run(m, prev, pieces...); !got.equal(whole) {
			t.Fatalf("%q on %q: pieces %v, at once %v", pattern, in, got, whole)
		}
		sameEverywhere(t, p, prev, pieces)
		if prev >= 0 || !utf8.Valid(in) || bytes.ContainsRune(in, '\r') || !sameInRegexp(pattern) {
			return
		}
		re, err := regexp.Compile("(?m)" + pattern)
		if err != nil {
			t.Fatalf("%q is ours only: %v", pattern, err)
		}
		if want := goMatch(t, re.String()[4:], in); !slices.Equal(whole.groups, want) {
			t.Fatalf("%q on %q: got %v, want %v", pattern, in, whole, want)
		}
	})
}

// FuzzTree draws a pattern and an input from the bytes, and holds the match
// against the reference's.
func FuzzTree(f *testing.F) {
	f.Add([]byte("0123456789abcdefghijklmnopqrstuvwxyz"))
	f.Add(bytes.Repeat([]byte{7, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3}, 30))
	f.Fuzz(rapid.MakeFuzz(func(t *rapid.T) {
		n := wildShape.draw(t)
		in := wildShape.input(t, n, 8)
		before := drawBefore(t)
		p := mustCompile(t, n.String())
		pieces := split(t, in)
		o := run(p.Matcher(0), before, pieces...)
		if want := refMatch(n, in, before); !slices.Equal(o.groups, want) {
			t.Fatalf("%s on %q after %d:\n got %v\nwant %v", n, in, before, o, want)
		}
		sameEverywhere(t, p, before, pieces)
	}))
}

func sameInRegexp(pattern string) bool {
	return !slices.ContainsFunc([]string{`\x`, `\u`, `\0`, `\e`}, func(e string) bool { return strings.Contains(pattern, e) })
}
