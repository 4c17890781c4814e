package journal

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"time"
)

// slow is from when on a wait is longer than scripts wait.
const slow = 3 * time.Second

// limit is the time for a wait that took d: at least the usual one.
func limit(d time.Duration) string {
	return "--timeout " + strconv.Itoa(max(10, int(math.Ceil(3*d.Seconds())))) + "s"
}

// edits are what must change of an entry so that it does the same again.
func (w *writer) edits(n int) []edit {
	t, e := w.read(n), w.j.entry(n)
	t.edits = nil
	if c := t.only("open", "accept"); c != nil && !t.has(c, "-n", "--name", "--each") {
		if born := w.bornIn(n); len(born) == 1 {
			t.add(c, "-n "+born[0].name)
		}
	}
	if d := max(e.ended.Sub(e.begun), w.waited(n)); d > slow && len(t.calls) == 1 {
		c := t.calls[0]
		if slices.Contains([]string{"open", "connect", "accept", "recv", "expect", "wrap"}, name(c)) && !t.has(c, "--timeout", "--each") {
			t.add(c, limit(d))
		}
	}
	if c := t.only("recv"); c != nil && t.reads(c) {
		if words := w.amount(n); words != "" {
			t.add(c, words)
		}
	}
	for port := range w.ports {
		if len(numberIn(t.text, strconv.Itoa(int(port)))) > 0 {
			if x, ok := w.portAt(port, n); ok {
				t.replacePort(port, x)
			}
		}
	}
	return t.edits
}

// taken is what one entry consumed of one socket.
type taken struct {
	take
	st *stream
}

// index finds what each entry consumed.
func (j *Journal) index() map[int][]taken {
	out := map[int][]taken{}
	for _, st := range j.order {
		for _, t := range st.takes {
			if !t.job {
				out[t.entry] = append(out[t.entry], taken{t, st})
			}
		}
	}
	return out
}

// pieces are those in which it came.
func (t taken) pieces() []*piece {
	all := t.st.pieces
	from, _ := slices.BinarySearchFunc(all, t.from, func(p *piece, at int64) int { return cmp.Compare(p.end, at+1) })
	to := from
	for to < len(all) && all[to].start < t.to {
		to++
	}
	return all[from:to]
}

// waited is how long after the statement before it what an entry consumes was there.
func (w *writer) waited(n int) (d time.Duration) {
	for _, t := range w.taken[n] {
		for _, p := range t.pieces() {
			if e := w.j.entry(p.after); e != nil {
				d = max(d, p.last.Sub(e.begun))
			}
		}
	}
	return d
}

// bornIn are the sockets that an entry made.
func (w *writer) bornIn(n int) (list []*stream) {
	for _, st := range w.j.order {
		if st.born == n && !st.job {
			list = append(list, st)
		}
	}
	return list
}

// amount makes a recv that took what one read gave take the same again: up to the end
// of the same text, or as many bytes.
func (w *writer) amount(n int) string {
	if len(w.taken[n]) != 1 {
		return ""
	}
	took := w.taken[n][0]
	var data []byte
	for _, p := range took.pieces() {
		if p.message {
			return ""
		}
		from, to := max(p.start, took.from), min(p.end, took.to)
		if from < to && !p.gone && to-p.start <= int64(len(p.head)) {
			data = append(data, p.head[from-p.start:to-p.start]...)
		}
	}
	const most = 2 << 10
	if n := took.to - took.from; int64(len(data)) != n || n > most || binary(data) || data[n-1] != '\n' {
		return "--bytes " + strconv.FormatInt(n, 10)
	}
	p, _ := w.pattern(data)
	return `--until '\A` + p + "'"
}
