package expect

// start adds the threads of a match that begins here, below all others, and
// reports whether one of them has matched whatever comes.
func (m *machine) start(to *list) bool {
	c := always
	if m.chars.left > 0 && m.prog.inner {
		c = inside
	}
	m.fresh[0] = m.at
	return m.add(to, m.prog.start, c, m.fresh)
}

// step takes one byte: every thread goes on or dies, in order.
func (m *machine) step(b byte) {
	if b&0xc0 != 0x80 {
		m.whole = false // the character in progress, if any, is broken
	}
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
func (m *machine) advance(b byte, got decoded) bool {
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
			if lo, hi := m.chars.span(); !m.whole && !in.set.hasAny(lo, hi) {
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
func (m *machine) put(to *list, pc uint32, c cond, slots []int64) {
	if !m.covered(pc, c) {
		to.append(pc, c, slots)
	}
}

// covered reports whether a thread at pc came earlier that lives whenever this
// one does, and notes this one.
func (m *machine) covered(pc uint32, c cond) bool {
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
func (m *machine) add(to *list, pc uint32, c cond, slots []int64) bool {
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
func (m *machine) arrive(to *list, pc uint32, in *inst, c cond, slots []int64) bool {
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
	copy(l.push(pc, c, len(slots)), slots)
}

// push adds a thread and returns its n slots, which are to be set.
func (l *list) push(pc uint32, c cond, n int) []int64 {
	l.threads = append(l.threads, thread{pc, c})
	end := len(l.threads) * n
	if len(l.slots) < end {
		l.slots = append(l.slots, make([]int64, end-len(l.slots))...)
	}
	return l.slots[end-n : end]
}
