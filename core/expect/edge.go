package expect

import "slices"

// An edge is a transition that does more than go to a state: that moves
// registers, or ends at a state where there is more to do.
type edge struct {
	to     *state
	moves  []block
	stores []store
	cross  bool // the moves do not allow to be made one by one
}

// A block of n registers moves from src to dst.
type block struct{ dst, src, n uint16 }

// A store sets a register to the offset reached, less back.
type store struct{ reg, back uint16 }

func (e *edge) plain() bool { return len(e.moves)+len(e.stores) == 0 && !e.to.stops() }

func (e *edge) size() int { return 72 + 8*(len(e.moves)+len(e.stores)) }

// newEdge returns the edge to a state whose registers take their offsets from
// where from names, in the step that ended at the machine's offset.
func newEdge(to *state, from []int64, at int64) edge {
	e := edge{to: to}
	last := -1 // the greatest register that was read
	for i, name := range from {
		src, ok := regOf(name)
		if !ok {
			e.stores = append(e.stores, store{uint16(i), uint16(at - name)})
			continue
		}
		if src == i {
			continue
		}
		e.cross = e.cross || src < last
		last = src
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
	if !e.cross {
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

// follow makes the moves of e, which ends at an offset.
func (m *Matcher) follow(e *edge, at int64) {
	if e.to.regs > len(m.regs) {
		m.needRegs(e.to.regs)
	}
	to, from := m.regs, m.regs
	if e.cross {
		m.spare = append(m.spare[:0], m.regs...)
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
