package expect

import (
	"cmp"
	"math"
	"slices"
)

// A Race is several searches in several sources at once, and says which match
// was final first. It reads nothing and knows no clock: when something came is
// an arrival, a number that grows, and the answer depends on the arrivals, not
// on the order of the calls. It is for one goroutine at a time.
//
// The match final first in order of arrival wins. In one source that is the one
// that fewer bytes decided. What two sources brought with the same arrival is a
// tie: the source that is mentioned first comes first. What is left is decided
// by the order of the entries. An answer stands once no source has anything
// left to be fed that arrived up to then.
type Race struct {
	entries []entrant
	quiet   bool // Settle was the last that happened
}

// Entry is one search of a race.
type Entry struct {
	Source   int // which source it searches; several entries may search one
	Matcher  *Matcher
	Messages bool // each piece is a message and searched by itself
	Forbid   bool // its match fails the race
}

// Finish is when a match was final.
type Finish struct {
	Index   int   // of its entry
	Arrival int64 // of the bytes or of the end that decided; math.MinInt64 if none were needed, math.MaxInt64 if it was Settle
	Message int   // with Messages: how many messages came before
}

// Standing is how a race stands.
type Standing uint8

const (
	Open       Standing = iota
	Found               // what was wanted was found; or nothing was, and nothing forbidden came
	Forbidden           // what must not come was found first
	Impossible          // what is wanted cannot come any more
)

type entrant struct {
	Entry
	Finish
	rank   int   // of the source, in order of mention
	offset int64 // bytes of the source, or message, that decided
	state  entrantState
}

type entrantState uint8

const (
	runs entrantState = iota
	finished
	out // it cannot match any more
)

// NewRace begins a race. The matchers are at their cursor, and the race's until
// it is over; those of one source that is a stream have the same cursor.
func NewRace(entries ...Entry) *Race {
	r := &Race{}
	for i, e := range entries {
		n := entrant{Entry: e, Finish: Finish{Index: i}, rank: i}
		if first := slices.IndexFunc(entries[:i], func(o Entry) bool { return o.Source == e.Source }); first >= 0 {
			n.rank = first
		}
		if !e.Messages && e.Matcher.Feed(nil) {
			n.decided(math.MinInt64)
		}
		r.entries = append(r.entries, n)
	}
	return r
}

// decided takes what the matcher says, which is decided.
func (n *entrant) decided(arrival int64) {
	n.state = out
	if _, ok := n.Matcher.Match(); ok {
		n.state, n.Arrival, n.offset = finished, arrival, n.Matcher.Taken()
	}
}

// Feed takes the next bytes of a source, or its next message, which may be
// empty. The pieces of one source come in their order.
func (r *Race) Feed(source int, p []byte, arrival int64) {
	for i := range r.entries {
		n := &r.entries[i]
		if n.Source != source || n.state != runs {
			continue
		}
		if n.Messages || len(p) > 0 {
			r.quiet = false
		}
		if !n.Messages {
			if n.Matcher.Feed(p) {
				n.decided(arrival)
			}
			continue
		}
		n.Matcher.Reset(-1)
		if n.Matcher.Feed(p); n.Matcher.End() {
			n.decided(arrival)
			continue
		}
		n.Message++ // what cannot match in this one may in the next
	}
}

// End tells that a source has ended, which decides what waits for it.
func (r *Race) End(source int, arrival int64) {
	for i := range r.entries {
		n := &r.entries[i]
		if n.Source != source || n.state != runs {
			continue
		}
		n.state = out
		if !n.Messages && n.Matcher.End() {
			n.decided(arrival)
		}
	}
}

// Settle lets quiet decide: every match that an end would make final is so now.
// A source whose match an end would not decide goes on. Of several matches that
// quiet decides the first entry's is first.
func (r *Race) Settle() {
	r.quiet = true
	for i := range r.entries {
		if n := &r.entries[i]; n.state == runs && !n.Messages && n.Matcher.End() {
			n.decided(math.MaxInt64)
			n.rank, n.offset = i, 0
		}
	}
}

func (n *entrant) compare(o *entrant) int {
	return cmp.Or(cmp.Compare(n.Arrival, o.Arrival), cmp.Compare(n.rank, o.rank), cmp.Compare(n.offset, o.offset), cmp.Compare(n.Index, o.Index))
}

// Finishes returns the matches that are final, forbidden ones too, in order.
func (r *Race) Finishes() []Finish {
	var done []Finish
	for _, n := range r.order() {
		done = append(done, n.Finish)
	}
	return done
}

func (r *Race) order() []*entrant {
	var done []*entrant
	for i := range r.entries {
		if n := &r.entries[i]; n.state == finished {
			done = append(done, n)
		}
	}
	slices.SortFunc(done, (*entrant).compare)
	return done
}

// count returns how many entries that are forbidden, or that are not, are in
// the state.
func (r *Race) count(forbid bool, s entrantState) (n int) {
	for i := range r.entries {
		if e := &r.entries[i]; e.Forbid == forbid && e.state == s {
			n++
		}
	}
	return n
}

// Any is the standing if one match is enough. first is the match that decided,
// if one did: the race is Found or Forbidden by it. Without any entry that is
// wanted it is Found, by none, once nothing forbidden can come, or by quiet.
func (r *Race) Any() (s Standing, first Finish, ok bool) {
	var best *entrant
	for i := range r.entries {
		if n := &r.entries[i]; n.state == finished && (best == nil || n.compare(best) < 0) {
			best = n
		}
	}
	switch {
	case best != nil && best.Forbid:
		return Forbidden, best.Finish, true
	case best != nil:
		return Found, best.Finish, true
	}
	return r.withoutMatch(), Finish{}, false
}

// withoutMatch is the standing as long as no match decided.
func (r *Race) withoutMatch() Standing {
	switch {
	case r.count(false, runs) > 0:
		return Open
	case r.count(false, out) > 0:
		return Impossible
	case r.quiet || r.count(true, runs) == 0:
		return Found
	}
	return Open
}

// Every is the standing if every entry that is wanted must match, and nothing
// forbidden before the last of them. last is the match that decided, if one
// did. Without any entry that is wanted it is as Any.
func (r *Race) Every() (s Standing, last Finish, ok bool) {
	left := r.count(false, runs) + r.count(false, out) + r.count(false, finished)
	for _, n := range r.order() {
		if n.Forbid {
			return Forbidden, n.Finish, true
		}
		if left--; left == 0 {
			return Found, n.Finish, true
		}
	}
	if r.count(false, out) > 0 {
		return Impossible, Finish{}, false
	}
	if left > 0 {
		return Open, Finish{}, false
	}
	return r.withoutMatch(), Finish{}, false
}
