package expect

import (
	"slices"
	"strings"
)

// Bounds of a search for the nearest miss: it is made when an expect has failed,
// perhaps at a deadline, and must not be felt.
const (
	missWindow = 64 << 10  // bytes that are looked at
	missSteps  = 512 << 10 // threads moved by a byte
)

// Miss is the text that came nearest to a match and is none.
type Miss struct {
	Start, End int64 // what fits, as offsets in what was searched; at End it failed
	// Wants is what had to come at End, in words: `"5"`, `[0-9]`, `the end`.
	Wants string
	// Open: what was searched ends at End, and more of it might go on.
	Open bool

	done, left int // the bytes that the pattern takes at least, up to there and from there
}

// Nearer reports whether m came nearer to a match of the pattern than o.
func (m Miss) Nearer(o Miss) bool {
	if a, b := m.done*(o.done+o.left), o.done*(m.done+m.left); a != b {
		return a > b
	}
	return m.End-m.Start > o.End-o.Start
}

// Nearest searches data, in which there is no match, for the text that got
// farthest in the pattern: by the share of it that was left behind, then by
// length, then the last. before is as in [Pattern.Matcher]. It is false when no
// byte begins like a match.
//
// It is meant for a report, and bounded: of much data it looks at the end, at most
// 64 KiB, less for a large pattern; of a pattern that begins with \A at the
// beginning.
func (p *Pattern) Nearest(before int, data []byte) (Miss, bool) {
	s := missSearch{prog: p.prog, budget: missSteps}
	s.distances()
	return s.nearest(before, data)
}

// NearestMessage is Nearest in several messages, each searched by itself, and says
// which: the last of those that came as near. It looks at the last of them, as many as
// the bound allows.
func (p *Pattern) NearestMessage(messages [][]byte) (i int, best Miss, ok bool) {
	s := missSearch{prog: p.prog, budget: missSteps}
	s.distances()
	bytes := 0
	for at := len(messages) - 1; at >= 0; at-- {
		if bytes += len(messages[at]) + 1; ok && (bytes > missWindow || s.budget <= 0) {
			break
		}
		if miss, found := s.nearest(-1, messages[at]); found && (!ok || miss.Nearer(best)) {
			i, best, ok = at, miss, true
		}
		if bytes > missWindow || s.budget <= 0 {
			break
		}
	}
	return i, best, ok
}

// missSearch is a run of the machine that looks at threads instead of matches.
type missSearch struct {
	prog       *program
	done, left []int // by instruction: the bytes from the start, and to a match, at least
	budget     int   // threads that may still be moved

	before int
	data   []byte
	lo, hi int // what is looked at
	m      *machine
	found  bool
	best   Miss
}

func (s *missSearch) nearest(before int, data []byte) (Miss, bool) {
	s.before, s.data, s.lo, s.hi = before, data, 0, len(data)
	allowed := s.budget
	for window := missWindow; window > 0; window /= 8 {
		s.best, s.found, s.budget = Miss{}, false, allowed
		if s.prog.anchored {
			s.hi = min(len(data), window)
		} else {
			s.lo = max(0, len(data)-window)
		}
		if s.run(s.hi, s.look) {
			break
		}
	}
	if !s.found {
		return Miss{}, false
	}
	best := s.best
	s.run(int(best.End), nil)
	best.Open = best.End == int64(len(data))
	best.Wants = s.wants(best)
	return best, true
}

// far is the distance of what cannot be reached.
const far = 1 << 30

