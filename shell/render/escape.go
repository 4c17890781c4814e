package render

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Escape appends src to dst with all escaped that could do something to a
// terminal or deceive a reader: C0 but \n and \t, DEL, C1, bidi controls,
// invisible and unassigned characters, and bytes that are no UTF-8. The
// notation is send's. A backslash stays as it is: see Quote for what can be
// turned back.
func Escape(dst, src []byte) []byte {
	for len(src) > 0 {
		if c := src[0]; c < utf8.RuneSelf {
			dst = escapeByte(dst, c)
			src = src[1:]
			continue
		}
		r, n := utf8.DecodeRune(src)
		if r == utf8.RuneError && n <= 1 {
			dst = fmt.Appendf(dst, `\x%02x`, src[0])
			src = src[1:]
			continue
		}
		dst = escapeRune(dst, r, src[:n])
		src = src[n:]
	}
	return dst
}

func escapeByte(dst []byte, c byte) []byte {
	switch {
	case c >= ' ' && c != 0x7f, c == '\n', c == '\t':
		return append(dst, c)
	case c == '\r':
		return append(dst, `\r`...)
	case c == '\a':
		return append(dst, `\a`...)
	case c == 0x1b:
		return append(dst, `\e`...)
	}
	return fmt.Appendf(dst, `\x%02x`, c)
}

func escapeRune(dst []byte, r rune, utf []byte) []byte {
	switch {
	case visible(r):
		return append(dst, utf...)
	case r <= 0xffff:
		return fmt.Appendf(dst, `\u%04x`, r)
	}
	for _, c := range utf {
		dst = fmt.Appendf(dst, `\x%02x`, c)
	}
	return dst
}

// visible reports whether a terminal shows the character as itself: letters,
// marks, numbers, punctuation, symbols and the plain space. All of Unicode's
// categories C and Z but the space are out: C1, bidi and other format
// characters, separators, private use, unassigned.
// Letters and marks that are invisible, as the Hangul fillers, are out too.
func visible(r rune) bool {
	return unicode.IsPrint(r) && !unicode.In(r, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}

// Line escapes s for a message of one line: line ends and tabs too.
func Line(s string) string {
	if plain(s) {
		return s
	}
	return lineEnds.Replace(string(Escape(nil, []byte(s))))
}

// plain reports whether s is printable ASCII, as nearly all cells of tables are.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

var lineEnds = strings.NewReplacer("\n", `\n`, "\t", `\t`)

// Writer escapes what is written to it. Characters cut by the end of a write
// wait for their rest. Safe for concurrent use; each Write is one write below.
type Writer struct {
	mu   sync.Mutex
	w    io.Writer
	held []byte // the beginning of a character, at most 3 bytes
}

// NewWriter returns a Writer that prints to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Write takes all of p unless w fails.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	src := p
	if len(w.held) > 0 {
		src = append(w.held, p...)
		w.held = nil
	}
	whole := len(src)
	for i := max(0, whole-utf8.UTFMax+1); i < whole; i++ {
		if utf8.RuneStart(src[i]) && !utf8.FullRune(src[i:]) {
			whole = i
			break
		}
	}
	w.held = append([]byte(nil), src[whole:]...)
	if whole == 0 {
		return len(p), nil
	}
	if _, err := w.w.Write(Escape(nil, src[:whole])); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Flush prints what was held back: a character that never got its rest.
func (w *Writer) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.held) == 0 {
		return nil
	}
	held := w.held
	w.held = nil
	_, err := w.w.Write(Escape(nil, held))
	return err
}
