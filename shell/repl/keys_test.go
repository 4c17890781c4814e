package repl

import (
	"strings"
	"testing"
)

func TestKeysReachReadlineWholeAndHarmless(t *testing.T) {
	nl := string(newlineRune)
	for _, c := range []struct{ in, want string }{
		{"abc", "abc"},
		{"é日", "é日"},
		{"\x1b[A", "\x1b[A"},
		{"\x1b[1;5C", "\x1b[1;5C"},
		{"\x1bOH", "\x1bOH"},
		{"\x1bf", "\x1bf"},
		{"\x1b\x1b[A", "\x1b[A"},
		{"a\x1ab\x0fc\x00d\x1c", "abcd"},
		{"\x03\x04\r\t", "\x03\x04\r\t"},
		{"\ue000x\ue001y\uf8ff", "xy"},
		{"a\xffb", "ab"},
		{"\x1b[200~one\ntwo\r\x1b[A\tx\x03\x1b[201~y\r", "one" + nl + "two" + nl + " xy\r"},
		{"\x1b[" + strings.Repeat("1", 100) + "mz", strings.Repeat("1", 100-maxSequence+1) + "mz"},
	} {
		var k keys
		if got := string(k.next([]byte(c.in))); got != c.want {
			t.Errorf("%q at once: %q, not %q", c.in, got, c.want)
		}
		k = keys{}
		var split []byte
		for i := range len(c.in) {
			out := k.next([]byte{c.in[i]})
			if len(out) > 0 && out[0] == esc && len(out) == 1 {
				t.Errorf("%q: an escape was cut from its sequence", c.in)
			}
			split = append(split, out...)
		}
		if string(split) != c.want && !strings.Contains(c.in, "111") {
			t.Errorf("%q byte by byte: %q, not %q", c.in, split, c.want)
		}
	}
}

func FuzzKeys(f *testing.F) {
	f.Add([]byte("\x1b[200~a\x1b[201~"), 3)
	f.Fuzz(func(t *testing.T, p []byte, cut int) {
		var k keys
		cut = min(max(cut, 0), len(p))
		out := append(k.next(p[:cut]), k.next(p[cut:])...)
		if strings.ContainsRune(string(out), wakeRune) {
			t.Errorf("%q let a wake rune through", p)
		}
		if len(k.held) > maxSequence+2 {
			t.Errorf("%d bytes are held", len(k.held))
		}
	})
}
