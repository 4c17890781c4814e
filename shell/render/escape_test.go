package render

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestEscapeLeavesOnlyWhatATerminalShows(t *testing.T) {
	for in, want := range map[string]string{
		"plain é € 語 😀 \\ \n\t":     "plain é € 語 😀 \\ \n\t",
		"\x1b[31m\r\a\b\x00\x7f":    `\e[31m\r\a\x08\x00\x7f`,
		"\u0080\u009b0m\u009f":      `\u0080\u009b0m\u009f`,
		"\x80\x9b\xff\xc3\xc3(":     `\x80\x9b\xff\xc3\xc3(`,
		"a\u202eb\u2066c\u2069":     `a\u202eb\u2066c\u2069`,
		"\u200e\u200f\u061c":        `\u200e\u200f\u061c`,
		"\u200b\u200c\u200d\u2060":  `\u200b\u200c\u200d\u2060`,
		"\ufeff\u2028\u2029\u00ad":  `\ufeff\u2028\u2029\u00ad`,
		"\ufe0f\u034f\u115f\u3164":  `\ufe0f\u034f\u115f\u3164`,
		"\ue000\uffff\u0378":        `\ue000\uffff\u0378`,
		"\U000e0041":                `\xf3\xa0\x81\x81`,
		"\U000e0100\U000f0000":      `\xf3\xa0\x84\x80\xf3\xb0\x80\x80`,
		"\xed\xa0\x80\xf4\x90\xc0.": `\xed\xa0\x80\xf4\x90\xc0.`,
		"\ufffd":                    "\ufffd",
	} {
		if got := string(Escape(nil, []byte(in))); got != want {
			t.Errorf("Escape(%q) = %s, want %s", in, got, want)
		}
	}
	if got := Line("a\r\n\tb\\"); got != `a\r\n\tb\` {
		t.Error(got)
	}
	if got := string(Escape([]byte("x"), []byte("y"))); got != "xy" {
		t.Error(got)
	}
}

// forbidden reports whether a terminal or a reader could be deceived by text,
// said apart from the code that escapes.
func forbidden(text []byte, breaks bool) (rune, bool) {
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		switch {
		case r == utf8.RuneError && n == 1:
			return rune(text[0]), true
		case r == '\n' || r == '\t':
			if !breaks {
				return r, true
			}
		case r < ' ', 0x7f <= r && r <= 0x9f, r == 0x61c, r == 0xfeff, r == 0xad,
			0x200b <= r && r <= 0x200f, 0x2028 <= r && r <= 0x202e, 0x2060 <= r && r <= 0x206f,
			0xfe00 <= r && r <= 0xfe0f, 0xe000 <= r && r <= 0xf8ff, r >= 0xe0000,
			!unicode.IsPrint(r), unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r):
			return r, true
		}
		text = text[n:]
	}
	return 0, false
}

func FuzzEscape(f *testing.F) {
	for _, s := range []string{"", "a\x1b[0m\r\n", "\xe2\x82", "\u202e\U000e0041\x9b", "é\xc3"} {
		f.Add([]byte(s), uint8(1))
	}
	f.Fuzz(func(t *testing.T, in []byte, size uint8) {
		whole := Escape(nil, in)
		if r, bad := forbidden(whole, true); bad {
			t.Fatalf("%q gives %U", in, r)
		}
		if r, bad := forbidden([]byte(Line(string(in))), false); bad {
			t.Fatalf("Line of %q gives %U", in, r)
		}
		var out bytes.Buffer
		w := NewWriter(&out)
		for rest := in; len(rest) > 0; {
			n := min(int(size)+1, len(rest))
			if got, err := w.Write(rest[:n]); got != n || err != nil {
				t.Fatal(got, err)
			}
			if len(w.held) > 3 {
				t.Fatalf("%d bytes held", len(w.held))
			}
			rest = rest[n:]
		}
		if err := w.Flush(); err != nil || !bytes.Equal(out.Bytes(), whole) {
			t.Fatalf("%q in pieces: %q, %v, at once %q", in, out.Bytes(), err, whole)
		}
	})
}

func TestWriterHoldsOnlyACutCharacter(t *testing.T) {
	var out strings.Builder
	w := NewWriter(&out)
	for _, step := range []struct{ in, want string }{
		{"a\xe2", "a"},
		{"\x82", "a"},
		{"\xacb", "a€b"},
		{"\xff", `a€b\xff`},
		{"\xf0\x9f", `a€b\xff`},
		{"x", `a€b\xff\xf0\x9fx`},
		{"", `a€b\xff\xf0\x9fx`},
		{"\xc3", `a€b\xff\xf0\x9fx`},
	} {
		if n, err := w.Write([]byte(step.in)); n != len(step.in) || err != nil || out.String() != step.want {
			t.Errorf("after %q: %q, %d, %v, want %q", step.in, out.String(), n, err, step.want)
		}
	}
	if err := w.Flush(); err != nil || out.String() != `a€b\xff\xf0\x9fx\xc3` {
		t.Errorf("after the flush: %q, %v", out.String(), err)
	}
	if err := w.Flush(); err != nil || out.String() != `a€b\xff\xf0\x9fx\xc3` {
		t.Errorf("after a second one: %q, %v", out.String(), err)
	}
}

var errBroken = errors.New("broken")

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

func TestWriterReportsItsWritersError(t *testing.T) {
	w := NewWriter(brokenWriter{})
	if _, err := w.Write([]byte("a\xe2")); !errors.Is(err, errBroken) {
		t.Error(err)
	}
	if err := w.Flush(); !errors.Is(err, errBroken) {
		t.Error(err)
	}
}

func BenchmarkEscape(b *testing.B) {
	for name, unit := range map[string]string{"text": "GET / HTTP/1.1 é\r\n", "binary": "\x00\xff\x80\x1b"} {
		b.Run(name, func(b *testing.B) {
			in := bytes.Repeat([]byte(unit), 1000)
			var dst []byte
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				dst = Escape(dst[:0], in)
			}
		})
	}
}
