package expect

import (
	"slices"
	"sync"
	"sync/atomic"
)

// An automaton takes the machine's steps from a table. A state is a list of
// threads as the machine has it, without the offsets; a transition is the step
// that the machine took the first time, with the moves among the offsets that
// it made. States and transitions are made when they are first needed.
//
// The offsets go along in registers, so that one pass finds the captures too. A
// second pass over the matched part would need its bytes, which the matcher
// does not keep, and the threads' offsets are needed in any case: for Pending,
// for an end that is only assumed, and to go on without the automaton. What
// they cost is little: a register is moved only when a thread takes another's
// place, and where no match has begun there is none.
//
// One automaton serves all matchers of a pattern. Looking up takes no lock;
// making a transition does. When the table is full all of it is forgotten; a
// matcher keeps the state that it is in, which is all it needs to go on.
type automaton struct {
	prog   *program
	class  [256]uint8
	stride int // entries of a row: one a class
	budget int // bytes, see cacheBytes

	table  atomic.Pointer[table]
	starts [prevClasses]atomic.Pointer[state]

	mu      sync.Mutex // over making; guards what follows
	known   map[string]*state
	scratch *machine
	draft   draft
	names   []int64 // regName of every register
	rows    int
	edges   int
	used    int // bytes
}

// A table is the transitions of an epoch. Its entries are set once; a greater
// one with the same entries takes its place when it is full.
type table struct {
	epoch uint32
	next  []uint32 // rows of entries, accessed atomically
	// of the state at a row, and of an entry: set before an entry tells of them
	states []*state
	edges  []edge
	empty  [prevClasses]*state // where a search for the prefix goes on; nil without one
}

// An entry of a table is 0 when it was not made yet, the row of the next state
// when there is no more to do, else edgeBit and the number of an edge.
const edgeBit = 1 << 31

// cacheBytes bounds the memory of an automaton, about. What it may hold beyond
// is what its growing leaves unused, and the states of matchers at rest.
const cacheBytes = 1 << 20

// maxLiveness bounds the words of the liveness of a program that gets an
// automaton. A program of more would not get far with a cache of this size.
const maxLiveness = 1 << 17

// newAutomaton returns nil for a program that is too large for one.
func newAutomaton(p *program) *automaton {
	if len(p.insts) > 0xffff || len(p.insts)*((p.slots+63)/64) > maxLiveness {
		return nil
	}
	a := &automaton{prog: p, budget: cacheBytes, scratch: newMachine(p), draft: draft{live: p.liveness()}}
	a.class, a.stride = p.classes()
	a.flush()
	return a
}

// flush forgets all states.
func (a *automaton) flush() {
	t := &table{}
	if old := a.table.Load(); old != nil {
		t.epoch = old.epoch + 1
	}
	a.known = make(map[string]*state)
	a.used = 0
	a.edges = 0
	a.rows = 1 // an entry of 0 is none
	t.next = make([]uint32, 8*a.stride)
	t.states = make([]*state, 8)
	t.edges = make([]edge, 8)
	a.table.Store(t)
	if g := a.prog; len(g.prefix) == 0 || g.inner || g.eager || g.anchored {
		return
	}
	var empty [prevClasses]*state
	for c := range empty {
		a.scratch.load(&state{prev: prevClass(c)}, nil, 1)
		empty[c] = a.intern(a.scratch, 0)
	}
	with := *a.table.Load() // no matcher has seen a state of it yet
	with.empty = empty
	a.table.Store(&with)
}

// grow gives the table room for so many rows and edges. It shares nothing with
// the old one, so that who still has that finds nothing in it that was made for
// the greater one.
func (a *automaton) grow(rows, edges int) *table {
	old := a.table.Load()
	t := &table{epoch: old.epoch, empty: old.empty}
	t.next = make([]uint32, rows*a.stride)
	t.states = make([]*state, rows)
	t.edges = make([]edge, edges)
	copy(t.next, old.next)
	copy(t.states, old.states)
	copy(t.edges, old.edges)
	a.table.Store(t)
	return t
}

