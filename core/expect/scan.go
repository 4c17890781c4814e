package expect

import "sync/atomic"

// A transition costs as much to make as the machine takes for some bytes. If a
// table was filled by a matcher with transitions that served fewer than
// worthwhile bytes each, the next table will be no better.
const (
	worthwhile = 16
	enoughMade = 64 // transitions that tell
)

// scan takes bytes until the matcher is decided, p is used up, or the automaton
// is given up, and returns how many.
func (m *Matcher) scan(p []byte) int {
	a, t := m.auto, m.auto.table.Load()
	if t.epoch != m.state.epoch {
		t, m.state = a.adopt(m.state)
	}
	begin := m.at
	for i := 0; i < len(p); {
		if m.state.skips {
			if skip := m.prog.skip(p[i:]); skip > 0 {
				i += skip
				m.at = begin + int64(i)
				c := prevOther
				if m.prog.behind {
					c = prevClassOf(int(p[i-1]))
				}
				m.state = t.empty[c]
				if i == len(p) {
					break
				}
			}
		}
		n, s, missing := m.glide(t, p[i:])
		i += n
		m.at = begin + int64(i)
		m.state = s
		if missing {
			var e edge
			var ok bool
			if t, e, ok = a.make(s, p[i]); !ok || !m.worthwhile(t) {
				m.yield()
				return i
			}
			i++
			m.at++
			m.follow(&e, m.at)
			m.state = e.to
		}
		if m.state.verdict != undecided {
			m.stateSays()
			return i
		}
	}
	return len(p)
}

// glide follows the transitions of t, one at least, until it comes to a state
// that stops, p is used up, or one is missing. It returns the number of bytes
// and the state.
func (m *Matcher) glide(t *table, p []byte) (n int, s *state, missing bool) {
	next, class, begin := t.next, &m.auto.class, m.at
	row := m.state.row
	for i, b := range p {
		e := atomic.LoadUint32(&next[row+uint32(class[b])])
		if e-1 < edgeBit-1 { // neither 0 nor an edge
			row = e
			continue
		}
		if e == 0 {
			return i, t.states[int(row)/m.auto.stride], true
		}
		to := &t.edges[e&^edgeBit]
		m.follow(to, begin+int64(i)+1)
		if to.to.stops() {
			return i + 1, to.to, false
		}
		row = to.to.row
	}
	return len(p), t.states[int(row)/m.auto.stride], false
}

// worthwhile counts a transition that was made, now in t, and reports whether
// to go on so.
func (m *Matcher) worthwhile(t *table) bool {
	m.made++
	if t.epoch == m.epoch || m.made < enoughMade {
		m.epoch = t.epoch
		return true
	}
	served := m.at - m.since
	ok := served >= worthwhile*int64(m.made)
	m.epoch, m.made, m.since = t.epoch, 0, m.at
	return ok
}
