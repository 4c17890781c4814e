package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/sosh-shell/sosh/core/socket"
)

func TestWhatCouldCommandATerminalIsEscaped(t *testing.T) {
	for in, want := range map[string]string{
		"plain é 日本 \t\n":    "plain é 日本 \t\n",
		"\x1b]52;c;aGk=\a":   `\e]52;c;aGk=\a`, // OSC 52: the clipboard
		"\x1b[21t":           `\e[21t`,         // title report
		"\x1b[2J":            `\e[2J`,          // CSI
		"\u009b2J":           `\u009b2J`,       // C1, as a character
		"\x9b2J":             `\x9b2J`,         // C1, as a byte
		"a\bb\rc\x7f":        `a\x08b\rc\x7f`,
		"\x00":               `\x00`,
		"evil\u202egnp.exe":  `evil\u202egnp.exe`, // bidi override
		"\u2066\u200b\ufeff": `\u2066\u200b\ufeff`,
		"\u2028":             `\u2028`,
		"\U000e0041":         `\xf3\xa0\x81\x81`, // a tag character
		"\ue000":             `\ue000`,           // private use
		"\xff\xc3":           `\xff\xc3`,
		`back\slash`:         `back\slash`,
	} {
		if got := string(Escape(nil, []byte(in))); got != want {
			t.Errorf("%q: %s, not %s", in, got, want)
		}
	}
}

func TestWriterHoldsCutCharacters(t *testing.T) {
	in := []byte("é日\x9b\U0001F600\xe6\x97")
	want := string(Escape(nil, in))
	for cut := range in {
		var b bytes.Buffer
		w := NewWriter(&b)
		w.Write(in[:cut])
		w.Write(in[cut:])
		w.Flush()
		if b.String() != want {
			t.Errorf("cut at %d: %s, not %s", cut, &b, want)
		}
	}
}

// forbidden reports what Escape may never let through.
func forbidden(p []byte) bool {
	for len(p) > 0 {
		r, n := utf8.DecodeRune(p)
		if r == utf8.RuneError && n == 1 || r != '\n' && r != '\t' && !visible(r) {
			return true
		}
		p = p[n:]
	}
	return false
}

func FuzzEscape(f *testing.F) {
	for _, s := range []string{"a", "\x1b]0;x\a", "\u202e", "\xc3", "é\x80"} {
		f.Add([]byte(s), 1)
	}
	f.Fuzz(func(t *testing.T, p []byte, cut int) {
		out := Escape(nil, p)
		if forbidden(out) {
			t.Errorf("%q became %q", p, out)
		}
		var b bytes.Buffer
		w := NewWriter(&b)
		cut = min(max(cut, 0), len(p))
		w.Write(p[:cut])
		w.Write(p[cut:])
		w.Flush()
		if !bytes.Equal(b.Bytes(), out) {
			t.Errorf("%q cut at %d: %q, not %q", p, cut, &b, out)
		}
		q := Quote(p)
		back, err := Unescape(q[1 : len(q)-1])
		if err != nil || !bytes.Equal(back, p) || strings.ContainsAny(q[1:len(q)-1], "'\n") {
			t.Errorf("%q quoted is %s, which is %q (%v)", p, q, back, err)
		}
	})
}

func TestUnescapeRefusesWhatIsAmbiguous(t *testing.T) {
	got, err := Unescape(`a\r\n\t\0\a\e\\\x41\u00e9b`)
	if err != nil || string(got) != "a\r\n\t\x00\a\x1b\\Aéb" {
		t.Errorf("%q, %v", got, err)
	}
	for _, bad := range []string{`\q`, `\01`, `\x4`, `\u12`, `end\`} {
		if _, err := Unescape(bad); !errors.Is(err, socket.Usage) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestParseHex(t *testing.T) {
	if got, err := ParseHex("0d 0aFF\t00"); err != nil || string(got) != "\r\n\xff\x00" {
		t.Errorf("%q, %v", got, err)
	}
	for _, bad := range []string{"0", "0x41", "gg"} {
		if _, err := ParseHex(bad); !errors.Is(err, socket.Usage) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestTableAlignsWhatTheScreenShows(t *testing.T) {
	var b bytes.Buffer
	Table{Columns: []string{"a", "b"}, Rows: [][]string{{"日本", "1"}, {"x\x1b", "2"}, {"", "3"}}}.Write(&b)
	want := "A     B\n日本  1\nx\\e   2\n      3\n"
	if b.String() != want {
		t.Errorf("printed\n%s\nnot\n%s", &b, want)
	}
	b.Reset()
	Table{Columns: []string{"a"}, Style: Colour}.Write(&b)
	if b.String() != "\x1b[1mA\x1b[0m\n" {
		t.Errorf("%q", &b)
	}
}

func TestJSONKeepsOrderAndBytes(t *testing.T) {
	var b bytes.Buffer
	JSON(&b, Object{{"z", "<&>"}, {"a", 1}, {"data", []byte("hi")}, {"n", nil}}, Object{{"data", []byte{0xff, 0}}, {"s", "\xff"}})
	want := `{"z":"<&>","a":1,"data":"hi","n":null}` + "\n" + `{"hex":"ff 00","s":"\\xff"}` + "\n"
	if b.String() != want {
		t.Errorf("%s", &b)
	}
	for line := range strings.Lines(b.String()) {
		if !json.Valid([]byte(line)) {
			t.Error(line)
		}
	}
}

func TestSizes(t *testing.T) {
	for in, want := range map[string]int64{"0": 0, "1000": 1000, "64K": 64 << 10, "64KiB": 64 << 10, "16m": -1, "16M": 16 << 20, "2G": 2 << 30,
		"": -1, "M": -1, "-1": -1, "1T": -1, "9999999999G": -1, "1.5M": -1} {
		got, err := ParseSize(in)
		if err != nil {
			got = -1
		}
		if got != want || err != nil && !errors.Is(err, socket.Usage) {
			t.Errorf("%q: %d, %v", in, got, err)
		}
	}
	if Count(-1234567) != "-1,234,567" || Count(12) != "12" || Count(math.MaxInt64) != "9,223,372,036,854,775,807" {
		t.Error(Count(-1234567), Count(12), Count(math.MaxInt64))
	}
}

func TestDurations(t *testing.T) {
	for in, want := range map[string]Duration{
		"500ms": {Set: true, D: 500 * time.Millisecond}, "2s": {Set: true, D: 2 * time.Second},
		"5": {Set: true, D: 5 * time.Second}, "0.5": {Set: true, D: 500 * time.Millisecond},
		"none": {Set: true, None: true}, "0": {Set: true}, "": {}, "-1s": {}, "x": {}, "NaN": {}, "1e300": {},
	} {
		got, err := ParseDuration(in)
		if got != want || !want.Set != errors.Is(err, socket.Usage) {
			t.Errorf("%q: %+v, %v", in, got, err)
		}
	}
}
