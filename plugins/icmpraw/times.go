package icmpraw

import (
	"math"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

// buckets is how many a power of two is cut into: a value is known within 1/64, and
// 1.6 percent at most.
const (
	bucketBits = 6
	buckets    = 1 << bucketBits
)

// times are round trips, of which none is kept: the same memory for one and for a
// billion.
type times struct {
	n        uint64
	min, max time.Duration
	mean, m2 float64 // nanoseconds; m2 is the sum of squared distances (Welford)
	counts   [(64 - bucketBits + 1) * buckets]uint32
}

func (t *times) add(d time.Duration) {
	if t.n == 0 || d < t.min {
		t.min = d
	}
	t.max = max(t.max, d)
	t.n++
	delta := float64(d) - t.mean
	t.mean += delta / float64(t.n)
	t.m2 += delta * (float64(d) - t.mean)
	if c := &t.counts[bucketOf(d)]; *c < math.MaxUint32 {
		*c++
	}
}

func bucketOf(d time.Duration) int {
	v := uint64(max(d, 0))
	e := bits.Len64(v) - bucketBits - 1
	if e <= 0 {
		return int(v) // each its own
	}
	return e*buckets + int(v>>e)
}

// bucketValue is the middle of a bucket.
func bucketValue(i int) time.Duration {
	e := i/buckets - 1
	if e <= 0 {
		return time.Duration(i)
	}
	return time.Duration(uint64(i-e*buckets)<<e + 1<<e/2)
}

func (t *times) avg() time.Duration { return time.Duration(t.mean) }

// mdev is the standard deviation, as ping(8) means it.
func (t *times) mdev() time.Duration {
	if t.n == 0 {
		return 0
	}
	return time.Duration(math.Sqrt(t.m2 / float64(t.n)))
}

// quantile is the time that a part q of all is not above.
func (t *times) quantile(q float64) time.Duration {
	want := uint64(math.Ceil(q * float64(t.n)))
	var sum uint64
	for i, c := range t.counts {
		if sum += uint64(c); c > 0 && sum >= want {
			return min(max(bucketValue(i), t.min), t.max)
		}
	}
	return t.max
}

// maxBars bounds the width of a histogram.
const maxBars = 40

// histogram draws how many took how long, on one line, from the shortest to the
// longest of nearly all, in equal steps of the logarithm. "" when there is nothing to see.
func (t *times) histogram(width int) string {
	low, high := t.min, t.quantile(0.999)
	bars := min(maxBars, width-30)
	if width == 0 {
		bars = maxBars
	}
	if t.n < 3 || high <= low || low <= 0 || bars < 4 {
		return ""
	}
	count := make([]uint64, bars)
	step := math.Log(float64(high)/float64(low)) / float64(bars)
	for i, c := range t.counts {
		if c > 0 {
			at := int(math.Log(float64(max(bucketValue(i), low))/float64(low)) / step)
			count[min(at, bars-1)] += uint64(c)
		}
	}
	var most uint64
	for _, c := range count {
		most = max(most, c)
	}
	var b strings.Builder
	b.WriteString(millis(low) + " ms ")
	for _, c := range count {
		switch level := (c*8 + most - 1) / most; level {
		case 0:
			b.WriteRune('·')
		default:
			b.WriteRune('▁' + rune(level-1))
		}
	}
	b.WriteString(" " + millis(high) + " ms")
	return b.String()
}

// millis is a time in milliseconds as people read it: three digits that count, and
// no more than microseconds.
func millis(d time.Duration) string {
	ms := float64(d) / 1e6
	digits := 0
	switch {
	case ms < 1:
		digits = 3
	case ms < 10:
		digits = 2
	case ms < 100:
		digits = 1
	}
	return strconv.FormatFloat(ms, 'f', digits, 64)
}

// exact is a time in milliseconds for programs: to the nanosecond.
func exact(d time.Duration) string {
	return strconv.FormatFloat(float64(d)/1e6, 'f', -1, 64)
}
