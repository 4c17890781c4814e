package expect

import (
	"errors"
	"fmt"
	"regexp/syntax"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// A Pattern is what to look for. Any number of matchers, in any goroutines, may
// share one, and share what its automaton has learnt.
type Pattern struct {
	text  string
	names []string
	prog  *program
	auto  func() *automaton // of prog, made when it is first asked for; nil if there is to be none
	cold  atomic.Int64      // bytes that the machine is still to take before that
}

// coldBytes is how much the machine takes before there is an automaton: making
// one costs about as much as that, and many a pattern is used once, on a line.
const coldBytes = 1 << 10

func newPattern(text string, names []string, prog *program) *Pattern {
	p := &Pattern{text: text, names: names, prog: prog}
	p.auto = sync.OnceValue(func() *automaton { return newAutomaton(prog) })
	p.cold.Store(coldBytes)
	return p
}

// Error is a pattern that cannot be meant.
type Error struct {
	Pattern string // as it was given
	Reason  string
}

func (e *Error) Error() string { return fmt.Sprintf(`bad pattern "%s": %s`, e.Pattern, e.Reason) }

// Compile reads a pattern in the language of the package comment. Its error is
// an [*Error].
func Compile(pattern string) (*Pattern, error) {
	p, err := compile(pattern)
	if err != nil {
		return nil, &Error{pattern, reason(pattern, err)}
	}
	return p, nil
}

func compile(pattern string) (*Pattern, error) {
	t := translator{src: pattern}
	if err := t.run(); err != nil {
		return nil, err
	}
	re, err := syntax.Parse(t.out.String(), syntax.Perl&^syntax.OneLine)
	if err != nil {
		return nil, err
	}
	// Before Simplify and Compile, which unroll every repeat count.
	if steps(re) > maxProgram {
		return nil, errTooLarge
	}
	names := re.CapNames()
	for i, name := range names {
		if name != "" && slices.Contains(names[:i], name) {
			return nil, fmt.Errorf(`two groups have the name "%s"`, name)
		}
	}
	sp, err := syntax.Compile(re.Simplify())
	if err != nil {
		return nil, err
	}
	// A group that was simplified away, as in (a){0}, still counts.
	sp.NumCap = max(sp.NumCap, 2*len(names))
	prog, err := build(sp, t.sets)
	if err != nil {
		return nil, err
	}
	return newPattern(pattern, names, prog), nil
}

// steps is about the number of instructions that re unrolls to, or more than
// maxProgram when it is that many.
func steps(re *syntax.Regexp) int {
	n := 1
	if re.Op == syntax.OpLiteral {
		n = len(re.Rune)
	}
	for _, sub := range re.Sub {
		n += steps(sub)
		if n > maxProgram {
			return n
		}
	}
	if re.Op == syntax.OpRepeat {
		n *= max(re.Min, re.Max, 1)
	}
	return n
}

// reason says what is wrong, and where unless that is the whole pattern. The
// parser saw the translation; what it quotes is shown only if it was typed.
func reason(pattern string, err error) string {
	se, ok := errors.AsType[*syntax.Error](err)
	if !ok {
		return err.Error()
	}
	if se.Expr == pattern || se.Expr == "" || !strings.Contains(pattern, se.Expr) {
		return se.Code.String()
	}
	return fmt.Sprintf(`%s: "%s"`, se.Code, se.Expr)
}

// Literal returns the pattern that matches text, byte for byte.
func Literal(text string) (*Pattern, error) {
	if len(text) >= maxProgram {
		return nil, &Error{text, fmt.Sprintf("it has %d bytes; at most %d can be looked for", len(text), maxProgram-1)}
	}
	p := &program{slots: 2}
	for i := range len(text) {
		p.addByte(text[i], text[i])
	}
	return p.pattern(text), nil
}

// HexPattern reads a pattern of bytes: two hex digits or ?? (any byte) each,
// with space between them as one likes; (...) captures.
func HexPattern(text string) (*Pattern, error) {
	bad := func(format string, args ...any) (*Pattern, error) {
		return nil, &Error{text, fmt.Sprintf(format, args...)}
	}
	p := &program{slots: 2}
	var open []uint32 // the slots that end the groups that are open
	bytes := 0
	for i := 0; i < len(text); {
		if len(p.insts) >= maxProgram {
			return bad("%s", errTooLarge)
		}
		switch c := text[i]; c {
		case ' ', '\t', '\r', '\n':
			i++
			continue
		case '(':
			open = append(open, uint32(p.slots+1))
			p.add(inst{op: opSave, arg: uint32(p.slots)})
			p.slots += 2
			i++
			continue
		case ')':
			if len(open) == 0 {
				return bad("unexpected )")
			}
			p.add(inst{op: opSave, arg: open[len(open)-1]})
			open = open[:len(open)-1]
			i++
			continue
		}
		pair := text[i:min(i+2, len(text))]
		lo, hi, ok := hexPair(pair)
		if !ok {
			return bad(`"%s" at byte %d is neither two hex digits nor ??`, strings.ToValidUTF8(pair, "?"), i+1)
		}
		p.addByte(lo, hi)
		bytes++
		i += 2
	}
	if len(open) > 0 {
		return bad("missing closing )")
	}
	if bytes == 0 {
		return bad("it has no byte")
	}
	return p.pattern(text), nil
}

func hexPair(s string) (lo, hi byte, ok bool) {
	if s == "??" {
		return 0, 0xff, true
	}
	if len(s) < 2 {
		return 0, 0, false
	}
	for i := range 2 {
		v := strings.IndexByte("0123456789abcdef", s[i]|0x20)
		if v < 0 || s[i] < '0' {
			return 0, 0, false
		}
		lo = lo<<4 | byte(v)
	}
	return lo, lo, true
}

// add adds an instruction that goes on to the next one.
func (p *program) add(in inst) {
	in.out = uint32(len(p.insts)) + 1
	p.insts = append(p.insts, in)
}

func (p *program) addByte(lo, hi byte) {
	if lo == hi {
		p.add(inst{op: opByte, b: lo, meets: byteMeets(lo)})
		return
	}
	s := newByteSet(lo, hi)
	p.add(inst{op: opRaw, set: s, meets: s.meets()})
}

// pattern ends a program that was added up, not built.
func (p *program) pattern(text string) *Pattern {
	p.insts = append(p.insts, inst{op: opMatch})
	p.finish()
	return newPattern(text, make([]string, p.slots/2), p)
}

// String returns the pattern as it was given.
func (p *Pattern) String() string { return p.text }

// NumGroups is the number of groups, without the whole match.
func (p *Pattern) NumGroups() int { return len(p.names) - 1 }

// Names returns the names of the groups by number, empty where a group has
// none; [0] is the whole match and always empty. It is not to be changed.
func (p *Pattern) Names() []string { return p.names }
