package command

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/sosh-shell/sosh/core/expect"
	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/core/table"
)

// The clock of these tests is virtual: it stands while anything runs, and jumps to
// the next time that somebody waits for. So an arrival at a random time costs nothing,
// and what took how long can be asserted.

// arrival is a piece of a stream, and when it comes; end is what comes after it.
type arrival struct {
	at   time.Duration
	data []byte
	end  error
}

// peer is the arrivals of one stream as an expect sees them.
type peer struct {
	begin time.Time
	left  []arrival
}

func (p *peer) fill(ctx context.Context) ([]byte, error) {
	var come <-chan time.Time
	if len(p.left) > 0 {
		come = time.After(time.Until(p.begin.Add(p.left[0].at)))
	}
	select {
	case <-come:
	case <-ctx.Done():
		return nil, table.Ended(ctx)
	}
	a := p.left[0]
	p.left = p.left[1:]
	return a.data, a.end
}

// patterns are of every sort: words, greedy and lazy tails, groups, line ends, what
// only an end decides, what cannot match for ever.
var patterns = []string{
	`b`, `ab`, `a+`, `a+?`, `(a*)(b+)`, `(a|ab)(c|bcd)?`, `^b`, `a$`, `(?P<x>[ab]+)\n`, `\ba`, `(\w+) (\w+)`, `c\z`,
	`\Aab`, `(a)?b(c)?`, `é`, `[^a]+`, `\xff`, `(?s)a.*c`, `a.c`, `(b)|(c)|(\n)`, `()`,
}

func compiled(t *rapid.T) *expect.Pattern {
	p, err := expect.Compile(rapid.SampledFrom(patterns).Draw(t, "pattern"))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// step is what all times are multiples of; nothing happens at the same time as a limit
// or the end of a quiet, which lie between.
const step = 10 * time.Millisecond

// arrivals draws a stream, cut anywhere, with any time between the pieces; perhaps it
// ends.
func arrivals(t *rapid.T) (list []arrival) {
	in := slices.Concat(rapid.SliceOfN(rapid.SampledFrom([][]byte{
		[]byte("a"), []byte("b"), []byte("c"), []byte(" "), []byte("\n"), []byte("\r\n"), []byte("é"), {0xff}, {0},
	}), 0, 10).Draw(t, "in")...)
	at := time.Duration(0)
	for len(in) > 0 {
		at += step * time.Duration(rapid.IntRange(0, 9).Draw(t, "gap"))
		n := rapid.IntRange(1, len(in)).Draw(t, "piece")
		list = append(list, arrival{at: at, data: in[:n]})
		in = in[n:]
	}
	if rapid.Bool().Draw(t, "ends") {
		list = append(list, arrival{at: at + step*time.Duration(rapid.IntRange(0, 9).Draw(t, "gap")), end: socket.Ended})
	}
	return list
}

// until is what has come before a time, whether the end has, and when the byte of that
// number came.
func until(list []arrival, limit time.Duration) (data []byte, ended bool) {
	for _, a := range list {
		if a.at < limit {
			data = append(data, a.data...)
			ended = ended || a.end != nil
		}
	}
	return data, ended
}

// cameAt is when the n-th byte came, or the end where there are fewer.
func cameAt(list []arrival, n int64) time.Duration {
	for _, a := range list {
		if n -= int64(len(a.data)); n <= 0 && (len(a.data) > 0 || a.end != nil) {
			return a.at
		}
	}
	return 0
}

// outcome is what a search came to, in words: the groups, and what is left unread.
func outcome(m *expect.Matcher, data []byte) string {
	found, ok := m.Match()
	if !ok {
		return fmt.Sprintf("no match; %q is left", data)
	}
	text := ""
	for _, g := range found.Groups {
		text += fmt.Sprintf("%v ", g)
	}
	return text + fmt.Sprintf("and %q is left", data[found.Groups[0].End:])
}

// inBubble checks a property under a virtual clock.
func inBubble(t *testing.T, property func(*rapid.T)) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(struct{ testing.TB }{t}, property) // a bubble's own T has no deadline to ask for
	})
}

