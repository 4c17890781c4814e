package expect

import (
	"errors"
	"fmt"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/sosh-shell/sosh/core/escape"
)

// RE2's syntax has characters only. What is not one goes through its parser as
// surrogates, which a pattern cannot contain and input cannot decode to:
//
//	mark, then byteMark+b     the byte b, 80 to FF
//	setMark, then setBase+i   the i-th set of the translation
//
// The mark is what keeps the parser from merging such an item with characters
// into one class, which would lose the order of an alternation.
const (
	mark     = 0xd801
	setMark  = 0xd802
	byteMark = 0xdc00 // plus 80 to FF
	setBase  = 0xde00
	setLimit = 0xdfff
)

func isByteMark(r rune) bool { return byteMark+0x80 <= r && r <= byteMark+0xff }

// standsIn reports whether the class is of stand-ins. A negated class contains
// surrogates too, but also what is below them.
func standsIn(runes []rune) bool {
	return len(runes) > 0 && (isByteMark(runes[0]) || setBase <= runes[0] && runes[0] <= setLimit)
}

// setOf returns the set of a class, which is of characters, of byte marks or
// of sets, never of two of them.
func setOf(runes []rune, sets []*set) *set {
	if !standsIn(runes) {
		return newSet(runes)
	}
	var of []*set
	for i := 0; i < len(runes); i += 2 {
		if isByteMark(runes[i]) {
			of = append(of, newByteSet(byte(runes[i]-byteMark), byte(runes[i+1]-byteMark)))
			continue
		}
		of = append(of, sets[runes[i]-setBase:runes[i+1]-setBase+1]...)
	}
	return union(of)
}

// sortPairs sorts pairs of first and last, and joins those that overlap.
func sortPairs(pairs []rune) []rune {
	type span struct{ lo, hi rune }
	var spans []span
	for i := 0; i < len(pairs); i += 2 {
		spans = append(spans, span{pairs[i], pairs[i+1]})
	}
	slices.SortFunc(spans, func(a, b span) int { return int(a.lo - b.lo) })
	var out []rune
	for _, s := range spans {
		if n := len(out); n > 0 && s.lo <= out[n-1]+1 {
			out[n-1] = max(out[n-1], s.hi)
			continue
		}
		out = append(out, s.lo, s.hi)
	}
	return out
}

// A translator turns sosh's pattern language into RE2's.
type translator struct {
	src   string
	at    int // the next byte of src
	out   strings.Builder
	flags flags
	outer []flags // of the groups that are open
	sets  []*set
}

type flags struct{ fold, dotAll bool }

