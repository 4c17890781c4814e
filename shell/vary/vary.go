// Package vary makes a pattern of a text that came once, such that the same text of
// another time matches it, too: dates, ports, process ids and identifiers become
// patterns, all else stays as it is. It knows the forms in which servers write such
// things, and no server; it reads no clock.
//
// A pattern is in the language of core/expect, which is RE2, and may stand between the
// shell's single quotes: it holds no quote and nothing unprintable.
package vary

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Maker makes patterns. The zero Maker knows no ports and no time.
type Maker struct {
	// Ports are of sockets, and others the next time.
	Ports map[uint16]bool
	// Now is when the text came: a number within a year of it, in seconds, milli- or
	// microseconds since 1970, is a time. Zero makes no number one.
	Now time.Time
}

// maxVaried bounds the part of a text that is looked at, in bytes; what is beyond it
// stays as it is.
const maxVaried = 64 << 10

// Pattern is a pattern for the text, which matches it from its first byte to its last.
// It is open when only more bytes can tell where the match ends: what stands last is
// not of a fixed length.
func (m *Maker) Pattern(text []byte) (pattern string, open bool) {
	var b strings.Builder
	head := text[:min(len(text), maxVaried)]
	done, from := 0, 0
	for from < len(head) {
		at := forms.FindSubmatchIndex(head[from:])
		if at == nil {
			break
		}
		for i := range at {
			if at[i] >= 0 {
				at[i] += from
			}
		}
		p, ok := m.form(head, at)
		if !ok {
			from = nextWord(head, at[0])
			continue
		}
		b.WriteString(Exact(head[done:at[0]]) + p.pattern)
		done, from = at[1], at[1]
		open = p.open && done == len(text)
	}
	b.WriteString(Exact(text[done:]))
	return b.String(), open
}

// nextWord is where the next form may begin behind what was none.
func nextWord(text []byte, at int) int {
	for at++; at < len(text) && wordByte(text[at-1]) && wordByte(text[at]); at++ {
	}
	return at
}

// Varies reports whether the pattern of the text matches other texts, too.
func (m *Maker) Varies(text []byte) bool {
	p, _ := m.Pattern(text)
	return p != Exact(text)
}

// Exact is a pattern that matches the text and nothing else.
func Exact(text []byte) string {
	var b strings.Builder
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\'', r == utf8.RuneError, !unicode.IsPrint(r):
			for _, c := range text[:n] {
				fmt.Fprintf(&b, `\x%02x`, c)
			}
		case r < utf8.RuneSelf:
			b.WriteString(regexp.QuoteMeta(string(r)))
		default:
			b.WriteRune(r)
		}
		text = text[n:]
	}
	return b.String()
}

// made is the pattern of one form.
type made struct {
	pattern string
	open    bool // its end is not fixed
}

// form makes the pattern of what the forms have found; ok is false when it stays as it
// is after all.
func (m *Maker) form(text []byte, at []int) (made, bool) {
	if !bounded(text, at[0], at[1]) {
		return made{}, false
	}
	return found(m, kinds, text, at)
}

// bounded reports whether text[from:to] is no part of a longer word or number.
func bounded(text []byte, from, to int) bool {
	return (from == 0 || !wordByte(text[from-1]) || !wordByte(text[from])) && (to == len(text) || !wordByte(text[to]) || !wordByte(text[to-1]))
}

func wordByte(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c >= utf8.RuneSelf
}

// isPort reports whether a number may be another port the next time.
func (m *Maker) isPort(digits []byte) bool {
	n, err := strconv.ParseUint(string(digits), 10, 16)
	return err == nil && m.Ports[uint16(n)]
}

// isTime reports whether a number is a time since 1970 near now.
func (m *Maker) isTime(digits []byte) bool {
	if m.Now.IsZero() {
		return false
	}
	n, err := strconv.ParseInt(string(digits), 10, 64)
	if err != nil {
		return false
	}
	const near = 366 * 24 * time.Hour
	for _, t := range []time.Time{time.Unix(n, 0), time.UnixMilli(n), time.UnixMicro(n)} {
		if d := t.Sub(m.Now); -near < d && d < near {
			return true
		}
	}
	return false
}

// mixed reports whether an identifier looks made by a machine: of digits and letters.
func mixed(id []byte, digits, letters int) bool {
	for _, c := range id {
		switch {
		case '0' <= c && c <= '9':
			digits--
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
			letters--
		}
	}
	return digits <= 0 && letters <= 0
}

// hexClass is the class of the hex digits that the text is written in.
func hexClass(text []byte) string {
	switch lower, upper := bytes.ContainsAny(text, "abcdef"), bytes.ContainsAny(text, "ABCDEF"); {
	case lower && upper:
		return "[0-9A-Fa-f]"
	case upper:
		return "[0-9A-F]"
	}
	return "[0-9a-f]"
}
