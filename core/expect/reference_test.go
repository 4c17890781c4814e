package expect

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// The reference: patterns as trees of their own, and a matcher of them that
// sees the whole stream at once and shares nothing with the package.

type nodeKind int

const (
	nChar nodeKind = iota
	nByte
	nClass
	nDot
	nDotAll
	nLineStart
	nLineEnd
	nCursor
	nEnd
	nEdge
	nNoEdge
	nCat
	nAlt
	nRepeat
	nGroup
	nEmpty
)

type node struct {
	kind    nodeKind
	char    rune
	b       byte
	negated bool
	chars   []rune // of a class
	bytes   []byte
	subs    []*node
	op      string // of a repeat: * + ? *? +? ??
	group   int
}

func (n *node) String() string {
	switch n.kind {
	case nChar:
		return charText(n.char)
	case nByte:
		return fmt.Sprintf(`\x%02x`, n.b)
	case nClass:
		var s strings.Builder
		s.WriteString("[")
		if n.negated {
			s.WriteString("^")
		}
		for _, c := range n.chars {
			s.WriteString(charText(c))
		}
		for _, b := range n.bytes {
			fmt.Fprintf(&s, `\x%02X`, b)
		}
		return s.String() + "]"
	case nDot:
		return "."
	case nDotAll:
		return "(?s:.)"
	case nLineStart:
		return "^"
	case nLineEnd:
		return "$"
	case nCursor:
		return `\A`
	case nEnd:
		return `\z`
	case nEdge:
		return `\b`
	case nNoEdge:
		return `\B`
	case nCat, nAlt:
		var parts []string
		for _, s := range n.subs {
			parts = append(parts, s.String())
		}
		if n.kind == nCat {
			return strings.Join(parts, "")
		}
		return "(?:" + strings.Join(parts, "|") + ")"
	case nRepeat:
		return "(?:" + n.subs[0].String() + ")" + n.op
	case nGroup:
		return "(" + n.subs[0].String() + ")"
	}
	return "(?:)"
}

func charText(c rune) string {
	switch c {
	case '\r':
		return `\r`
	case '\n':
		return `\n`
	case 0xfffd:
		return `\uFFFD`
	case '€':
		return `\u20aC`
	}
	return string(c)
}

// The reference's program has the shape of regexp/syntax's, which decides what
// loops over nothing mean.
type refInst struct {
	kind   nodeKind // a leaf's, or one of the three below
	n      *node
	out, b int
	slot   int
}

const (
	rAlt nodeKind = 100 + iota
	rSave
	rMatch
	rNop
)

type refProg struct {
	insts []refInst
	slots int
}

func (p *refProg) emit(i refInst) int {
	p.insts = append(p.insts, i)
	return len(p.insts) - 1
}

// compile emits n so that it goes on at next, and returns where it begins.
func (p *refProg) compile(n *node, next int) int {
	switch n.kind {
	case nEmpty:
		return next
	case nCat:
		for _, s := range slices.Backward(n.subs) {
			next = p.compile(s, next)
		}
		return next
	case nAlt:
		at := p.compile(n.subs[len(n.subs)-1], next)
		for i := len(n.subs) - 2; i >= 0; i-- {
			at = p.emit(refInst{kind: rAlt, out: p.compile(n.subs[i], next), b: at})
		}
		return at
	case nGroup:
		p.slots = max(p.slots, 2*n.group+2)
		end := p.emit(refInst{kind: rSave, slot: 2*n.group + 1, out: next})
		return p.emit(refInst{kind: rSave, slot: 2 * n.group, out: p.compile(n.subs[0], end)})
	case nRepeat:
		greedy := len(n.op) == 1
		choice := func(in, out int) refInst {
			if greedy {
				return refInst{kind: rAlt, out: in, b: out}
			}
			return refInst{kind: rAlt, out: out, b: in}
		}
		sub := n.subs[0]
		if n.op[0] == '?' {
			return p.emit(choice(p.compile(sub, next), next))
		}
		loop := p.emit(refInst{kind: rNop})
		in := p.compile(sub, loop)
		p.insts[loop] = choice(in, next)
		switch {
		case n.op[0] == '+':
			return in
		case nullable(sub): // (f+)?
			return p.emit(choice(in, next))
		}
		return loop
	}
	return p.emit(refInst{kind: n.kind, n: n, out: next})
}

func nullable(n *node) bool {
	switch n.kind {
	case nChar, nByte, nClass, nDot, nDotAll:
		return false
	case nCat:
		return !slices.ContainsFunc(n.subs, func(s *node) bool { return !nullable(s) })
	case nAlt:
		return slices.ContainsFunc(n.subs, nullable)
	case nGroup:
		return nullable(n.subs[0])
	case nRepeat:
		return n.op[0] != '+' || nullable(n.subs[0])
	}
	return true
}

