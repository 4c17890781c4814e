package expect

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// A state is all that decides how a machine goes on, but for the offsets: the
// threads in order, with a register for every offset that they remember, and
// what is known about the bytes before. It is not changed once made.
//
// The key tells which offsets are the same, not which registers hold them: that
// is for whoever makes the state to choose. Registers are in the order of their
// offsets then, so that a window of threads which moves over the input moves
// its registers as one block.
type state struct {
	epoch   uint32 // of the table that its row is in
	row     uint32 // where its row begins; a decided state has none
	key     string
	threads []thread
	slots   []uint16 // side by side: the register of every slot, or noReg
	regs    int      // the registers are 0 to regs-1
	chars   decoder
	prev    prevClass
	cursor  bool // nothing was taken yet, and a start must know
	whole   bool // as in the machine
	found   bool // as in the machine
	skips   bool // no thread: the prefix may be searched for
	verdict verdict
	atEnd   int // the thread that has matched if nothing follows, or -1
}

// noReg is the register of a slot that is not set, or never looked at again.
const noReg = 0xffff

// prevClass is what an assertion can see of the byte before.
type prevClass uint8

const (
	prevOther prevClass = iota
	prevLine            // the line's start: \n, or the stream's start
	prevWord
	prevClasses
)

func prevClassOf(before int) prevClass {
	switch {
	case before < 0 || before == '\n':
		return prevLine
	case wordByte[before]:
		return prevWord
	}
	return prevOther
}

// sample is a byte of the class.
func (c prevClass) sample() int { return [...]int{' ', '\n', 'a'}[c] }

// stops reports whether a scan has to do more at the state than to go on.
func (s *state) stops() bool { return s.skips || s.verdict != undecided }

// size is about the memory of a state with its row, in bytes.
func (s *state) size(stride int) int {
	return 4*stride + len(s.key) + 8*len(s.threads) + 2*len(s.slots) + 256
}

// spans copies the groups of the i-th thread to dst.
func (s *state) spans(dst []Span, i int, regs []int64) {
	n := len(s.slots) / len(s.threads)
	of := s.slots[i*n : i*n+n]
	value := func(reg uint16) int64 {
		if reg == noReg {
			return unset
		}
		return regs[reg]
	}
	for g := range dst {
		dst[g] = span(value(of[2*g]), value(of[2*g+1]))
	}
}

// load makes the machine what s stands for at an offset.
func (m *machine) load(s *state, regs []int64, at int64) {
	m.gen++
	m.cur.threads = m.cur.threads[:0]
	n := m.prog.slots
	for i, t := range s.threads {
		m.covered(t.pc, t.cond)
		to := m.cur.push(t.pc, t.cond, n)
		for j, reg := range s.slots[i*n : i*n+n] {
			to[j] = unset
			if reg != noReg {
				to[j] = regs[reg]
			}
		}
	}
	m.prev = s.prev.sample()
	m.at = at
	m.chars = s.chars
	m.whole = s.whole
	m.found = s.found
}

// A draft is the state that a machine is in, being written.
type draft struct {
	live   liveness
	key    []byte
	slots  []uint16 // side by side: the number of every slot's offset, in order of appearance
	values []int64  // by number: the offset's name in the machine
	number []uint16 // by old register: the number
	order  []uint16 // for choose
}

// The scratch machine runs with names for offsets: a register r is regName(r),
// and what is set at this step is the step's own offset, 0 or more.
func regName(r int) int64 { return -2 - int64(r) }

func regOf(name int64) (r int, ok bool) { return int(-2 - name), name <= -2 }

