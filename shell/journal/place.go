package journal

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sosh-shell/sosh/core/socket"
)

// block is what came to one socket and is awaited at one place of the script.
type block struct {
	st          *stream
	first, last time.Time
	before      int // the byte before it; atStart, or unknown
	data        []byte
	missing     int64  // bytes behind data that are not known
	tail        []byte // behind those
	message     *piece
	reason      error  // of an end
	note        string // a comment instead
}

// What stands before a block where it is no byte.
const (
	atStart = -1
	unknown = -2
)

func (w *writer) add(at int, b *block) *block {
	w.blocks[at] = append(w.blocks[at], b)
	return b
}

// place finds for all that came to a socket the place where it is awaited: behind the
// statement after which it came, and behind all that consume what came before it. What
// a statement of the script consumes by itself is not awaited, but for what it passes
// over: that is where it came, when more was typed in between.
func (w *writer) place(st *stream) {
	if st.born < w.j.dropped || st.job || !w.stays(st.born) {
		return
	}
	var takes []take
	for _, t := range st.takes {
		switch {
		case t.job && t.entry >= w.j.dropped:
			w.add(max(st.born, t.entry), &block{st: st, first: w.j.entry(t.entry).begun,
				note: "A job receives from " + st.name + ": what comes there is not awaited here."})
			return
		case w.stays(t.entry):
			takes = append(takes, t)
		}
	}
	floor := st.born
	before := atStart
	var last *block
	lastAt := -1
	run := 0 // messages since the last statement
	for i, p := range st.pieces {
		if run++; i == 0 || st.pieces[i-1].after != p.after {
			run = 0
		}
		for len(takes) > 0 && takes[0].to <= p.start {
			floor = max(floor, takes[0].entry)
			takes = takes[1:]
		}
		for _, r := range w.free(p, takes) {
			for _, t := range takes {
				if t.to <= r.from && t.to > t.from {
					floor = max(floor, t.entry)
				}
			}
			at := max(floor, p.after)
			floor = at
			if at < w.j.dropped || st.closed >= 0 && at >= st.closed {
				continue
			}
			if p.gone {
				w.add(at, &block{st: st, first: p.first, note: goneNote(p, r)})
				last = nil
				continue
			}
			if p.message && w.overheard(p, run) {
				w.noise(at, p)
				continue
			}
			if p.message {
				w.add(at, &block{st: st, first: p.first, last: p.last, message: p})
				continue
			}
			b := cut(p, r)
			b.before = p.byteBefore(r.from, before)
			if last != nil && lastAt == at && last.missing == 0 && r.joins {
				last.data, last.missing, last.tail = append(last.data, b.data...), b.missing, b.tail
				last.last = b.last
			} else {
				last, lastAt = w.add(at, b), at
			}
		}
		if p.end > p.start && !p.message {
			before = p.byteBefore(p.end, before)
		}
		if at := max(floor, p.after); p.reason != nil && at >= w.j.dropped && (st.closed < 0 || at < st.closed) {
			w.add(at, &block{st: st, first: p.first, last: p.last, reason: p.reason})
		}
	}
}

// span is a part of a stream.
type span struct {
	from, to int64
	joins    bool // it goes on where the one before ends
}

// free are the parts of a piece that no statement of the script consumes.
func (w *writer) free(p *piece, takes []take) (out []span) {
	from := p.start
	add := func(to int64) {
		if from < to {
			out = append(out, span{from, to, from == p.start})
		}
	}
	for _, t := range takes {
		begin := t.from
		if t.skipped > 0 && w.between(p.after, t.entry) {
			begin += t.skipped
		}
		if t.from >= p.end {
			break
		}
		if t.to <= from || begin >= p.end {
			continue
		}
		add(min(begin, p.end))
		from = max(from, t.to)
	}
	add(p.end)
	return out
}

// between reports whether something of the script stands between two entries.
func (w *writer) between(a, b int) bool {
	for n := a + 1; n < b; n++ {
		if w.stays(n) {
			return true
		}
	}
	return false
}

// byteBefore is the byte before a place of the piece; before is the one before it.
func (p *piece) byteBefore(at int64, before int) int {
	i := at - p.start
	total := p.end - p.start
	switch {
	case i == 0:
		return before
	case i <= int64(len(p.head)):
		return int(p.head[i-1])
	case len(p.tail) > 0 && i > total-int64(len(p.tail)):
		return int(p.tail[i-1-(total-int64(len(p.tail)))])
	}
	return unknown
}

// cut is a part of a piece of a stream.
func cut(p *piece, r span) *block {
	b := &block{st: p.of, first: p.first, last: p.last}
	from, to := r.from-p.start, r.to-p.start
	head, tailAt := int64(len(p.head)), p.end-p.start-int64(len(p.tail))
	if from < head {
		b.data = append(b.data, p.head[from:min(to, head)]...)
	}
	if to > tailAt {
		b.tail = p.tail[max(from, tailAt)-tailAt : to-tailAt]
	}
	b.missing = (to - from) - int64(len(b.data)) - int64(len(b.tail))
	if b.missing == 0 {
		b.data, b.tail = append(b.data, b.tail...), nil
	}
	return b
}

// A raw socket hears what is for others, too. An answer is what comes soon after a
// statement that names the socket.
const (
	answerTime = time.Second
	answers    = 4
)

// overheard reports whether a message of a raw socket may not come the next time. What
// somebody received by hand is meant to.
func (w *writer) overheard(p *piece, run int) bool {
	st := p.of
	if st.sock.Kind() != socket.Raw || p.start < st.consumed {
		return false
	}
	e := w.j.entry(p.after)
	if e == nil || p.first.Sub(e.begun) > answerTime {
		return true
	}
	return run >= answers || !slices.ContainsFunc(strings.Fields(e.unit.Text()), func(word string) bool { return word == st.name || word == "." })
}

// noise tells of a message that is not awaited, once a place.
func (w *writer) noise(at int, p *piece) {
	note := p.of.name + " hears what is for others, too: more messages came, which are not awaited."
	if !slices.ContainsFunc(w.blocks[at], func(b *block) bool { return b.note == note }) {
		w.add(at, &block{st: p.of, first: p.first, note: note})
	}
}

func goneNote(p *piece, r span) string {
	what := "bytes"
	if p.message {
		what = "messages"
	}
	return fmt.Sprintf("Here %d %s came to %s that are not kept any more.", r.to-r.from, what, p.of.name)
}
