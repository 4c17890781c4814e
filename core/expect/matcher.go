package expect

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
	pattern *Pattern
	prog    *program
	auto    *automaton // nil as long as cold, and if there is none
	cold    bool       // the machine goes on until the pattern is worth an automaton
	state   *state     // where the automaton is; nil when the machine goes on from here
	regs    []int64    // the offsets that the threads of state remember: the end of file
	file    []int64
	spare   []int64  // for moves among regs that cross
	machine *machine // made when it is first needed
	before  int
	at      int64 // bytes taken in
	verdict verdict
	match   Match

	// To judge whether the automaton is worth its while.
	epoch uint32 // of the table last seen
	made  int    // transitions since then
	since int64  // where that was
}

type verdict uint8

const (
	unborn verdict = iota // no thread was started yet
	undecided
	matched
	hopeless // no bytes can make a match
)

// Matcher returns a matcher for a stream. before is the byte before the cursor,
// or -1 at the stream's start.
func (p *Pattern) Matcher(before int) *Matcher {
	m := &Matcher{pattern: p, prog: p.prog, match: Match{Groups: make([]Span, p.prog.slots/2)}}
	m.Reset(before)
	return m
}

// Reset begins anew at another cursor, keeping what was allocated.
func (m *Matcher) Reset(before int) {
	m.before = before
	m.at = 0
	m.verdict = unborn
	m.made, m.since = 0, 0
}

// Feed takes the next bytes of the stream, and reports whether it is decided:
// there is a final match, or there can be none, as Match then says. Of p it
// takes what it needs: once decided, nothing more. An empty p is allowed; a
// pattern that matches the empty text may be decided by it.
func (m *Matcher) Feed(p []byte) (done bool) {
	if m.verdict == unborn {
		m.begin()
	}
	for len(p) > 0 && m.verdict == undecided {
		if m.state != nil {
			p = p[m.scan(p):]
		} else {
			p = p[m.run(p):]
		}
	}
	return m.verdict != undecided
}

// run has the machine take bytes until the matcher is decided, p is used up, or
// the pattern has become worth an automaton, and returns how many.
func (m *Matcher) run(p []byte) int {
	if m.cold {
		p = p[:min(len(p), coldBytes)]
	}
	n, v := m.machine.run(p)
	m.at = m.machine.at
	m.machineSays(v)
	if m.cold && m.pattern.cold.Add(-int64(n)) <= 0 && v == undecided {
		m.cold = false
		if m.auto = m.pattern.auto(); m.auto != nil {
			m.enter()
		}
	}
	return n
}

// begin starts the threads that do not wait for a byte.
func (m *Matcher) begin() {
	m.verdict = undecided
	m.state = nil
	m.cold = m.pattern.auto != nil && m.pattern.cold.Load() > 0
	if m.auto == nil && m.pattern.auto != nil && !m.cold {
		m.auto = m.pattern.auto()
	}
	if m.auto != nil {
		m.cold = false
		m.state = m.auto.start(m.before)
	}
	if m.state == nil {
		m.needMachine()
		m.machine.reset(m.before)
		m.machineSays(m.machine.verdict())
		return
	}
	m.epoch = m.state.epoch
	if m.regs = m.file; m.state.regs > len(m.regs) {
		m.needRegs(m.state.regs)
	}
	clear(m.regs[:m.state.regs]) // what the threads that start here remember is the cursor
	m.stateSays()
}

func (m *Matcher) machineSays(v verdict) {
	m.verdict = v
	if v == matched {
		m.machine.spans(m.match.Groups, 0)
	}
}

func (m *Matcher) stateSays() {
	m.verdict = m.state.verdict
	if m.verdict == matched {
		m.state.spans(m.match.Groups, 0, m.regs)
	}
}

func (m *Matcher) needMachine() {
	if m.machine == nil {
		m.machine = newMachine(m.prog)
	}
}

// needRegs makes room for n registers, and for them to slide.
func (m *Matcher) needRegs(n int) {
	if n > len(m.file)/4 {
		m.file = append(make([]int64, 0, 4*n), m.regs...)[:4*n]
	} else {
		copy(m.file, m.regs)
	}
	m.regs = m.file
}

// enter goes on with the automaton where the machine is.
func (m *Matcher) enter() {
	s, values := m.auto.enter(m.machine)
	if s == nil {
		return
	}
	m.state = s
	m.epoch, m.made, m.since = s.epoch, 0, m.at
	if m.regs = m.file; len(values) > len(m.regs) {
		m.needRegs(len(values))
	}
	copy(m.regs, values)
}

// yield leaves the rest of the stream to the machine.
func (m *Matcher) yield() {
	m.needMachine()
	m.machine.load(m.state, m.regs, m.at)
	m.state = nil
}

// End decides as the end of the stream, or of the message, does, and reports
// whether there is a match. Without one it changes nothing, so that it serves
// for an end that is only assumed: feeding may go on.
func (m *Matcher) End() bool {
	if m.verdict == unborn {
		m.begin()
	}
	if m.verdict != undecided {
		return m.verdict == matched
	}
	if m.state != nil {
		if m.state.atEnd < 0 {
			return false
		}
		m.state.spans(m.match.Groups, m.state.atEnd, m.regs)
	} else {
		i := m.machine.bestAtEnd()
		if i < 0 {
			return false
		}
		m.machine.spans(m.match.Groups, i)
	}
	m.verdict = matched
	return true
}

// Match returns the final match. Its Groups are overwritten after a Reset.
func (m *Matcher) Match() (Match, bool) {
	if m.verdict != matched {
		return Match{}, false
	}
	return m.match, true
}

// Taken is the number of bytes taken from Feed. Once decided it is the number
// after which that was so.
func (m *Matcher) Taken() int64 { return m.at }
