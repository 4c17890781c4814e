package expect

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func wants(t interface{ Fatalf(string, ...any) }, source int, pattern string) Entry {
	return Entry{Source: source, Matcher: mustCompile(t, pattern).Matcher(-1)}
}

func forbids(t interface{ Fatalf(string, ...any) }, source int, pattern string) Entry {
	e := wants(t, source, pattern)
	e.Forbid = true
	return e
}

func messages(e Entry) Entry {
	e.Messages = true
	return e
}

func TestRace(t *testing.T) {
	feed := func(source int, text string, arrival int64) func(*Race) {
		return func(r *Race) { r.Feed(source, []byte(text), arrival) }
	}
	stop := func(source int, arrival int64) func(*Race) { return func(r *Race) { r.End(source, arrival) } }
	settle := (*Race).Settle
	none := Finish{Index: -1}
	for name, c := range map[string]struct {
		entries    []Entry
		acts       []func(*Race)
		any, every Standing
		first      Finish // by which any is decided
	}{
		"nothing came":                    {[]Entry{wants(t, 0, "a"), wants(t, 1, "b")}, nil, Open, Open, none},
		"the first in arrival":            {[]Entry{wants(t, 0, "a"), wants(t, 1, "b")}, []func(*Race){feed(1, "b", 1), feed(0, "a", 2)}, Found, Found, Finish{1, 1, 0}},
		"fed late":                        {[]Entry{wants(t, 0, "a"), wants(t, 1, "b")}, []func(*Race){feed(0, "a", 2), feed(1, "b", 1)}, Found, Found, Finish{1, 1, 0}},
		"a tie":                           {[]Entry{wants(t, 0, "a"), wants(t, 1, "b")}, []func(*Race){feed(1, "b", 1), feed(0, "xxxa", 1)}, Found, Found, Finish{0, 1, 0}},
		"one source, the fewer bytes":     {[]Entry{wants(t, 0, "abc"), wants(t, 0, "b")}, []func(*Race){feed(0, "abc", 1)}, Found, Found, Finish{1, 1, 0}},
		"one source, the same byte":       {[]Entry{wants(t, 0, "abc"), wants(t, 0, "c")}, []func(*Race){feed(0, "abc", 1)}, Found, Found, Finish{0, 1, 0}},
		"two sources between one's":       {[]Entry{wants(t, 0, "abc"), wants(t, 1, "x"), wants(t, 0, "b")}, []func(*Race){feed(0, "abc", 1), feed(1, "x", 1)}, Found, Found, Finish{2, 1, 0}},
		"final, not begun, first":         {[]Entry{wants(t, 0, "a+"), wants(t, 1, "b")}, []func(*Race){feed(0, "a", 1), feed(1, "b", 2)}, Found, Open, Finish{1, 2, 0}},
		"no byte needed":                  {[]Entry{wants(t, 0, "a"), wants(t, 1, "")}, []func(*Race){feed(0, "a", 1)}, Found, Found, Finish{1, math.MinInt64, 0}},
		"the end decides":                 {[]Entry{wants(t, 0, "a+"), wants(t, 1, "b")}, []func(*Race){feed(0, "a", 1), stop(0, 2), feed(1, "b", 3)}, Found, Found, Finish{0, 2, 0}},
		"the end ends":                    {[]Entry{wants(t, 0, "a"), wants(t, 1, "b")}, []func(*Race){stop(0, 1)}, Open, Impossible, none},
		"all ended":                       {[]Entry{wants(t, 0, "a"), wants(t, 1, `\Ab`)}, []func(*Race){stop(0, 1), feed(1, "a", 2)}, Impossible, Impossible, none},
		"quiet decides":                   {[]Entry{wants(t, 0, "a+"), wants(t, 1, "b+")}, []func(*Race){feed(1, "b", 1), settle}, Found, Open, Finish{1, math.MaxInt64, 0}},
		"quiet decides two":               {[]Entry{wants(t, 0, "xyz"), wants(t, 1, "b+"), wants(t, 0, "a+")}, []func(*Race){feed(0, "a", 1), feed(1, "b", 2), settle}, Found, Open, Finish{1, math.MaxInt64, 0}},
		"quiet decides nothing":           {[]Entry{wants(t, 0, "ab")}, []func(*Race){feed(0, "a", 1), settle, feed(0, "b", 2)}, Found, Found, Finish{0, 2, 0}},
		"forbidden first":                 {[]Entry{wants(t, 0, "ok"), forbids(t, 0, "no")}, []func(*Race){feed(0, "no ok", 1)}, Forbidden, Forbidden, Finish{1, 1, 0}},
		"forbidden later":                 {[]Entry{wants(t, 0, "ok"), forbids(t, 0, "no")}, []func(*Race){feed(0, "ok no", 1)}, Found, Found, Finish{0, 1, 0}},
		"forbidden before the last":       {[]Entry{wants(t, 0, "a"), wants(t, 0, "b"), forbids(t, 0, "no")}, []func(*Race){feed(0, "a no b", 1)}, Found, Forbidden, Finish{0, 1, 0}},
		"only forbidden, open":            {[]Entry{forbids(t, 0, "no")}, []func(*Race){feed(0, "yes", 1)}, Open, Open, none},
		"only forbidden, quiet":           {[]Entry{forbids(t, 0, "no")}, []func(*Race){feed(0, "yes", 1), settle}, Found, Found, none},
		"only forbidden, no longer quiet": {[]Entry{forbids(t, 0, "no")}, []func(*Race){settle, feed(0, "yes", 1)}, Open, Open, none},
		"only forbidden, ended":           {[]Entry{forbids(t, 0, "no")}, []func(*Race){stop(0, 1)}, Found, Found, none},
		"only forbidden, came":            {[]Entry{forbids(t, 0, "no")}, []func(*Race){feed(0, "no", 1)}, Forbidden, Forbidden, Finish{0, 1, 0}},
		"a message":                       {[]Entry{messages(wants(t, 0, `\Ab$`))}, []func(*Race){feed(0, "a", 1), feed(0, "", 2), feed(0, "b", 3)}, Found, Found, Finish{0, 3, 2}},
		"no match over two messages":      {[]Entry{messages(wants(t, 0, `ab`))}, []func(*Race){feed(0, "a", 1), feed(0, "b", 2), settle}, Open, Open, none},
		"an empty message":                {[]Entry{messages(wants(t, 0, ``))}, []func(*Race){feed(0, "", 5)}, Found, Found, Finish{0, 5, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			r := NewRace(c.entries...)
			for _, act := range c.acts {
				act(r)
			}
			s, first, ok := r.Any()
			if s != c.any || ok != (c.first != none) || ok && first != c.first {
				t.Errorf("any: %d by %v, %v, want %d by %v", s, first, ok, c.any, c.first)
			}
			if s, _, _ := r.Every(); s != c.every {
				t.Errorf("every: %d, want %d", s, c.every)
			}
		})
	}
}

