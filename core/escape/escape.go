// Package escape is the one table of sosh's escapes: \r \n \t \0 \a \e \\ \xHH
// \uHHHH. It decodes a single escape. What an escape means beside others, and
// what to do with an unknown one, its callers decide: send refuses it, a
// pattern gives it to RE2.
package escape

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// Value is what an escape stands for: a character, or one byte (\xHH).
type Value struct {
	Code rune
	Byte bool // Code is a byte, 0 to 255, not a character
}

// Append appends the byte, or the character in UTF-8.
func (v Value) Append(dst []byte) []byte {
	if v.Byte {
		return append(dst, byte(v.Code))
	}
	return utf8.AppendRune(dst, v.Code)
}

// UnknownError is an escape that the table lacks.
type UnknownError struct {
	Escape string // the backslash and the character after it
}

func (e *UnknownError) Error() string {
	return fmt.Sprintf(`unknown escape "%s": write \%s for a backslash and a %s`, e.Escape, e.Escape, e.Escape[1:])
}

// Decode decodes the escape that s begins with, and returns the number of
// bytes it takes. s must begin with a backslash. The error is an
// [*UnknownError], or says what is wrong with a known escape.
func Decode(s string) (Value, int, error) {
	if len(s) < 2 {
		return Value{}, 0, errors.New(`a backslash at the end: write \\ for a backslash`)
	}
	switch s[1] {
	case 'r':
		return Value{Code: '\r'}, 2, nil
	case 'n':
		return Value{Code: '\n'}, 2, nil
	case 't':
		return Value{Code: '\t'}, 2, nil
	case 'a':
		return Value{Code: '\a'}, 2, nil
	case 'e':
		return Value{Code: 0x1b}, 2, nil
	case '\\':
		return Value{Code: '\\'}, 2, nil
	case '0':
		// C reads \012 as octal, others as NUL and "12": neither is guessed.
		if len(s) > 2 && '0' <= s[2] && s[2] <= '9' {
			return Value{}, 0, fmt.Errorf(`"%s" can be read in two ways: write \x00 before a digit`, s[:3])
		}
		return Value{}, 2, nil
	case 'x':
		v, ok := hex(s[2:], 2)
		if !ok {
			return Value{}, 0, fmt.Errorf(`"%s": \x needs two hex digits`, upTo(s, 4))
		}
		return Value{Code: v, Byte: true}, 4, nil
	case 'u':
		v, ok := hex(s[2:], 4)
		if !ok {
			return Value{}, 0, fmt.Errorf(`"%s": \u needs four hex digits`, upTo(s, 6))
		}
		if !utf8.ValidRune(v) {
			return Value{}, 0, fmt.Errorf(`"%s" is half of a surrogate pair, not a character`, s[:6])
		}
		return Value{Code: v}, 6, nil
	}
	_, n := utf8.DecodeRuneInString(s[1:])
	return Value{}, 0, &UnknownError{s[:1+n]}
}

// upTo returns the first n bytes of s, or fewer, without half a character.
func upTo(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

func hex(s string, n int) (rune, bool) {
	if len(s) < n {
		return 0, false
	}
	var v rune
	for i := range n {
		c := s[i]
		switch {
		case '0' <= c && c <= '9':
			v = v<<4 | rune(c-'0')
		case 'a' <= c && c <= 'f':
			v = v<<4 | rune(c-'a'+10)
		case 'A' <= c && c <= 'F':
			v = v<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	return v, true
}