func (t *translator) run() error {
	if !utf8.ValidString(t.src) {
		return errors.New(`invalid UTF-8: write \xHH for a byte`)
	}
	for t.at < len(t.src) {
		var err error
		switch t.src[t.at] {
		case '\\':
			err = t.escape()
		case '[':
			err = t.class()
		case '(':
			t.open()
		case ')':
			if n := len(t.outer); n > 0 {
				t.flags, t.outer = t.outer[n-1], t.outer[:n-1]
			}
			t.copy(1)
		case '.':
			if t.flags.dotAll {
				t.copy(1)
				break
			}
			t.at++
			t.out.WriteString(`[^\r\n]`)
		default:
			t.copy(1)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *translator) copy(n int) {
	t.out.WriteString(t.src[t.at : t.at+n])
	t.at += n
}

func (t *translator) rest() string { return t.src[t.at:] }

// open copies what a group begins with, and reads its flags: RE2 does too, but
// whether a dot takes \r has to be known here.
func (t *translator) open() {
	before := t.flags
	if !strings.HasPrefix(t.rest(), "(?") {
		t.outer = append(t.outer, before)
		t.copy(1)
		return
	}
	now, on := t.flags, true
	for i, c := range t.rest()[2:] {
		switch c {
		case 'i':
			now.fold = on
		case 's':
			now.dotAll = on
		case 'm', 'U':
		case '-':
			on = false
		case ':':
			t.outer = append(t.outer, before)
			t.flags = now
			t.copy(2 + i + 1)
			return
		case ')':
			t.flags = now
			t.copy(2 + i + 1)
			return
		default: // (?P<name>, or what RE2 refuses
			t.outer = append(t.outer, before)
			t.copy(2)
			return
		}
	}
	t.copy(len(t.rest()))
}

func (t *translator) escape() error {
	if strings.HasPrefix(t.rest(), `\Q`) {
		if n := strings.Index(t.rest(), `\E`); n >= 0 {
			t.copy(n + 2)
		} else {
			t.copy(len(t.rest()))
		}
		return nil
	}
	item, err := t.item()
	if err != nil {
		return err
	}
	if item.isByte {
		fmt.Fprintf(&t.out, `(?:\x{%X}\x{%X})`, mark, byteMark+int(item.b))
		return nil
	}
	t.out.WriteString(item.text)
	return nil
}

// An item is one character of a pattern, or one byte from 80 up.
type item struct {
	text   string // the character, as RE2 writes it
	b      byte
	isByte bool
}

// item reads one character, written as itself, as an escape of ours, or as an
// escape of RE2's, which stays as it is.
func (t *translator) item() (item, error) {
	s := t.rest()
	if s[0] != '\\' {
		_, n := utf8.DecodeRuneInString(s)
		t.at += n
		return item{text: s[:n]}, nil
	}
	if len(s) == 1 {
		return item{}, errors.New(`a backslash at the end: write \\ for a backslash`)
	}
	if strings.HasPrefix(s, `\x{`) {
		n := strings.IndexByte(s, '}') + 1
		if n == 0 {
			return item{}, fmt.Errorf(`"%s": missing closing }`, s)
		}
		if v, err := strconv.ParseUint(s[3:n-1], 16, 32); err != nil || !utf8.ValidRune(rune(v)) {
			return item{}, fmt.Errorf(`"%s" is not a character`, s[:n])
		}
		t.at += n
		return item{text: s[:n]}, nil
	}
	v, n, err := escape.Decode(s)
	if unknown := (*escape.UnknownError)(nil); errors.As(err, &unknown) {
		t.at += len(unknown.Escape)
		return item{text: unknown.Escape}, nil
	}
	if err != nil {
		return item{}, err
	}
	t.at += n
	if v.Byte && v.Code >= utf8.RuneSelf {
		return item{b: byte(v.Code), isByte: true}, nil
	}
	return item{text: fmt.Sprintf(`\x{%X}`, v.Code)}, nil
}

// class translates [...]. One without bytes stays a class.
func (t *translator) class() error {
	begin := t.at
	t.at++
	negated := strings.HasPrefix(t.rest(), "^")
	if negated {
		t.at++
	}
	var chars strings.Builder // the class without its bytes
	var bytes []byte          // pairs of first and last
	for first := true; ; first = false {
		s := t.rest()
		switch {
		case s == "":
			return fmt.Errorf(`missing closing ] for "%s"`, t.src[begin:])
		case s[0] == ']' && !first:
			t.at++
			return t.closeClass(chars.String(), bytes, negated)
		case strings.HasPrefix(s, "[:"):
			if n := strings.Index(s, ":]"); n > 0 {
				chars.WriteString(s[:n+2])
				t.at += n + 2
				continue
			}
		case len(s) > 1 && s[0] == '\\' && strings.IndexByte("dDsSwWpP", s[1]) >= 0:
			n := 2
			if strings.HasPrefix(s[2:], "{") && (s[1] == 'p' || s[1] == 'P') {
				if n = strings.IndexByte(s, '}') + 1; n == 0 {
					n = 2
				}
			}
			chars.WriteString(s[:n])
			t.at += n
			continue
		}
		if err := t.classItem(&chars, &bytes); err != nil {
			return err
		}
	}
}

// classItem reads a character, a byte, or a range of a class.
func (t *translator) classItem(chars *strings.Builder, bytes *[]byte) error {
	begin := t.at
	lo, err := t.item()
	if err != nil {
		return err
	}
	hi := lo
	if s := t.rest(); len(s) > 1 && s[0] == '-' && s[1] != ']' {
		t.at++
		if hi, err = t.item(); err != nil {
			return err
		}
	}
	switch {
	case !lo.isByte && !hi.isByte:
		chars.WriteString(lo.text)
		if t.src[begin:t.at] != lo.text { // a range, or an escape of ours
			chars.WriteString("-" + hi.text)
		}
	case !lo.isByte: // the bytes go on where ASCII ends
		chars.WriteString(lo.text + `-\x{7F}`)
		*bytes = append(*bytes, utf8.RuneSelf, hi.b)
	case !hi.isByte:
		return fmt.Errorf(`"%s" is a range from a byte to a character: write \x{HH} for the character`, t.src[begin:t.at])
	case lo.b > hi.b:
		return fmt.Errorf(`invalid character class range: "%s"`, t.src[begin:t.at])
	default:
		*bytes = append(*bytes, lo.b, hi.b)
	}
	return nil
}

func (t *translator) closeClass(chars string, bytes []byte, negated bool) error {
	switch {
	case len(bytes) == 0 && negated:
		t.out.WriteString("[^" + chars + "]")
	case len(bytes) == 0:
		t.out.WriteString("[" + chars + "]")
	case negated:
		return t.negatedWithBytes(chars, bytes)
	default:
		t.out.WriteString("(?:")
		if chars != "" {
			t.out.WriteString("[" + chars + "]|")
		}
		fmt.Fprintf(&t.out, `\x{%X}[`, mark)
		for i := 0; i < len(bytes); i += 2 {
			fmt.Fprintf(&t.out, `\x{%X}-\x{%X}`, byteMark+int(bytes[i]), byteMark+int(bytes[i+1]))
		}
		t.out.WriteString("])")
	}
	return nil
}

// negatedWithBytes makes a set of its own: RE2 knows no character that begins
// with a byte.
func (t *translator) negatedWithBytes(chars string, bytes []byte) error {
	s := newSet([]rune{0, utf8.MaxRune})
	if chars != "" {
		f := syntax.Perl
		if t.flags.fold {
			f |= syntax.FoldCase
		}
		re, err := syntax.Parse("[^"+chars+"]", f)
		if err != nil {
			return err
		}
		s = newSet(classRunes(re))
	}
	for i := 0; i < len(bytes); i += 2 {
		for b := int(bytes[i]); b <= int(bytes[i+1]); b++ {
			s.without(byte(b))
		}
	}
	if setBase+len(t.sets) > setLimit {
		return errors.New("too many negated classes with bytes")
	}
	fmt.Fprintf(&t.out, `(?:\x{%X}\x{%X})`, setMark, setBase+len(t.sets))
	t.sets = append(t.sets, s)
	return nil
}

// classRunes returns the pairs of what the parser has made of a class.
func classRunes(re *syntax.Regexp) []rune {
	switch re.Op {
	case syntax.OpCharClass:
		return re.Rune
	case syntax.OpAnyChar:
		return []rune{0, utf8.MaxRune}
	case syntax.OpAnyCharNotNL:
		return []rune{0, '\n' - 1, '\n' + 1, utf8.MaxRune}
	case syntax.OpLiteral: // a class of one
		if re.Flags&syntax.FoldCase != 0 {
			return orbit(re.Rune[0])
		}
		return []rune{re.Rune[0], re.Rune[0]}
	}
	return nil // OpNoMatch
}
