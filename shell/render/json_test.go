package render

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestJSONKeepsOrderAndKinds(t *testing.T) {
	var b strings.Builder
	err := JSON(&b,
		Object{{"name", "tcp1"}, {"fd", 7}, {"age", 1.5}, {"open", true}, {"peer", nil}, {"a", uint64(1) << 63}},
		Object{{"data", []byte("<a&b>\r\n\"\\€")}},
		Object{{"data", []byte{0, 0xff}}},
		Object{})
	want := `{"name":"tcp1","fd":7,"age":1.5,"open":true,"peer":null,"a":9223372036854775808}
{"data":"<a&b>\r\n\"\\€"}
{"hex":"00 ff"}
{}
`
	if err != nil || b.String() != want {
		t.Errorf("%v\n%s", err, b.String())
	}
	if err := JSON(brokenWriter{}, Object{}); !errors.Is(err, errBroken) {
		t.Error(err)
	}
	if err := JSON(&b, Object{{"f", func() {}}}); err == nil {
		t.Error("a function has become JSON")
	}
}

// An object may go to a terminal too, and must still be JSON there.
func TestJSONIsSafeForATerminal(t *testing.T) {
	text := "\x1b\x7f\u009b\u202e\u200b\u2028\U000e0041€😀"
	var b strings.Builder
	if err := JSON(&b, Object{{"data", []byte(text)}}); err != nil {
		t.Fatal(err)
	}
	want := `{"data":"\u001b\u007f\u009b\u202e\u200b\u2028\udb40\udc41€😀"}` + "\n"
	if b.String() != want {
		t.Errorf("%s, want %s", b.String(), want)
	}
	var back struct{ Data string }
	if err := json.Unmarshal([]byte(b.String()), &back); err != nil || back.Data != text {
		t.Errorf("%q comes back as %q, %v", text, back.Data, err)
	}
}

func TestObjectText(t *testing.T) {
	o := Object{{"fd", 7}, {"peer", nil}}
	if o.Text("fd") != "7" || o.Text("peer") != "" || o.Text("none") != "" {
		t.Error(o.Text("fd"), o.Text("peer"), o.Text("none"))
	}
}

func FuzzJSON(f *testing.F) {
	f.Add("k", []byte("v\x1b\xff"), "s\u202e")
	f.Add("", []byte("\u009b\U000e0041<>"), "")
	f.Fuzz(func(t *testing.T, key string, data []byte, s string) {
		var b strings.Builder
		if err := JSON(&b, Object{{"data", data}, {"s", s}, {key, 1}}); err != nil {
			t.Fatal(err)
		}
		line, ok := strings.CutSuffix(b.String(), "\n")
		if r, bad := forbidden([]byte(line), false); !ok || bad {
			t.Fatalf("%q has %U", line, r)
		}
		var back map[string]any
		if err := json.Unmarshal([]byte(line), &back); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if utf8.Valid(data) && key != "data" && back["data"] != string(data) {
			t.Fatalf("%q came back as %q", data, back["data"])
		}
	})
}
