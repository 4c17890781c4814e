package icmpraw

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestTimesAreWhatTheyWouldBeIfAllWereKept(t *testing.T) {
	var all []float64
	var got times
	r := rand.New(rand.NewPCG(1, 2))
	for range 10000 {
		d := time.Duration(math.Exp(r.NormFloat64())*1e5) + 1
		all = append(all, float64(d))
		got.add(d)
	}
	slices.Sort(all)
	sum, squares := 0.0, 0.0
	for _, v := range all {
		sum += v
		squares += v * v
	}
	mean := sum / float64(len(all))
	for _, c := range []struct {
		name      string
		got, want float64
		within    float64
	}{
		{"min", float64(got.min), all[0], 0},
		{"max", float64(got.max), all[len(all)-1], 0},
		{"avg", float64(got.avg()), mean, 1},
		{"mdev", float64(got.mdev()), math.Sqrt(squares/float64(len(all)) - mean*mean), 2},
		{"median", float64(got.quantile(0.5)), all[len(all)/2-1], 0.016 * all[len(all)/2]},
		{"p99", float64(got.quantile(0.99)), all[len(all)*99/100-1], 0.016 * all[len(all)*99/100]},
	} {
		if math.Abs(c.got-c.want) > c.within {
			t.Errorf("%s is %v, want %v", c.name, c.got, c.want)
		}
	}
}

func TestEveryTimeHasABucketThatHoldsIt(t *testing.T) {
	var v times
	for _, d := range []time.Duration{-1, 0, 1, 63, 64, 127, 128, 129, 1000, time.Millisecond, time.Hour, math.MaxInt64} {
		i := bucketOf(d)
		if i < 0 || i >= len(v.counts) {
			t.Fatalf("%v: bucket %d of %d", d, i, len(v.counts))
		}
		if got := bucketValue(i); math.Abs(float64(got-max(d, 0))) > float64(max(d, 0))/64 {
			t.Errorf("%v: bucket %d stands for %v", d, i, got)
		}
		v.add(d)
	}
	if v.histogram(0) != "" {
		t.Error("a histogram of times that are no times")
	}
}

func TestHistogramIsOneLineOfTheWidth(t *testing.T) {
	var v times
	for i := range 1000 {
		v.add(time.Duration(100+i%300) * time.Microsecond)
	}
	for _, width := range []int{0, 40, 60, 200} {
		h := v.histogram(width)
		if !strings.HasPrefix(h, "0.100 ms ") || !strings.HasSuffix(h, " ms") || strings.Contains(h, "\n") {
			t.Errorf("width %d: %q", width, h)
		}
		if n := len([]rune(h)); width > 0 && n > width {
			t.Errorf("width %d: %d columns", width, n)
		}
	}
	if h := v.histogram(20); h != "" {
		t.Errorf("no room, and yet %q", h)
	}
}

func TestOutstandingForgetsTheOldestFirstAndCountsWhoWaits(t *testing.T) {
	o := newOutstanding(time.Second, time.Second)
	if len(o.ring) != minRing {
		t.Fatalf("%d places", len(o.ring))
	}
	if got := newOutstanding(time.Nanosecond, time.Hour); len(got.ring) != maxRing {
		t.Errorf("%d places", len(got.ring))
	}
	for i := range 200 {
		o.sent(int64(i + 1))
	}
	if o.last != 200 || o.waiting != minRing || o.next().n != 200-minRing+1 {
		t.Errorf("last %d, waiting %d, next %+v", o.last, o.waiting, o.next())
	}
	if o.find(100) != nil || o.find(0) != nil || o.find(201) != nil {
		t.Error("found what is forgotten or was never sent")
	}
	r := o.find(200)
	if r == nil || r.sent != 200 {
		t.Fatalf("found %+v", r)
	}
	o.settle(r, answered)
	o.settle(r, answered)
	if o.waiting != minRing-1 {
		t.Errorf("%d wait", o.waiting)
	}
	for r := o.next(); r != nil; r = o.next() {
		o.settle(r, overdue)
	}
	if o.waiting != 0 {
		t.Errorf("%d wait", o.waiting)
	}
}

func TestOutstandingTellsNumbersWithTheSameSeqApart(t *testing.T) {
	o := newOutstanding(time.Millisecond, time.Second)
	for range 1<<16 + 10 {
		o.sent(1)
	}
	if r := o.find(5); r == nil || r.n != 1<<16+5 {
		t.Errorf("found %+v", r)
	}
	if r := o.find(11); r != nil {
		t.Errorf("found %+v: one that is forgotten", r)
	}
}

func TestIDsAreNotSharedAndComeBack(t *testing.T) {
	r := registry{used: map[uint16]bool{}}
	seen := map[uint16]bool{}
	for range 1<<16 - 1 {
		id, err := r.take()
		if err != nil || id == 0 || seen[id] {
			t.Fatal(id, err)
		}
		seen[id] = true
	}
	if id, err := r.take(); err == nil {
		t.Fatalf("one too many: %d", id)
	}
	r.release(77)
	if id, err := r.take(); err != nil || id != 77 {
		t.Error(id, err)
	}
}

func TestChecksumOfAnyLength(t *testing.T) {
	slow := func(b []byte) uint16 { // RFC 1071, as it is written
		sum := 0
		for i := 0; i < len(b); i += 2 {
			sum += int(b[i]) << 8
			if i+1 < len(b) {
				sum += int(b[i+1])
			}
		}
		for sum > 0xffff {
			sum = sum>>16 + sum&0xffff
		}
		return ^uint16(sum)
	}
	b := make([]byte, 2000)
	for i := range b {
		b[i] = byte(rand.Uint32() | 0xf0)
	}
	for n := range b {
		if got, want := checksum(b[:n]), slow(b[:n]); got != want {
			t.Fatalf("%d bytes: %#x, want %#x", n, got, want)
		}
	}
}