// start returns the state at a cursor after a byte, or nil for none.
func (a *automaton) start(before int) *state {
	c := prevClassOf(before)
	if s := a.starts[c].Load(); s != nil && s.epoch == a.table.Load().epoch {
		return s
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.scratch.reset(c.sample())
	s := a.intern(a.scratch, 0)
	a.starts[c].Store(s)
	return s
}

// enter returns the state that m is in and what its registers hold, or nil, and
// then m is as it was.
func (a *automaton) enter(m *machine) (*state, []int64) {
	slots := m.cur.slots[:len(m.cur.threads)*m.prog.slots]
	offsets := slices.Compact(slices.Sorted(slices.Values(slots)))
	offsets = slices.DeleteFunc(offsets, func(v int64) bool { return v == unset })
	kept := slices.Clone(slots)
	for i, v := range slots {
		if r, ok := slices.BinarySearch(offsets, v); ok {
			slots[i] = regName(r)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.intern(m, len(offsets))
	if s == nil {
		copy(slots, kept)
		return nil, nil
	}
	values := a.draft.sources(s)
	for i, name := range values {
		r, _ := regOf(name)
		values[i] = offsets[r]
	}
	return s, values
}

// intern returns the state that m is in, whose names are of a state with regs
// registers. It returns nil if the state is too large. It may flush.
func (a *automaton) intern(m *machine, regs int) *state {
	d := &a.draft
	s := d.write(m, regs)
	if known := a.known[string(d.key)]; known != nil {
		return known
	}
	s.key = string(d.key)
	s.threads = slices.Clone(m.cur.threads)
	s.slots = d.choose()
	s.regs = len(d.values)
	size := s.size(a.stride)
	if size > a.budget/16 {
		return nil
	}
	return a.add(&s, size)
}

// add gives s a row in the table.
func (a *automaton) add(s *state, size int) *state {
	a.room(size)
	t := a.table.Load()
	s.epoch = t.epoch
	if s.verdict == undecided {
		if a.rows == len(t.states) {
			t = a.grow(2*a.rows, len(t.edges))
		}
		t.states[a.rows] = s
		s.row = uint32(a.rows * a.stride)
		a.rows++
	}
	for len(a.names) < s.regs {
		a.names = append(a.names, regName(len(a.names)))
	}
	a.known[s.key] = s
	return s
}

// room makes sure that there is room for size bytes more.
func (a *automaton) room(size int) {
	if a.used+size > a.budget {
		kept := a.draft // flush writes drafts too
		a.draft = draft{live: kept.live}
		a.flush()
		a.draft = kept
	}
	a.used += size
}

// current returns s as a state of the present table, with the same registers. A
// state of the same key may be there that has chosen others: what follows a key
// tells such states apart.
func (a *automaton) current(s *state) *state {
	if s.epoch == a.table.Load().epoch {
		return s
	}
	again := *s
	for {
		known := a.known[again.key]
		if known == nil {
			return a.add(&again, again.size(a.stride))
		}
		if slices.Equal(known.slots, s.slots) {
			return known
		}
		again.key += "'"
	}
}

// adopt is current for a matcher that was away while the table was forgotten.
func (a *automaton) adopt(s *state) (*table, *state) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s = a.current(s)
	return a.table.Load(), s
}

// make makes the transition from s over b. It returns the table that it is in,
// and false if there is to be none.
func (a *automaton) make(s *state, b byte) (*table, edge, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s = a.current(s)
	column := uint32(a.class[b])
	t := a.table.Load()
	if e := t.next[s.row+column]; e != 0 { // another matcher came first
		return t, t.edge(e, a.stride), true
	}
	at := int64(1)
	if s.cursor {
		at = 0
	}
	a.scratch.load(s, a.names, at)
	a.scratch.take(b)
	to := a.intern(a.scratch, s.regs)
	if to == nil {
		return t, edge{}, false
	}
	e := newEdge(to, a.draft.sources(to), at+1)
	if !e.plain() {
		a.room(e.size())
	}
	s = a.current(s)
	e.to = a.current(to)
	t = a.table.Load()
	entry := e.to.row
	if !e.plain() {
		if a.edges == len(t.edges) {
			t = a.grow(len(t.states), 2*a.edges)
		}
		t.edges[a.edges] = e
		entry = edgeBit | uint32(a.edges)
		a.edges++
	}
	atomic.StoreUint32(&t.next[s.row+column], entry)
	return t, e, true
}

// edge returns what an entry says.
func (t *table) edge(entry uint32, stride int) edge {
	if entry&edgeBit != 0 {
		return t.edges[entry&^edgeBit]
	}
	return edge{to: t.states[int(entry)/stride]}
}
