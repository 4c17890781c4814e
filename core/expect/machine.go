package expect

// A machine is the Pike machine: the threads of a pattern at one place of the
// stream, the most preferred first, one step a byte. It defines what a pattern
// means. The automaton's transitions are its steps, taken once and kept, so the
// two cannot differ.
type machine struct {
	prog  *program
	cur   list // the threads before the next byte, the most preferred first
	next  list
	seen  []seenMark // by instruction: the conditions of the list being built
	gen   uint64     // which list that is
	fresh []int64    // the slots of a thread that starts
	prev  int        // the byte before the place reached, -1 at the stream's start
	at    int64      // bytes taken in
	chars decoder
	whole bool // any end of the character in progress is one that its threads take: chars.code is of no interest
	found bool // the last thread of cur has matched, whatever comes; no thread may start below it
}

// seenMark is a generation and, in the low bits, a set of conditions.
type seenMark uint64

const condBits = 12

type thread struct {
	pc   uint32
	cond cond
}

// A list is threads and, side by side, their slots.
type list struct {
	threads []thread
	slots   []int64
}

func newMachine(p *program) *machine {
	m := &machine{prog: p, seen: make([]seenMark, len(p.insts)), fresh: make([]int64, p.slots)}
	for i := range m.fresh {
		m.fresh[i] = unset
	}
	return m
}

// unset is the offset of a slot that was not reached.
const unset = -1

// reset goes to the cursor and starts the threads that do not wait for a byte.
func (m *machine) reset(before int) {
	m.cur.threads = m.cur.threads[:0]
	m.prev = before
	m.at = 0
	m.chars = decoder{}
	m.whole = false
	m.found = false
	m.gen++
	if m.prog.eager || m.prog.anchored {
		m.found = m.start(&m.cur)
	}
}

// run takes bytes until it is decided, and returns how many, and the verdict.
func (m *machine) run(p []byte) (int, verdict) {
	g := m.prog
	for i := 0; i < len(p); i++ {
		if len(m.cur.threads) == 0 && !g.inner {
			if skip := g.skip(p[i:]); skip > 0 {
				i += skip
				m.at += int64(skip)
				m.prev = int(p[i-1])
				m.chars.left = 0 // no thread has seen the bytes before
				if i == len(p) {
					break
				}
			}
		}
		m.take(p[i])
		if v := m.verdict(); v != undecided {
			return i + 1, v
		}
	}
	return len(p), undecided
}

// take takes one byte, before which a match may begin.
func (m *machine) take(b byte) {
	g := m.prog
	if len(m.cur.threads) == 0 {
		m.gen++ // what was seen in building the empty list is of another place
	}
	if g.first[b] && !m.found && !g.eager && !g.anchored {
		m.start(&m.cur)
	}
	m.step(b)
}

// verdict is whether the threads leave a choice.
func (m *machine) verdict() verdict {
	switch t := m.cur.threads; {
	case len(t) == 0 && m.prog.anchored:
		return hopeless
	case m.found && len(t) == 1:
		return matched
	}
	return undecided
}

// spans copies the groups of the i-th thread to dst.
func (m *machine) spans(dst []Span, i int) {
	s := m.cur.slots[i*m.prog.slots:]
	for g := range dst {
		dst[g] = span(s[2*g], s[2*g+1])
	}
}

func span(start, end int64) Span {
	if start < 0 || end < 0 {
		return Span{unset, unset}
	}
	return Span{start, end}
}

// bestAtEnd is the thread that has matched if nothing follows, or -1.
func (m *machine) bestAtEnd() int {
	for i, t := range m.cur.threads {
		if m.prog.insts[t.pc].op == opMatch && t.cond.atEnd() {
			return i
		}
	}
	return -1
}
