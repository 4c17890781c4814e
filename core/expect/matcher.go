package expect

import "bytes"

// Span is a part of the stream, as offsets from the cursor. An unset group has
// -1 twice.
type Span struct{ Start, End int64 }

// Match is where a pattern was found.
type Match struct {
	Groups []Span // [0] is the whole match
}

// A Matcher looks for one pattern in one stream. It keeps none of the bytes it
// was fed. It is for one goroutine at a time.
type Matcher struct {
	prog  *program
	cur   list // the threads before the next byte, the most preferred first
	next  list
	seen  []seenMark // by instruction: the conditions of the list being built
	gen   uint64     // which list that is
	fresh []int64    // the slots of a thread that starts
	prev  int        // the byte before the place reached, -1 at the stream's start
	at    int64      // bytes taken in
	chars decoder
	state state
	found bool // the last thread of cur has matched, whatever comes; no thread may start below it
	match Match
}

// seenMark is a generation and, in the low bits, a set of conditions.
type seenMark uint64

const condBits = 12

type state uint8

const (
	unborn  state = iota // no thread was started yet
	running              // undecided
	matched
	hopeless // no bytes can make a match
)

type thread struct {
	pc   uint32
	cond cond
}

// A list is threads and, side by side, their slots.
type list struct {
	threads []thread
	slots   []int64
}

// Matcher returns a matcher for a stream. before is the byte before the cursor,
// or -1 at the stream's start.
func (p *Pattern) Matcher(before int) *Matcher {
	m := &Matcher{
		prog:  p.prog,
		seen:  make([]seenMark, len(p.prog.insts)),
		fresh: make([]int64, p.prog.slots),
		match: Match{Groups: make([]Span, p.prog.slots/2)},
	}
	for i := range m.fresh {
		m.fresh[i] = -1
	}
	m.Reset(before)
	return m
}

// Reset begins anew at another cursor, keeping what was allocated.
func (m *Matcher) Reset(before int) {
	m.cur.threads = m.cur.threads[:0]
	m.prev = before
	m.at = 0
	m.chars = decoder{}
	m.state = unborn
	m.found = false
}

// Feed takes the next bytes of the stream, and reports whether it is decided:
// there is a final match, or there can be none, as Match then says. Of p it
// takes what it needs: once decided, nothing more. An empty p is allowed; a
// pattern that matches the empty text may be decided by it.
func (m *Matcher) Feed(p []byte) (done bool) {
	if m.state == unborn {
		m.begin()
	}
	if m.state != running {
		return true
	}
	g := m.prog
	for i := 0; i < len(p); i++ {
		if len(m.cur.threads) == 0 {
			if !g.inner {
				skip := g.skip(p[i:])
				if skip > 0 {
					i += skip
					m.at += int64(skip)
					m.prev = int(p[i-1])
					m.chars.left = 0 // no thread has seen the bytes before
					if i == len(p) {
						break
					}
				}
			}
			m.gen++ // what was seen in building the empty list is of another place
		}
		b := p[i]
		if g.first[b] && !m.found && !g.eager && !g.anchored {
			m.start(&m.cur)
		}
		m.step(b)
		if m.decide() {
			return true
		}
	}
	return false
}

// skip returns how many bytes of p no match can begin at.
func (g *program) skip(p []byte) int {
	if len(g.prefix) == 0 {
		for i, b := range p {
			if g.first[b] {
				return i
			}
		}
		return len(p)
	}
	if i := bytes.Index(p, g.prefix); i >= 0 {
		return i
	}
	// Its beginning may be at the end of p, the rest in the next piece.
	for i := max(0, len(p)-len(g.prefix)+1); i < len(p); i++ {
		if bytes.HasPrefix(g.prefix, p[i:]) {
			return i
		}
	}
	return len(p)
}

// begin starts the threads that do not wait for a byte.
func (m *Matcher) begin() {
	m.state = running
	m.gen++
	if m.prog.eager || m.prog.anchored {
		m.found = m.start(&m.cur)
		m.decide()
	}
}

// decide looks whether the threads leave a choice.
func (m *Matcher) decide() bool {
	t := m.cur.threads
	switch {
	case len(t) == 0:
		if !m.prog.anchored {
			return false
		}
		m.state = hopeless
	case m.found && len(t) == 1:
		m.settle(0)
	default:
		return false
	}
	return true
}

// settle makes the i-th thread the match.
func (m *Matcher) settle(i int) {
	m.state = matched
	m.copySpans(m.match.Groups, i)
}

func (m *Matcher) copySpans(dst []Span, i int) {
	s := m.cur.slots[i*m.prog.slots:]
	for g := range dst {
		dst[g] = Span{s[2*g], s[2*g+1]}
		if dst[g].Start < 0 || dst[g].End < 0 {
			dst[g] = Span{-1, -1}
		}
	}
}

// End decides as the end of the stream, or of the message, does, and reports
// whether there is a match. Without one it changes nothing, so that it serves
// for an end that is only assumed: feeding may go on.
func (m *Matcher) End() bool {
	if m.state == unborn {
		m.begin()
	}
	if m.state != running {
		return m.state == matched
	}
	i := m.bestAtEnd()
	if i < 0 {
		return false
	}
	m.settle(i)
	return true
}

// bestAtEnd is the thread that has matched if nothing follows, or -1.
func (m *Matcher) bestAtEnd() int {
	for i, t := range m.cur.threads {
		if m.prog.insts[t.pc].op == opMatch && t.cond.atEnd() {
			return i
		}
	}
	return -1
}

// Match returns the final match. Its Groups are overwritten after a Reset.
func (m *Matcher) Match() (Match, bool) {
	if m.state != matched {
		return Match{}, false
	}
	return m.match, true
}