// distances finds the shortest ways through the program.
func (s *missSearch) distances() {
	insts := s.prog.insts
	onward := make([][]uint32, len(insts))
	back := make([][]uint32, len(insts))
	s.left = make([]int, len(insts))
	var ends []uint32
	for pc := range insts {
		in := &insts[pc]
		switch in.op {
		case opFail:
			continue
		case opMatch:
			ends = append(ends, uint32(pc))
			continue
		}
		onward[pc] = []uint32{in.out}
		if in.op == opAlt {
			onward[pc] = append(onward[pc], in.arg)
		}
		for _, to := range onward[pc] {
			back[to] = append(back[to], uint32(pc))
		}
	}
	takes := func(pc uint32) int {
		switch insts[pc].op {
		case opByte, opSet, opRaw:
			return 1
		}
		return 0
	}
	s.done = shortest(onward, []uint32{s.prog.start}, func(from, _ uint32) int { return takes(from) })
	s.left = shortest(back, ends, func(_, to uint32) int { return takes(to) })
}

// shortest is the distance of every node from the nearest of the sources; an edge
// costs 0 or 1.
func shortest(edges [][]uint32, sources []uint32, cost func(from, to uint32) int) []int {
	d := slices.Repeat([]int{far}, len(edges))
	for _, n := range sources {
		d[n] = 0
	}
	for level, now := 0, sources; len(now) > 0; level++ {
		var next []uint32
		for len(now) > 0 {
			from := now[len(now)-1]
			now = now[:len(now)-1]
			if d[from] != level {
				continue // it was reached in fewer
			}
			for _, to := range edges[from] {
				if c := level + cost(from, to); c < d[to] {
					d[to] = c
					if c == level {
						now = append(now, to)
					} else {
						next = append(next, to)
					}
				}
			}
		}
		now = next
	}
	return d
}

// run takes the bytes from lo up to end, and calls look before each and after the
// last. It reports false when that took more steps than are left; without look it
// goes where it was before.
func (s *missSearch) run(end int, look func()) bool {
	s.m = newMachine(s.prog)
	m := s.m
	if s.lo == 0 {
		m.reset(s.before)
	} else {
		m.prev, m.at = int(s.data[s.lo-1]), int64(s.lo)
		m.gen++
		if s.prog.eager {
			m.found = m.start(&m.cur)
		}
	}
	for i := s.lo; ; i++ {
		if look != nil {
			if s.budget -= len(m.cur.threads) + 1; s.budget < 0 {
				return false
			}
			look()
		}
		if i >= end || m.verdict() != undecided {
			return true
		}
		m.take(s.data[i])
	}
}

// look compares the threads at this place with the best.
func (s *missSearch) look() {
	n := s.prog.slots
	for i, t := range s.m.cur.threads {
		begin := s.m.cur.slots[i*n]
		if begin == s.m.at || t.cond == always && s.prog.insts[t.pc].op == opMatch {
			continue // nothing of it was seen yet; or it is a match, below another
		}
		now := Miss{Start: begin, End: s.m.at, done: max(s.done[t.pc], 1), left: s.left[t.pc]}
		if !s.found || !s.best.Nearer(now) {
			s.best, s.found = now, true
		}
	}
}

// wants says what the miss, at whose end the machine is, wanted there: of all
// threads that began with it those that its next byte ended.
func (s *missSearch) wants(miss Miss) string {
	var all [256]bool
	for i, t := range s.m.cur.threads {
		if s.m.cur.slots[i*s.prog.slots] != miss.Start {
			continue
		}
		var want [256]bool
		s.m.wanted(t, &want)
		if !miss.Open && want[s.data[miss.End]] {
			continue
		}
		for b := range want {
			all[b] = all[b] || want[b]
		}
	}
	return wantedText(&all)
}

// wantedText writes a set of bytes as a class, a large one as what is not in it.
func wantedText(set *[256]bool) string {
	n := 0
	var rest [256]bool
	for b, in := range set {
		if rest[b] = !in; in {
			n++
		}
	}
	switch {
	case n == 0:
		return "the end"
	case n == 256:
		return "any byte"
	case n == 255:
		return "any byte but " + bytesText(&rest)
	case n > 128:
		return "[^" + strings.TrimPrefix(bytesText(&rest), "[")
	}
	return bytesText(set)
}

// Begins says with which bytes a match can begin: `"P"`, `[0-9]`.
func (p *Pattern) Begins() string { return wantedText(&p.prog.first) }
