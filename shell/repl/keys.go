package repl

import (
	"bytes"
	"unicode/utf8"

	"github.com/chzyer/readline"
)

// Keys that have no character get one of the private use area, which nobody
// can type: see take.
const (
	pasteKey rune = '\uE000' + iota
	deleteKey
	wordLeftKey
	wordRightKey
	deleteWordKey
)

// key is a character, a control character as readline has them, or one of the
// keys above. Text is what was pasted.
type key struct {
	r    rune
	text string
}

// keys turns the terminal's bytes into keys.
type keys struct {
	held  []byte // the beginning of a sequence or of a character
	paste bool   // between the marks of a paste
	text  []byte // what has been pasted so far
}

const (
	esc        = 0x1b
	pasteBegin = "\x1b[200~"
	pasteEnd   = "\x1b[201~"
	// maxSequence bounds an escape sequence; longer ones are dropped.
	maxSequence = 32
	// maxPaste bounds one paste; the rest is dropped.
	maxPaste = 1 << 20
)

// sequences are the keys of xterm, of those that came from it and of rxvt.
var sequences = map[string]rune{
	"\x1b[A": readline.CharPrev, "\x1bOA": readline.CharPrev,
	"\x1b[B": readline.CharNext, "\x1bOB": readline.CharNext,
	"\x1b[C": readline.CharForward, "\x1bOC": readline.CharForward,
	"\x1b[D": readline.CharBackward, "\x1bOD": readline.CharBackward,
	"\x1b[H": readline.CharLineStart, "\x1bOH": readline.CharLineStart,
	"\x1b[1~": readline.CharLineStart, "\x1b[7~": readline.CharLineStart,
	"\x1b[F": readline.CharLineEnd, "\x1bOF": readline.CharLineEnd,
	"\x1b[4~": readline.CharLineEnd, "\x1b[8~": readline.CharLineEnd,
	"\x1b[3~":   deleteKey,
	"\x1b[1;5C": wordRightKey, "\x1b[1;3C": wordRightKey, "\x1bOc": wordRightKey, "\x1bf": wordRightKey,
	"\x1b[1;5D": wordLeftKey, "\x1b[1;3D": wordLeftKey, "\x1bOd": wordLeftKey, "\x1bb": wordLeftKey,
	"\x1bd":    deleteWordKey,
	"\x1b\x7f": readline.CharCtrlW, "\x1b\b": readline.CharCtrlW,
}

// next takes what was read and returns the keys, which may be none.
func (k *keys) next(p []byte) []key {
	if len(k.held) > 0 {
		p = append(k.held, p...)
		k.held = nil
	}
	var out []key
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

// take appends the key of one whole unit, if it is one.
func (k *keys) take(out []key, u []byte) []key {
	s := string(u)
	switch {
	case s == pasteBegin:
		k.paste = true
		return out
	case s == pasteEnd:
		text := string(k.text)
		k.paste, k.text = false, nil
		if text == "" {
			return out
		}
		return append(out, key{pasteKey, text})
	case k.paste:
		k.pasted(u)
		return out
	case u[0] == esc:
		if r, ok := sequences[s]; ok {
			return append(out, key{r: r})
		}
		return out
	}
	r, n := utf8.DecodeRune(u)
	if r == utf8.RuneError && n == 1 || dropped(r) {
		return out
	}
	return append(out, key{r: r})
}

// dropped are characters that nobody types, and keys without a meaning here.
// Ctrl-Z is one of them: it would stop readline's parent process.
func dropped(r rune) bool {
	switch r {
	case 0, 15, 17, 22, 24, 26, 28, 29, 30, 31: // NUL ^O ^Q ^V ^X ^Z ^\ ^] ^^ ^_
		return true
	}
	return r >= 0x80 && r < 0xa0 || r >= '\uE000' && r <= '\uF8FF'
}

// pasted keeps text: its line ends do not run it, its controls do nothing.
func (k *keys) pasted(u []byte) {
	if len(k.text)+len(u) > maxPaste {
		return
	}
	switch r, n := utf8.DecodeRune(u); {
	case r == '\r' || r == '\n':
		k.text = append(k.text, '\n')
	case r == '\t':
		k.text = append(k.text, ' ')
	case r < ' ' || r == 0x7f || r == utf8.RuneError && n == 1 || dropped(r):
	default:
		k.text = append(k.text, u...)
	}
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
	switch c := p[1]; {
	case c == '[':
		for i := 2; i < len(p); i++ {
			switch {
			case p[i] >= 0x40 && p[i] <= 0x7e: // a CSI's final byte, ECMA-48 5.4
				return i + 1
			case p[i] < ' ' || p[i] > 0x7e || i > maxSequence: // no part of one: Ctrl-C, say
				return i
			}
		}
		return 0
	case c == 'O':
		switch {
		case len(p) < 3:
			return 0
		case p[2] < ' ' || p[2] > 0x7e:
			return 2
		}
		return 3
	case c < ' ' && c != '\b': // the Escape key, then another key
		return 1
	}
	if !utf8.FullRune(p[1:]) {
		return 0
	}
	_, n := utf8.DecodeRune(p[1:])
	return 1 + n
}