// A piece is what one source brought at one time.
type arrived struct {
	source int
	at     int64
	data   []byte
}

// However the pieces of several sources are mixed on the way to it, a race ends
// as one that is fed a byte at a time, in order of arrival, does.
func TestRaceKnowsArrivalsNotCalls(t *testing.T) {
	shape := smallShape
	rapid.Check(t, func(t *rapid.T) {
		const sources = 3
		var entries []Entry
		var patterns []string
		for range rapid.IntRange(1, 5).Draw(t, "entries") {
			patterns = append(patterns, shape.draw(t).String())
			e := wants(t, rapid.IntRange(0, sources-1).Draw(t, "source"), patterns[len(patterns)-1])
			e.Forbid = rapid.Bool().Draw(t, "forbid")
			entries = append(entries, e)
		}
		var by [sources][]arrived
		var pieces []arrived
		now := int64(0)
		for range rapid.IntRange(0, 8).Draw(t, "pieces") {
			now += int64(rapid.IntRange(0, 1).Draw(t, "later"))
			a := arrived{rapid.IntRange(0, sources-1).Draw(t, "from"), now, []byte(rapid.StringOfN(rapid.SampledFrom([]rune("a \r\né")), 0, 3, -1).Draw(t, "data"))}
			pieces = append(pieces, a)
			by[a.source] = append(by[a.source], a)
		}
		r := NewRace(entries...)
		for {
			var left []int
			for s := range by {
				if len(by[s]) > 0 {
					left = append(left, s)
				}
			}
			if len(left) == 0 {
				break
			}
			s := rapid.SampledFrom(left).Draw(t, "next")
			r.Feed(s, by[s][0].data, by[s][0].at)
			by[s] = by[s][1:]
		}
		want := slowRace(t, entries, patterns, pieces)
		if got := r.Finishes(); !slices.Equal(got, want) {
			t.Fatalf("%v in %v: got %v, want %v", pieces, patterns, got, want)
		}
		if _, first, ok := r.Any(); ok != (len(want) > 0) || ok && first != want[0] {
			t.Fatalf("first %v, want %v", first, want)
		}
	})
}

// slowRace takes the arrivals one by one, in each the sources in order of
// mention, in each of these a byte at a time, and after each the entries.
func slowRace(t *rapid.T, entries []Entry, patterns []string, pieces []arrived) []Finish {
	var ms []*Matcher
	for _, p := range patterns {
		ms = append(ms, onMachine(mustCompile(t, p)).Matcher(-1))
	}
	var done []Finish
	finished := make([]bool, len(ms))
	look := func(source int, b []byte, at int64) {
		for i, e := range entries {
			if e.Source != source || finished[i] || !ms[i].Feed(b) {
				continue
			}
			finished[i] = true
			if _, ok := ms[i].Match(); ok {
				done = append(done, Finish{Index: i, Arrival: at})
			}
		}
	}
	var mention []int
	for _, e := range entries {
		if !slices.Contains(mention, e.Source) {
			mention = append(mention, e.Source)
		}
	}
	for _, s := range mention {
		look(s, nil, math.MinInt64)
	}
	last := int64(0)
	for _, p := range pieces {
		last = max(last, p.at)
	}
	for at := range last + 1 {
		for _, s := range mention {
			for _, p := range pieces {
				if p.source != s || p.at != at {
					continue
				}
				for i := range p.data {
					look(s, p.data[i:i+1], at)
				}
			}
		}
	}
	return done
}

func TestRaceGivesTheMatch(t *testing.T) {
	r := NewRace(wants(t, 3, `a(b)`), messages(wants(t, 4, `x(y)`)))
	r.Feed(3, []byte("zab"), 1)
	r.Feed(4, []byte("..xy"), 2)
	r.Feed(4, []byte("xy"), 3) // the match stays that of the first
	if n := testing.AllocsPerRun(10, func() { r.Feed(3, []byte("ab"), 4); r.Any() }); n != 0 {
		t.Errorf("%v allocations for a piece", n)
	}
	for i, want := range [][]Span{{{1, 3}, {2, 3}}, {{2, 4}, {3, 4}}} {
		if got, ok := r.entries[i].Matcher.Match(); !ok || !slices.Equal(got.Groups, want) {
			t.Errorf("entry %d: %v, want %v", i, got, want)
		}
	}
}
