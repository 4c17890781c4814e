package repl

import (
	"bytes"
	"unicode/utf8"
)

// Runes of the private use area that readline sees and the user never typed.
const (
	wakeRune    = '\uE000' // run queued work in readline's loop
	newlineRune = '\uE001' // a line end within pasted text
)

var wakeBytes = []byte(string(wakeRune))

// keys turns the terminal's bytes into those that readline may see: pasted text
// as text, no control byte that readline handles badly, and each escape
// sequence whole, as a wake rune inside one would be taken for its rest.
type keys struct {
	held  []byte // the beginning of a sequence or of a character
	paste bool
}

const (
	esc        = 0x1b
	pasteBegin = "\x1b[200~"
	pasteEnd   = "\x1b[201~"
	// maxSequence bounds an escape sequence; longer ones are dropped.
	maxSequence = 32
)

// dropped are control bytes that must not reach readline: Ctrl-Z stops the
// parent process and hangs, the others have no use.
func dropped(c byte) bool {
	switch c {
	case 0, 15, 22, 24, 26, 28, 29, 30, 31: // NUL, ^O, ^V, ^X, ^Z, ^\ ^] ^^ ^_
		return true
	}
	return false
}

// next takes what was read and returns what readline gets, which may be nothing.
func (k *keys) next(p []byte) []byte {
	if len(k.held) > 0 {
		p = append(k.held, p...)
		k.held = nil
	}
	var out []byte
	for len(p) > 0 {
		n := unit(p)
		if n == 0 { // not whole yet
			k.held = bytes.Clone(p)
			return out
		}
		out = k.take(out, p[:n])
		p = p[n:]
	}
	return out
}

// take appends what readline gets for one whole unit.
func (k *keys) take(out, u []byte) []byte {
	switch s := string(u); {
	case s == pasteBegin:
		k.paste = true
		return out
	case s == pasteEnd:
		k.paste = false
		return out
	case len(u) > maxSequence, u[0] == esc && len(u) == 1:
		return out
	case k.paste:
		return pasted(out, u)
	case len(u) == 1 && dropped(u[0]):
		return out
	}
	if r, _ := utf8.DecodeRune(u); r >= wakeRune && r <= 0xF8FF || r == utf8.RuneError {
		return out
	}
	return append(out, u...)
}

// pasted is text: its line ends do not run it, its controls do nothing.
func pasted(out, u []byte) []byte {
	switch c := u[0]; {
	case c == '\r' || c == '\n':
		return append(out, string(newlineRune)...)
	case c == '\t':
		return append(out, ' ')
	case c < ' ' || c == 0x7f:
		return out
	}
	return append(out, u...)
}

// unit is the length of the character or escape sequence that p begins with,
// 0 when more bytes are needed to tell.
func unit(p []byte) int {
	if p[0] != esc {
		if !utf8.FullRune(p) {
			return 0
		}
		_, n := utf8.DecodeRune(p)
		return n
	}
	if len(p) == 1 {
		return 0
	}
	switch p[1] {
	case '[':
		for i := 2; i < len(p); i++ {
			if p[i] >= 0x40 && p[i] <= 0x7e { // a CSI's final byte, ECMA-48 5.4
				return i + 1
			}
			if i > maxSequence {
				return i
			}
		}
		return 0
	case 'O':
		if len(p) < 3 {
			return 0
		}
		return 3
	case esc:
		return 1
	}
	if !utf8.FullRune(p[1:]) {
		return 0
	}
	_, n := utf8.DecodeRune(p[1:])
	return 1 + n
}
