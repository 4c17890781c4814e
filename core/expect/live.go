package expect

// liveness says of every instruction which slots a match can still show that a
// thread there has set: not those that are set again on every way to the match.
// What is not live is no reason for two states, nor for a move.
type liveness struct {
	bits  []uint64 // words of each instruction, side by side
	words int
}

func (p *program) liveness() liveness {
	l := liveness{words: (p.slots + 63) / 64}
	l.bits = make([]uint64, l.words*len(p.insts))
	row := func(pc uint32) []uint64 { return l.bits[int(pc)*l.words:][:l.words] }
	visit := func(pc uint32) (changed bool) {
		in := &p.insts[pc]
		to := row(pc)
		or := func(w int, v uint64) {
			if to[w]|v != to[w] {
				to[w] |= v
				changed = true
			}
		}
		switch in.op {
		case opFail:
		case opMatch:
			for s := range p.slots {
				if s != 1 { // set on arrival
					or(s/64, 1<<(s%64))
				}
			}
		case opAlt:
			for w, v := range row(in.arg) {
				or(w, v)
			}
			for w, v := range row(in.out) {
				or(w, v)
			}
		case opSave:
			for w, v := range row(in.out) {
				if int(in.arg)/64 == w {
					v &^= 1 << (in.arg % 64)
				}
				or(w, v)
			}
		default:
			for w, v := range row(in.out) {
				or(w, v)
			}
		}
		return changed
	}
	// Both ways in turn: most edges go up, a loop's goes back.
	for changed := true; changed; {
		changed = false
		for pc := len(p.insts) - 1; pc >= 0; pc-- {
			changed = visit(uint32(pc)) || changed
		}
		for pc := range p.insts {
			changed = visit(uint32(pc)) || changed
		}
	}
	return l
}

// has reports whether slot s is live at pc.
func (l *liveness) has(pc uint32, s int) bool {
	return l.bits[int(pc)*l.words+s/64]>>(s%64)&1 != 0
}
