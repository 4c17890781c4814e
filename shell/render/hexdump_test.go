package render

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/sosh-shell/sosh/core/socket"
)

func TestDumperPrintsAsHexdumpDoes(t *testing.T) {
	want := `00000000  48 65 6c 6c 6f 20 77 6f  72 6c 64 0d 0a 1b e2 82  |Hello world.....|
00000010  ac                                                |.|
`
	var whole, pieces strings.Builder
	in := []byte("Hello world\r\n\x1b€")
	d := NewDumper(&whole)
	if _, err := d.Write(in); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil || whole.String() != want {
		t.Errorf("%v\n%s", err, whole.String())
	}
	d = NewDumper(&pieces)
	for i := range in {
		if _, err := d.Write(in[i : i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Close(); err != nil || pieces.String() != want {
		t.Errorf("%v\n%s", err, pieces.String())
	}
}

func TestDumpBeginsAtAnyOffset(t *testing.T) {
	var whole strings.Builder
	d := NewDumper(&whole)
	in := bytes.Repeat([]byte("0123456789\r\n\xff"), 5)
	d.Write(in)
	d.Close()
	if got := strings.Join(Dump(in, 0), "\n") + "\n"; got != whole.String() {
		t.Errorf("%s\nnot\n%s", got, whole.String())
	}
	if got, want := Dump(in[32:], 32), strings.Split(strings.TrimSpace(whole.String()), "\n")[2:]; !slices.Equal(got, want) {
		t.Errorf("%q\nnot\n%q", got, want)
	}
	if got := Dump([]byte{7}, 1<<32); len(got) != 1 || !strings.HasPrefix(got[0], "100000000  07  ") {
		t.Errorf("%q", got)
	}
}

func TestParseHex(t *testing.T) {
	for in, want := range map[string]string{
		"":               "",
		" \t\n":          "",
		"0d 0a ff":       "\r\n\xff",
		"0D0aFf":         "\r\n\xff",
		" 00\n 01  0203": "\x00\x01\x02\x03",
	} {
		if got, err := ParseHex(in); err != nil || string(got) != want {
			t.Errorf("ParseHex(%q) = %x, %v", in, got, err)
		}
	}
	for in, word := range map[string]string{"0": `"0"`, "00 0g": `"0g"`, "00 0x01": `"0x01"`, "0 0": `"0"`, "00 é": `"é"`} {
		_, err := ParseHex(in)
		if !errors.Is(err, socket.Usage) || !strings.HasPrefix(err.Error(), word+" is not hex") {
			t.Errorf("ParseHex(%q): %v", in, err)
		}
	}
}

func FuzzParseHex(f *testing.F) {
	f.Add("0d 0a")
	f.Add("0")
	f.Fuzz(func(t *testing.T, s string) {
		out, err := ParseHex(s)
		if err != nil {
			if !errors.Is(err, socket.Usage) {
				t.Fatal(err)
			}
			return
		}
		var dump bytes.Buffer
		d := NewDumper(&dump)
		d.Write(out)
		d.Close()
		if r, bad := forbidden(dump.Bytes(), true); bad {
			t.Fatalf("%q is dumped with %U", s, r)
		}
		if 2*len(out) > len(s) {
			t.Fatalf("%d bytes from %q", len(out), s)
		}
	})
}
