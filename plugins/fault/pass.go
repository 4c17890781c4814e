package fault

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// outcome says whether a direction goes on.
type outcome int

const (
	goesOn outcome = iota
	ended
)

// pass does the harm to m, which it may not keep, and puts what is left on its way.
func (d *direction) pass(m sdk.Message) outcome {
	h := d.f.harm.Load()
	if !d.harmed(h) {
		h = &harm{}
	}
	if d.over {
		d.count(m)
		return ended
	}
	if d.chance == nil || d.seed != h.seed {
		d.seed, d.chance = h.seed, rand.New(rand.NewPCG(uint64(h.seed), d.which))
	}
	m.Data = slices.Clone(m.Data)
	first := d.passed // how many units came before
	if d.f.stream {
		return d.passBytes(h, m.Data, first)
	}
	d.passed++
	n := d.passed
	switch {
	case n == h.drop, h.loss > 0 && d.chance.Int64N(100) < h.loss:
		d.f.dropped.Add(1)
	default:
		if n == h.corrupt && len(m.Data) > 0 {
			m.Data[0] = ^m.Data[0]
			d.f.corrupted.Add(1)
		}
		d.put(h, m)
		if n == h.duplicate {
			d.f.duplicated.Add(1)
			d.put(h, m)
		}
	}
	return d.after(h, n)
}

// passBytes is pass for a stream. b belongs to it.
func (d *direction) passBytes(h *harm, b []byte, first int64) outcome {
	stop := int64(0)
	for _, at := range []int64{h.reset, h.close} {
		if at > 0 && (stop == 0 || at < stop) {
			stop = at
		}
	}
	if stop > 0 && first < stop && first+int64(len(b)) >= stop {
		d.f.dropped.Add(first + int64(len(b)) - stop)
		b = b[:stop-first]
	}
	d.passed += int64(len(b))
	index := func(n int64) (int, bool) { // of the n-th byte in b
		i := n - 1 - first
		return int(i), n > 0 && i >= 0 && i < int64(len(b))
	}
	if i, ok := index(h.corrupt); ok {
		b[i] = ^b[i]
		d.f.corrupted.Add(1)
	}
	drop, drops := index(h.drop)
	twice, doubles := index(h.duplicate)
	if doubles && !(drops && drop == twice) {
		d.f.duplicated.Add(1)
		b = slices.Insert(b, twice, b[twice])
		if drops && drop > twice {
			drop++
		}
	}
	if drops {
		d.f.dropped.Add(1)
		b = slices.Delete(b, drop, drop+1)
	}
	step := len(b)
	if h.rate > 0 {
		step = max(h.rate/50, 1) // so that it flows, and does not jump
	}
	for len(b) > 0 {
		n := min(step, len(b))
		d.put(h, sdk.Message{Data: b[:n:n]})
		b = b[n:]
	}
	return d.after(h, d.passed)
}

// after does what is to happen after so many.
func (d *direction) after(h *harm, n int64) outcome {
	switch {
	case h.reset > 0 && n == h.reset:
		d.queue.put(piece{due: d.last, reset: true})
	case h.close > 0 && n == h.close:
		d.over = true
		if d.which == 1 {
			d.queue.put(piece{due: d.last, close: true})
		}
		return ended
	}
	return goesOn
}

// count counts what comes after the end.
func (d *direction) count(m sdk.Message) {
	n := int64(1)
	if d.f.stream {
		n = int64(len(m.Data))
	}
	d.f.dropped.Add(n)
}

// put puts m on its way: it is due when what came before is, and its delay is over.
func (d *direction) put(h *harm, m sdk.Message) {
	now := time.Now()
	wait := h.delay
	if h.jitter > 0 {
		wait += time.Duration(d.chance.Int64N(int64(h.jitter) + 1))
	}
	due := now.Add(wait)
	if h.rate > 0 {
		// What is sent takes its time, one after the other; then comes the way.
		begin := now
		if free := d.last.Add(-wait); free.After(begin) {
			begin = free
		}
		due = begin.Add(time.Duration(float64(len(m.Data))/float64(h.rate)*float64(time.Second)) + wait)
	}
	if due.Before(d.last) {
		due = d.last
	}
	d.last = due
	if due.After(now) {
		d.f.delayed.Add(1)
	}
	d.queue.put(piece{m: m, due: due})
}