// refMatch finds n in the whole of in, or returns nil.
func refMatch(n *node, in []byte, before int) []Span {
	p := &refProg{slots: 2}
	start := p.compile(n, p.emit(refInst{kind: rMatch}))
	p.slots = max(p.slots, 2*groups(n)+2)
	r := &refRun{prog: p, in: in, before: before, seen: make(map[[3]int]bool)}
	boundary := 0
	for at := 0; at <= len(in); at++ {
		inside := at < boundary
		if at == boundary && at < len(in) {
			_, w := utf8.DecodeRune(in[at:])
			boundary += w
		}
		slots := make([]int64, p.slots)
		for i := range slots {
			slots[i] = -1
		}
		slots[0] = int64(at)
		if got := r.from(start, at, inside, slots); got != nil {
			return got
		}
	}
	return nil
}

func groups(n *node) int {
	g := 0
	if n.kind == nGroup {
		g = n.group
	}
	for _, s := range n.subs {
		g = max(g, groups(s))
	}
	return g
}

type refRun struct {
	prog   *refProg
	in     []byte
	before int
	seen   map[[3]int]bool
}

// from takes the threads in order of priority; one that failed at an
// instruction and a place fails there again. inside: it began inside a
// character and has not taken a byte yet.
func (r *refRun) from(pc, at int, inside bool, slots []int64) []Span {
	key := [3]int{pc, at, 0}
	if inside {
		key[2] = 1
	}
	if r.seen[key] {
		return nil
	}
	r.seen[key] = true
	i := r.prog.insts[pc]
	switch i.kind {
	case rMatch:
		if inside {
			return nil
		}
		slots[1] = int64(at)
		var spans []Span
		for g := 0; g < len(slots); g += 2 {
			s := Span{slots[g], slots[g+1]}
			if s.Start < 0 || s.End < 0 {
				s = Span{-1, -1}
			}
			spans = append(spans, s)
		}
		return spans
	case rAlt:
		if got := r.from(i.out, at, inside, slots); got != nil {
			return got
		}
		return r.from(i.b, at, inside, slots)
	case rSave:
		slots = slices.Clone(slots)
		slots[i.slot] = int64(at)
		return r.from(i.out, at, inside, slots)
	case nLineStart, nLineEnd, nCursor, nEnd, nEdge, nNoEdge:
		if !r.holds(i.kind, at) {
			return nil
		}
		return r.from(i.out, at, inside, slots)
	}
	for _, w := range r.widths(i.n, at, inside) {
		if got := r.from(i.out, at+w, false, slots); got != nil {
			return got
		}
	}
	return nil
}

func (r *refRun) holds(k nodeKind, at int) bool {
	prev := r.before
	if at > 0 {
		prev = int(r.in[at-1])
	}
	rest := r.in[at:]
	isWord := func(b int) bool {
		return b >= 0 && strings.IndexByte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", byte(b)) >= 0
	}
	next := -1
	if len(rest) > 0 {
		next = int(rest[0])
	}
	switch k {
	case nLineStart:
		return prev == -1 || prev == '\n'
	case nLineEnd:
		return len(rest) == 0 || rest[0] == '\n' || len(rest) > 1 && rest[0] == '\r' && rest[1] == '\n'
	case nCursor:
		return at == 0
	case nEnd:
		return len(rest) == 0
	case nEdge:
		return isWord(prev) != isWord(next)
	}
	return isWord(prev) == isWord(next)
}

// widths returns how many bytes n can take at a place, the preferred first.
func (r *refRun) widths(n *node, at int, inside bool) []int {
	if at == len(r.in) {
		return nil
	}
	b := r.in[at]
	c, w := utf8.DecodeRune(r.in[at:])
	isChar := false
	var ws []int
	switch n.kind {
	case nByte:
		if b == n.b {
			ws = append(ws, 1)
		}
		return ws
	case nChar:
		isChar = c == n.char
	case nDot:
		isChar = c != '\r' && c != '\n'
	case nDotAll:
		isChar = true
	case nClass:
		isChar = slices.Contains(n.chars, c) != n.negated
		hasByte := slices.Contains(n.bytes, b)
		if n.negated && hasByte {
			return nil
		}
		if hasByte {
			ws = append(ws, 1)
		}
	}
	if isChar && !inside {
		ws = slices.Insert(ws, 0, w)
	}
	return ws
}

// A shape says what trees are drawn.
type shape struct {
	chars    []rune
	bytes    []byte
	anchored bool // \A and \z too
}

