package expect

import (
	"fmt"
	"strings"
)

// Pending is what a matcher that is not decided has found so far.
type Pending struct {
	// Complete: this would be the match if nothing more came. Otherwise it is
	// the place where the earliest one may have begun: its End and all groups
	// are unset.
	Complete bool
	Match    Match
	Waits    string // what has to come, in words: `a byte that is not [0-9], or the end`
}

// Pending says what was found and is not final; false when nothing has begun,
// or all is decided. It is meant for a report, not for every byte.
func (m *Matcher) Pending() (Pending, bool) {
	if m.verdict != undecided {
		return Pending{}, false
	}
	if m.state != nil {
		at := newMachine(m.prog)
		at.load(m.state, m.regs, m.at)
		return at.pending()
	}
	return m.machine.pending()
}

func (m *machine) pending() (Pending, bool) {
	if i := m.bestAtEnd(); i >= 0 {
		p := Pending{Complete: true, Match: Match{make([]Span, m.prog.slots/2)}}
		m.spans(p.Match.Groups, i)
		p.Waits = m.waitsOf(i)
		return p, true
	}
	if len(m.cur.threads) == 0 {
		return Pending{}, false
	}
	begin := m.cur.slots[0] // of the first thread: none began earlier
	if begin == m.at {
		return Pending{}, false // it still waits for its first byte
	}
	p := Pending{Match: Match{make([]Span, m.prog.slots/2)}, Waits: m.beginning(begin)}
	for g := range p.Match.Groups {
		p.Match.Groups[g] = Span{-1, -1}
	}
	p.Match.Groups[0].Start = begin
	return p, true
}

// waitsOf says what the match of thread i waits for: the conditions of its own,
// and the end of those above it.
func (m *machine) waitsOf(i int) string {
	var words []string
	switch m.cur.threads[i].cond {
	case notWord:
		words = append(words, "a byte that is not [0-9A-Z_a-z], or the end")
	case lineEnd:
		words = append(words, "the end of the line, or the end")
	case broken, brokenNotW:
		return "the rest of a character, or the end"
	case streamEnd:
		words = append(words, "the end")
	}
	var more [256]bool
	for _, t := range m.cur.threads[:i] {
		m.wanted(t, &more)
	}
	switch set := bytesText(&more); set {
	case "":
	case bytesText(&allBytes):
		words = append(words, "the end")
	default:
		words = append(words, "a byte that is not "+set+", or the end")
	}
	if len(words) == 2 && words[0] == words[1] {
		words = words[:1]
	}
	return strings.Join(words, "; ")
}

// beginning says what may follow in the matches that began at the offset.
func (m *machine) beginning(at int64) string {
	var want [256]bool
	for i, t := range m.cur.threads {
		if m.cur.slots[i*m.prog.slots] == at {
			m.wanted(t, &want)
		}
	}
	if s := bytesText(&want); s != "" {
		return s
	}
	return "the end"
}

// wanted adds the bytes that keep t alive.
func (m *machine) wanted(t thread, to *[256]bool) {
	in := &m.prog.insts[t.pc]
	for i := range to {
		b := byte(i)
		chars := m.chars
		got := chars.step(b)
		if t.cond == inChar {
			lo, hi := chars.span()
			to[i] = to[i] || got != interrupted && (m.whole || in.set.hasAny(lo, hi))
			continue
		}
		if after(t.cond, b, got) == never {
			continue
		}
		switch in.op {
		case opByte:
			to[i] = to[i] || b == in.b
		case opSet, opRaw:
			to[i] = to[i] || in.set.act[b] != 0
		case opMatch:
			// A match that is not certain yet is no reason to wait for more
			// than what keeps it uncertain.
			to[i] = to[i] || t.cond != always
		}
	}
}

var allBytes = func() (t [256]bool) {
	for i := range t {
		t[i] = true
	}
	return t
}()

// bytesText writes a set of bytes as a class, one byte as itself; "" for none.
func bytesText(set *[256]bool) string {
	var b strings.Builder
	n := 0
	for lo := 0; lo < 256; lo++ {
		if !set[lo] {
			continue
		}
		hi := lo
		for hi < 255 && set[hi+1] {
			hi++
		}
		n += hi - lo + 1
		writeByte(&b, byte(lo))
		if hi > lo+1 {
			b.WriteByte('-')
		}
		if hi > lo {
			writeByte(&b, byte(hi))
		}
		lo = hi
	}
	switch n {
	case 0:
		return ""
	case 1:
		return `"` + b.String() + `"`
	}
	return "[" + b.String() + "]"
}

func writeByte(b *strings.Builder, c byte) {
	switch c {
	case '\r':
		b.WriteString(`\r`)
	case '\n':
		b.WriteString(`\n`)
	case '\t':
		b.WriteString(`\t`)
	case '\\', ']', '-', '^':
		b.WriteByte('\\')
		b.WriteByte(c)
	default:
		if c < 0x20 || c >= 0x7f {
			fmt.Fprintf(b, `\x%02X`, c)
			return
		}
		b.WriteByte(c)
	}
}
