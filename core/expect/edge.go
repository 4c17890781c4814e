package expect

import "slices"

// An edge is a transition that does more than go to a state: that moves
// registers, or ends at a state where there is more to do.
type edge struct {
	to     *state
	slide  int // first, so many registers go away at the front and all others move down
	moves  []block
	stores []store
	cross  int // not 0: the moves cannot be made one by one; they read as many registers
}

// A block of n registers moves from src to dst.
type block struct{ dst, src, n uint16 }

// A store sets a register to the offset reached, less back.
type store struct{ reg, back uint16 }

func (e *edge) plain() bool { return e.slide+len(e.moves)+len(e.stores) == 0 && !e.to.stops() }

func (e *edge) size() int { return 80 + 8*(len(e.moves)+len(e.stores)) }

// newEdge returns the edge to a state whose registers take their offsets from
// where from names, in the step that ended at the machine's offset.
func newEdge(to *state, from []int64, at int64) edge {
	e := edge{to: to, slide: slide(from)}
	last, cross := -1, false
	for i, name := range from {
		src, ok := regOf(name)
		if !ok {
			e.stores = append(e.stores, store{uint16(i), uint16(at - name)})
			continue
		}
		src -= e.slide
		if src == i {
			continue
		}
		cross = cross || src < last
		last = max(last, src)
		if n := len(e.moves); n > 0 {
			if b := &e.moves[n-1]; int(b.dst+b.n) == i && int(b.src+b.n) == src {
				b.n++
				continue
			}
		}
		e.moves = append(e.moves, block{uint16(i), uint16(src), 1})
	}
	// As long as they keep their order, none is written before it was read if
	// those that go down go first to last, and those that go up last to first.
	if cross {
		e.cross = last + 1
	} else {
		var down, up []block
		for _, b := range e.moves {
			if b.src > b.dst {
				down = append(down, b)
			} else {
				up = append(up, b)
			}
		}
		slices.Reverse(up)
		e.moves = append(down, up...)
	}
	return e
}

// slide returns by how much most registers move down, if that can be done to
// all at once.
func slide(from []int64) int {
	by := len(from)
	for _, name := range from {
		if src, ok := regOf(name); ok {
			by = min(by, src)
		}
	}
	stay, move := 0, 0
	for i, name := range from {
		switch src, ok := regOf(name); {
		case !ok:
		case src == i:
			stay++
		case src == i+by:
			move++
		}
	}
	if move <= stay {
		return 0
	}
	return by
}

// follow makes the moves of e, which ends at an offset.
func (m *Matcher) follow(e *edge, at int64) {
	if e.slide > 0 {
		m.regs = m.regs[e.slide:]
	}
	if e.to.regs > len(m.regs) {
		m.needRegs(e.to.regs)
	}
	to, from := m.regs, m.regs
	if e.cross > 0 {
		m.spare = append(m.spare[:0], m.regs[:e.cross]...)
		from = m.spare
	}
	for _, b := range e.moves {
		if b.n == 1 {
			to[b.dst] = from[b.src]
		} else {
			copy(to[b.dst:b.dst+b.n], from[b.src:b.src+b.n])
		}
	}
	for _, s := range e.stores {
		to[s.reg] = at - int64(s.back)
	}
}