// Taken is the number of bytes taken from Feed. Once decided it is the number
// after which that was so.
func (m *Matcher) Taken() int64 { return m.at }

// start adds the threads of a match that begins here, below all others, and
// reports whether one of them has matched whatever comes.
func (m *Matcher) start(to *list) bool {
	c := always
	if m.chars.left > 0 && m.prog.inner {
		c = inside
	}
	m.fresh[0] = m.at
	return m.add(to, m.prog.start, c, m.fresh)
}

// step takes one byte: every thread goes on or dies, in order.
func (m *Matcher) step(b byte) {
	got := m.chars.step(b)
	m.at++
	m.prev = int(b)
	m.gen++
	m.next.threads = m.next.threads[:0]
	m.found = m.advance(b, got)
	if m.prog.eager && !m.found && !m.prog.anchored {
		m.found = m.start(&m.next)
	}
	m.cur, m.next = m.next, m.cur
}

// advance moves the threads of cur over b into next, and reports whether the
// last of them has matched whatever comes: the threads below it are cut off.
func (m *Matcher) advance(b byte, got decoded) bool {
	insts, n := m.prog.insts, m.prog.slots
	for i, t := range m.cur.threads {
		in := &insts[t.pc]
		slots := m.cur.slots[i*n : i*n+n]
		c := t.cond
		switch {
		case c == always:
		case c == inChar:
			if got == interrupted {
				continue
			}
			if lo, hi := m.chars.span(); !in.set.hasAny(lo, hi) {
				continue
			}
			if got == continued {
				m.put(&m.next, t.pc, inChar, slots)
			} else if m.add(&m.next, in.out, always, slots) {
				return true
			}
			continue
		default:
			if c = after(c, b, got); c == never {
				continue
			}
		}
		switch in.op {
		case opByte:
			if b == in.b && m.add(&m.next, in.out, c, slots) {
				return true
			}
		case opSet, opRaw:
			a := in.set.act[b]
			if a&takes != 0 {
				if m.add(&m.next, in.out, c, slots) {
					return true
				}
				continue
			}
			if a&begins != 0 {
				m.put(&m.next, t.pc, inChar, slots)
			}
			if a&invalid != 0 {
				if got == interrupted && m.chars.left > 0 {
					c = broken // b is a lead byte: invalid only if no character comes of it
				}
				if m.add(&m.next, in.out, c, slots) {
					return true
				}
			}
		case opMatch:
			m.put(&m.next, t.pc, c, slots)
			if c == always {
				return true
			}
		}
	}
	return false
}

// put adds a thread as it is, unless one above covers it.
func (m *Matcher) put(to *list, pc uint32, c cond, slots []int64) {
	if !m.covered(pc, c) {
		to.append(pc, c, slots)
	}
}

// covered reports whether a thread at pc came earlier that lives whenever this
// one does, and notes this one.
func (m *Matcher) covered(pc uint32, c cond) bool {
	s := &m.seen[pc]
	if uint64(*s)>>condBits != m.gen {
		*s = seenMark(m.gen<<condBits | uint64(bit(c)))
		return false
	}
	if uint16(*s)&(1<<condBits-1)&weaker[c] != 0 {
		return true
	}
	*s |= seenMark(bit(c))
	return false
}

// add adds the threads that pc leads to without a byte, in order. It reports
// whether one of them has matched whatever comes: what would stand below is
// then of no interest. slots is as before when it returns.
func (m *Matcher) add(to *list, pc uint32, c cond, slots []int64) bool {
	for {
		if m.covered(pc, c) {
			return false
		}
		in := &m.prog.insts[pc]
		switch in.op {
		case opByte, opSet, opRaw, opMatch:
			return m.arrive(to, pc, in, c, slots)
		case opAlt:
			if m.add(to, in.out, c, slots) {
				return true
			}
			pc = in.arg
			continue
		case opSave:
			old := slots[in.arg]
			slots[in.arg] = m.at
			found := m.add(to, in.out, c, slots)
			slots[in.arg] = old
			return found
		case opLineStart:
			if m.prev != '\n' && m.prev >= 0 {
				return false
			}
		case opCursor:
			if m.at > 0 {
				return false
			}
		case opLineEnd:
			c = conj(c, lineEnd)
		case opStreamEnd:
			c = conj(c, streamEnd)
		case opWordEdge, opNoWordEdge:
			if (m.prev >= 0 && wordByte[m.prev]) == (in.op == opWordEdge) {
				c = conj(c, notWord)
			} else {
				c = conj(c, word)
			}
		default: // opFail
			return false
		}
		if c == never {
			return false
		}
		pc = in.out
	}
}

// arrive adds a thread that waits for a byte, or has matched.
func (m *Matcher) arrive(to *list, pc uint32, in *inst, c cond, slots []int64) bool {
	if c >= inside {
		switch {
		case in.op != opRaw && in.op != opByte:
			c -= inside - broken
		case c == inside:
			c = always
		default:
			c = notWord
		}
		if m.covered(pc, c) {
			return false
		}
	}
	if in.op != opMatch {
		if in.meets&bit(c) != 0 {
			to.append(pc, c, slots)
		}
		return false
	}
	end := slots[1]
	slots[1] = m.at
	to.append(pc, c, slots)
	slots[1] = end
	return c == always
}

func (l *list) append(pc uint32, c cond, slots []int64) {
	l.threads = append(l.threads, thread{pc, c})
	n := len(l.threads) * len(slots)
	if len(l.slots) < n {
		l.slots = append(l.slots, make([]int64, n-len(l.slots))...)
	}
	copy(l.slots[n-len(slots):n], slots)
}
