package escape

import (
	"errors"
	"testing"
)

func TestEveryEscapeDecodes(t *testing.T) {
	for _, c := range []struct {
		in, want string
		n        int
		isByte   bool
	}{
		{`\r`, "\r", 2, false},
		{`\n`, "\n", 2, false},
		{`\t`, "\t", 2, false},
		{`\a`, "\a", 2, false},
		{`\e[0m`, "\x1b", 2, false},
		{`\\q`, `\`, 2, false},
		{`\0`, "\x00", 2, false},
		{`\0x`, "\x00", 2, false},
		{`\x00` + "1", "\x00", 4, true},
		{`\xfF9`, "\xff", 4, true},
		{`\u20aC0`, "€", 6, false},
		{`\u0041`, "A", 6, false},
	} {
		v, n, err := Decode(c.in)
		if err != nil || n != c.n || v.Byte != c.isByte || string(v.Append(nil)) != c.want {
			t.Errorf("Decode(%s) = %+v, %d, %v", c.in, v, n, err)
		}
	}
}

func TestBadEscapesAreNamed(t *testing.T) {
	for in, want := range map[string]string{
		`\`:      `a backslash at the end: write \\ for a backslash`,
		`\q`:     `unknown escape "\q": write \\q for a backslash and a q`,
		`\é`:     `unknown escape "\é": write \\é for a backslash and a é`,
		`\01`:    `"\01" can be read in two ways: write \x00 before a digit`,
		`\09`:    `"\09" can be read in two ways: write \x00 before a digit`,
		`\x`:     `"\x": \x needs two hex digits`,
		`\xg1z`:  `"\xg1": \x needs two hex digits`,
		`\xéa`:   `"\xé": \x needs two hex digits`,
		`\x1é`:   `"\x1": \x needs two hex digits`,
		`\u12`:   `"\u12": \u needs four hex digits`,
		`\ud800`: `"\ud800" is half of a surrogate pair, not a character`,
	} {
		_, _, err := Decode(in)
		if err == nil || err.Error() != want {
			t.Errorf("Decode(%s): %v\nwant %s", in, err, want)
		}
	}
	var unknown *UnknownError
	if _, _, err := Decode(`\d`); !errors.As(err, &unknown) || unknown.Escape != `\d` {
		t.Errorf(`\d is not an UnknownError: %v`, err)
	}
}