var (
	wildShape  = shape{[]rune{'a', 'b', ' ', '\r', '\n', 'é', '€', 0xfffd}, []byte{0xc3, 0xa9, 0xe2, 0x82, 0xff}, true}
	plainShape = shape{[]rune{'a', 'b', ' ', '\n', 'é', '€', 0xfffd, 'K'}, nil, true}
	smallShape = shape{[]rune{'a', ' ', '\r', '\n', 'é'}, []byte{0xc3, 0xff}, true}
)

func (s shape) draw(t *rapid.T) *node {
	groups := 0
	n := &node{kind: nCat}
	for range rapid.IntRange(1, 4).Draw(t, "parts") {
		n.subs = append(n.subs, s.node(t, 3, &groups))
	}
	return n
}

func (s shape) node(t *rapid.T, depth int, groups *int) *node {
	kinds := []nodeKind{nChar, nChar, nChar, nClass, nClass, nDot, nDotAll, nLineStart, nLineEnd, nEdge, nNoEdge, nEmpty}
	if len(s.bytes) > 0 {
		kinds = append(kinds, nByte, nByte)
	}
	if s.anchored {
		kinds = append(kinds, nCursor, nEnd)
	}
	if depth > 0 {
		kinds = append(kinds, nCat, nCat, nCat, nCat, nCat, nAlt, nAlt, nAlt, nRepeat, nRepeat, nRepeat, nGroup, nGroup, nGroup)
	}
	n := &node{kind: rapid.SampledFrom(kinds).Draw(t, "kind")}
	switch n.kind {
	case nChar:
		n.char = rapid.SampledFrom(s.chars).Draw(t, "char")
	case nByte:
		n.b = rapid.SampledFrom(s.bytes).Draw(t, "byte")
	case nClass:
		n.negated = rapid.Bool().Draw(t, "negated")
		n.chars = rapid.SliceOfNDistinct(rapid.SampledFrom(s.chars), 0, 3, rapid.ID[rune]).Draw(t, "chars")
		if len(s.bytes) > 0 {
			n.bytes = rapid.SliceOfNDistinct(rapid.SampledFrom(s.bytes), 0, 2, rapid.ID[byte]).Draw(t, "bytes")
		}
		if len(n.chars)+len(n.bytes) == 0 {
			n.chars = s.chars[:1]
		}
	case nCat, nAlt:
		for range rapid.IntRange(2, 3).Draw(t, "subs") {
			n.subs = append(n.subs, s.node(t, depth-1, groups))
		}
	case nRepeat:
		n.op = rapid.SampledFrom([]string{"*", "+", "?", "*?", "+?", "??"}).Draw(t, "op")
		n.subs = []*node{s.node(t, depth-1, groups)}
	case nGroup:
		*groups++
		n.group = *groups
		n.subs = []*node{s.node(t, depth-1, groups)}
	}
	return n
}

// input draws bytes around a text that n matches but for its assertions.
func (s shape) input(t *rapid.T, n *node, limit int) []byte {
	var units [][]byte
	for _, c := range s.chars {
		units = append(units, []byte(string(c)))
	}
	for _, b := range s.bytes {
		units = append(units, []byte{b})
	}
	noise := func() []byte {
		return slices.Concat(rapid.SliceOfN(rapid.SampledFrom(units), 0, limit).Draw(t, "noise")...)
	}
	in := noise()
	if rapid.IntRange(0, 3).Draw(t, "sampled") > 0 {
		in = slices.Concat(in, s.sample(t, n), noise())
	}
	return in
}

func (s shape) sample(t *rapid.T, n *node) []byte {
	switch n.kind {
	case nChar:
		return []byte(string(n.char))
	case nByte:
		return []byte{n.b}
	case nClass:
		if !n.negated {
			i := rapid.IntRange(0, len(n.chars)+len(n.bytes)-1).Draw(t, "item")
			if i < len(n.chars) {
				return []byte(string(n.chars[i]))
			}
			return n.bytes[i-len(n.chars):][:1]
		}
		return []byte(string(rapid.SampledFrom(s.chars).Draw(t, "other")))
	case nDot, nDotAll:
		return []byte(string(rapid.SampledFrom(s.chars).Draw(t, "any")))
	case nAlt:
		return s.sample(t, n.subs[rapid.IntRange(0, len(n.subs)-1).Draw(t, "branch")])
	}
	var out []byte
	times := 1
	if n.kind == nRepeat {
		times = rapid.IntRange(0, 2).Draw(t, "times")
	}
	for range times {
		for _, sub := range n.subs {
			out = append(out, s.sample(t, sub)...)
		}
	}
	return out
}
