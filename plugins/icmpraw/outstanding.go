package icmpraw

import "time"

// A state is what became of a request.
type state uint8

const (
	unsent state = iota
	pending
	answered
	failed  // an error came back
	overdue // no answer in time; one may still come
)

// request is one that was sent.
type request struct {
	n    uint64
	sent int64 // nanoseconds since 1970
	state
}

// outstanding are the last requests, as many as there is room for; the first number
// is 1. Its memory is fixed: a request that makes room for another counts as overdue.
type outstanding struct {
	ring    []request
	last    uint64 // number of the last one that was sent
	oldest  uint64 // no pending one is before it
	waiting int    // how many are pending
}

// The bounds of the ring; both powers of two.
const (
	minRing = 64
	maxRing = 1 << 16
)

// newOutstanding has room for all requests within the timeout, and for as many again
// whose late answers it can recognise.
func newOutstanding(interval, timeout time.Duration) outstanding {
	size := minRing
	for want := 2 * (int64(timeout/max(interval, 1)) + 1); int64(size) < want && size < maxRing; {
		size *= 2
	}
	return outstanding{ring: make([]request, size), oldest: 1}
}

func (o *outstanding) slot(n uint64) *request { return &o.ring[n&uint64(len(o.ring)-1)] }

// sent notes that the next request was sent.
func (o *outstanding) sent(at int64) {
	o.last++
	r := o.slot(o.last)
	if r.state == pending {
		o.waiting--
	}
	*r = request{n: o.last, sent: at, state: pending}
	o.waiting++
	if o.oldest+uint64(len(o.ring)) <= o.last {
		o.oldest = o.last - uint64(len(o.ring)) + 1
	}
}

// numbered is the request with that number; nil when none was sent or it is forgotten.
func (o *outstanding) numbered(n uint64) *request {
	if r := o.slot(n); n > 0 && r.n == n {
		return r
	}
	return nil
}

// find is the request that an answer with that number is for: the last one with those
// 16 bits. nil when none was sent or it is forgotten.
func (o *outstanding) find(seq uint16) *request {
	n := o.last - uint64(uint16(o.last)-seq)
	if n == 0 || n > o.last { // before the first: the subtraction went below 0
		return nil
	}
	return o.numbered(n)
}

// settle notes what became of a request.
func (o *outstanding) settle(r *request, s state) {
	if r.state == pending {
		o.waiting--
	}
	r.state = s
}

// next is the request that has waited longest; nil when none does.
func (o *outstanding) next() *request {
	for ; o.waiting > 0 && o.oldest <= o.last; o.oldest++ {
		if r := o.slot(o.oldest); r.n == o.oldest && r.state == pending {
			return r
		}
	}
	return nil
}