// write fills d with the state of m, whose names are of a state with regs
// registers. What makes no difference from here on is left out.
func (d *draft) write(m *machine, regs int) (s state) {
	g := m.prog
	s.found, s.whole, s.chars = m.found, m.whole, m.chars
	starts := !m.found && !g.eager && !g.anchored // below what is there, at the next byte
	if starts && g.behind {
		s.prev = prevClassOf(m.prev)
	}
	s.cursor = starts && g.cursor && m.at == 0
	inside, breaks := false, false
	for _, t := range m.cur.threads {
		inside = inside || t.cond == inChar
		breaks = breaks || t.cond == broken || t.cond == brokenNotW
	}
	switch {
	case inside:
		s.whole = s.whole || m.takesWhole()
	case !breaks && !(g.inner && !m.found && !g.anchored):
		s.chars = decoder{}
		s.whole = false
	default:
		s.whole = false
	}
	if s.whole || !inside {
		s.chars.code = 0
	}
	if s.chars.left == 0 {
		s.chars = decoder{}
	}
	s.skips = len(m.cur.threads) == 0 && starts && !g.inner && len(g.prefix) > 0
	s.verdict = m.verdict()
	s.atEnd = m.bestAtEnd()
	d.name(m, regs)
	d.encode(&s, m.cur.threads)
	return s
}

// takesWhole reports whether every thread inside the character in progress
// takes it whichever it becomes.
func (m *machine) takesWhole() bool {
	lo, hi := m.chars.valid()
	for _, t := range m.cur.threads {
		if t.cond == inChar && !m.prog.insts[t.pc].set.hasAll(lo, hi) {
			return false
		}
	}
	return true
}

// name numbers the offsets of the threads.
func (d *draft) name(m *machine, regs int) {
	d.slots, d.values, d.number = d.slots[:0], d.values[:0], d.number[:0]
	for range regs {
		d.number = append(d.number, noReg)
	}
	own := [...]uint16{noReg, noReg} // of this step's offset, and the one before
	n := m.prog.slots
	for i, t := range m.cur.threads {
		all := m.prog.insts[t.pc].op == opMatch
		for j, v := range m.cur.slots[i*n : i*n+n] {
			if v == unset || !all && !d.live.has(t.pc, j) {
				d.slots = append(d.slots, noReg)
				continue
			}
			var number *uint16
			if r, ok := regOf(v); ok {
				number = &d.number[r]
			} else {
				number = &own[m.at-v]
			}
			if *number == noReg {
				*number = uint16(len(d.values))
				d.values = append(d.values, v)
			}
			d.slots = append(d.slots, *number)
		}
	}
}

// choose gives the numbers registers, and returns those of the slots.
func (d *draft) choose() []uint16 {
	d.order = d.order[:0]
	for i := range d.values {
		d.order = append(d.order, uint16(i))
	}
	slices.SortFunc(d.order, func(a, b uint16) int { return compareNames(d.values[a], d.values[b]) })
	reg := make([]uint16, len(d.order))
	for r, number := range d.order {
		reg[number] = uint16(r)
	}
	slots := slices.Clone(d.slots)
	for i, number := range slots {
		if number != noReg {
			slots[i] = reg[number]
		}
	}
	return slots
}

// compareNames puts old registers in their order before offsets of this step.
func compareNames(a, b int64) int {
	if a < 0 && b < 0 {
		return cmp.Compare(b, a)
	}
	return cmp.Compare(a, b)
}

// sources returns the names that the registers of s take their offsets from; s
// is the state written, with registers chosen at any time.
func (d *draft) sources(s *state) []int64 {
	from := make([]int64, s.regs)
	for i, number := range d.slots {
		if number != noReg {
			from[s.slots[i]] = d.values[number]
		}
	}
	return from
}

func (d *draft) encode(s *state, threads []thread) {
	var flags byte
	for i, f := range [...]bool{s.cursor, s.whole, s.found} {
		if f {
			flags |= 1 << i
		}
	}
	k := append(d.key[:0], flags, byte(s.prev), s.chars.left, s.chars.lo, s.chars.hi)
	k = binary.LittleEndian.AppendUint32(k, uint32(s.chars.code))
	k = binary.LittleEndian.AppendUint16(k, uint16(len(threads))) // and with it, where the key ends
	for _, t := range threads {
		k = binary.LittleEndian.AppendUint16(k, uint16(t.pc))
		k = append(k, byte(t.cond))
	}
	for _, r := range d.slots {
		k = binary.LittleEndian.AppendUint16(k, r)
	}
	d.key = k
}
