package repl

import (
	"fmt"
	"strings"
	"testing"
	"unicode"
)

// spell writes keys down: characters as they are, the others by number, what
// was pasted in brackets.
func spell(all []key) string {
	var b strings.Builder
	for _, k := range all {
		switch {
		case k.r == pasteKey:
			fmt.Fprintf(&b, "[%s]", k.text)
		case unicode.IsPrint(k.r):
			b.WriteRune(k.r)
		default:
			fmt.Fprintf(&b, "<%x>", k.r)
		}
	}
	return b.String()
}

func TestKeysAreWholeAndHarmless(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"abc", "abc"},
		{"é日", "é日"},
		{"\x1b[A\x1bOB", "<10><e>"},
		{"\x1b[1;5C", "<e003>"},
		{"\x1bOH\x1b[4~", "<1><5>"},
		{"\x1bf\x1b\x7f", "<e003><17>"},
		{"\x1b\x1b[A", "<10>"},
		{"\x1b\x03", "<3>"},
		{"\x1b[\x03", "<3>"},
		{"\x1bO\x03", "<3>"},
		{"\x1b[5~\x1b[200\x1b[Zx", "x"},
		{"\x1b[3~", "<e001>"},
		{"a\x1ab\x0fc\x00d\x1c", "abcd"},
		{"\x03\x04\r\t", "<3><4><d><9>"},
		{"\ue000x\ue001y\uf8ff\u009b", "xy"},
		{"a\xffb\ufffd", "ab\ufffd"},
		{"\x1b[200~one\ntwo\r\x1b[A\tx\x03\x1b[201~y\r", "[one\ntwo\n x]y<d>"},
		{"\x1b[200~\x1b[201~z", "z"},
		{"\x1b[" + strings.Repeat("1", 100) + "mz", strings.Repeat("1", 100-maxSequence+1) + "mz"},
	} {
		var k keys
		if got := spell(k.next([]byte(c.in))); got != c.want {
			t.Errorf("%q at once: %q, not %q", c.in, got, c.want)
		}
		k = keys{}
		var split []key
		for i := range len(c.in) {
			split = append(split, k.next([]byte{c.in[i]})...)
		}
		if got := spell(split); got != c.want {
			t.Errorf("%q byte by byte: %q, not %q", c.in, got, c.want)
		}
	}
}

func TestPasteIsBounded(t *testing.T) {
	var k keys
	k.next([]byte(pasteBegin))
	for range 3 {
		k.next([]byte(strings.Repeat("x", maxPaste/2)))
	}
	if got := k.next([]byte(pasteEnd)); len(got) != 1 || len(got[0].text) != maxPaste {
		t.Errorf("%d keys", len(got))
	}
}

func FuzzKeys(f *testing.F) {
	f.Add([]byte("\x1b[200~a\x1b[201~"), 3)
	f.Fuzz(func(t *testing.T, p []byte, cut int) {
		var k keys
		cut = min(max(cut, 0), len(p))
		for _, got := range append(k.next(p[:cut]), k.next(p[cut:])...) {
			if got.r == esc || got.r == 0 || strings.ContainsAny(got.text, "\x1b\x03\t\r") {
				t.Errorf("%q let %q through", p, got)
			}
		}
		if len(k.held) > maxSequence+2 {
			t.Errorf("%d bytes are held", len(k.held))
		}
	})
}