// TestTimesAndSplitsDecideNothing: whatever the split, and whenever the pieces come, an
// expect finds what it would have found had all come at once; at the time of the byte
// that decided; and at its limit what had come by then.
func TestTimesAndSplitsDecideNothing(t *testing.T) {
	inBubble(t, func(t *rapid.T) {
		p, list := compiled(t), arrivals(t)
		limit := step*time.Duration(rapid.IntRange(0, 60).Draw(t, "limit")) + step/2
		data, ended := until(list, limit)

		want := p.Matcher(-1)
		decided := want.Feed(data)
		if !decided && ended {
			want.End()
		}

		in := peer{time.Now(), list}
		ctx, cancel := table.WithLimit(context.Background(), limit)
		defer cancel()
		got := p.Matcher(-1)
		err := search(ctx, got, nil, in.fill)
		took := time.Since(in.begin)

		if g, w := outcome(got, data), outcome(want, data); g != w {
			t.Fatalf("%s on %v within %v:\n got %s\nwant %s", p, list, limit, g, w)
		}
		switch {
		case decided:
			if at := cameAt(list, want.Taken()); err != nil || want.Taken() > 0 && took != at {
				t.Fatalf("%s on %v: %v after %v; the byte that decides came at %v", p, list, err, took, at)
			}
		case ended:
			if !errors.Is(err, socket.Ended) {
				t.Fatalf("%s on %v: %v", p, list, err)
			}
		case !errors.Is(err, socket.Timeout) || took != limit:
			t.Fatalf("%s on %v: %v after %v of %v", p, list, err, took, limit)
		}
	})
}

// TestOnlyTheQuietThatWasAskedForDecides: with --settle the first quiet of that length
// decides as an end would, if there is something to decide; nothing else about the
// times changes anything.
func TestOnlyTheQuietThatWasAskedForDecides(t *testing.T) {
	inBubble(t, func(t *rapid.T) {
		p, list := compiled(t), arrivals(t)
		settle := step*time.Duration(rapid.IntRange(0, 8).Draw(t, "settle")) + step/2
		limit := step * 1000

		want := p.Matcher(-1)
		var data []byte
		last, decided := time.Duration(0), want.Feed(nil)
		for _, a := range append(slices.Clone(list), arrival{at: limit}) {
			if decided = decided || a.at-last > settle && want.End(); decided {
				break
			}
			last = a.at
			data = append(data, a.data...)
			if decided = want.Feed(a.data); a.end != nil {
				want.End()
				decided = true
			}
		}

		in := peer{time.Now(), list}
		ctx, cancel := table.WithLimit(context.Background(), limit)
		defer cancel()
		got := p.Matcher(-1)
		r := &race{
			settle: settle, contest: expect.NewRace(expect.Entry{Matcher: got}),
			sources: []*raced{{more: in.fill, next: make(chan struct{}, 1)}},
		}
		r.await(ctx)
		if g, w := outcome(got, data), outcome(want, data); g != w {
			t.Fatalf("%s on %v, settled by %v:\n got %s\nwant %s", p, list, settle, g, w)
		}
	})
}

// TestArrivalDecidesBetweenSockets: of two sockets the one whose match was final first
// wins, however their pieces come.
func TestArrivalDecidesBetweenSockets(t *testing.T) {
	inBubble(t, func(t *rapid.T) {
		limit := step * 1000
		var when [2]time.Duration
		var ps [2]*expect.Pattern
		var in [2]*peer
		var entries []expect.Entry
		begin := time.Now()
		for i := range in {
			list := arrivals(t)
			for j := range list { // never at the same time as the other
				list[j].at += time.Duration(i) * step / 2
			}
			ps[i], in[i] = compiled(t), &peer{begin, list}
			entries = append(entries, expect.Entry{Source: i, Matcher: ps[i].Matcher(-1)})
			m := ps[i].Matcher(-1)
			data, ended := until(list, limit)
			when[i] = limit
			switch m.Feed(data); {
			case found(m):
				if when[i] = cameAt(list, m.Taken()); m.Taken() == 0 {
					when[i] = -time.Duration(2 - i)
				}
			case ended && m.End():
				when[i] = list[len(list)-1].at
			}
		}
		ctx, cancel := table.WithLimit(context.Background(), limit)
		defer cancel()
		r := &race{contest: expect.NewRace(entries...)}
		for i := range in {
			r.sources = append(r.sources, &raced{more: in[i].fill, next: make(chan struct{}, 1)})
		}
		r.await(ctx)
		_, first, ok := r.standing()
		winner := 0
		if when[1] < when[0] {
			winner = 1
		}
		if ok != (when[winner] < limit) || ok && first.Index != winner {
			t.Fatalf("%s and %s, final at %v: %d, %v", ps[0], ps[1], when, first.Index, ok)
		}
	})
}

func found(m *expect.Matcher) bool {
	_, ok := m.Match()
	return ok
}

func TestFailureOfDecodingNamesThePlugin(t *testing.T) {
	for want, err := range map[string]error{
		"expect s 'op=1': the odd plugin: decoded 0 messages of 1, and was ended": &socket.Error{
			Op: "the odd plugin", Err: socket.Faultf(socket.Failed, "decoded 0 messages of 1, and was ended"), Hint: "mend it"},
		"expect s 'op=1': timed out": &socket.Error{Op: "recv", Place: "s x", Err: socket.Timeout, Hint: "mend it"},
	} {
		if got := expectFault("s 'op=1'", err); got.Error() != want || got.Hint != "mend it" {
			t.Errorf("%v, %s", got, got.Hint)
		}
	}
}
