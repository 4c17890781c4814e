package expect

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// outcome is all that a caller can see of a run over a whole stream.
type outcome struct {
	groups []Span
	taken  int64 // when it was decided
	fed    bool  // by a byte, not by the end
	hope   bool
}

func (o outcome) String() string {
	return fmt.Sprintf("%v taken %d fed %v hope %v", o.groups, o.taken, o.fed, o.hope)
}

func (o outcome) equal(p outcome) bool {
	return slices.Equal(o.groups, p.groups) && o.taken == p.taken && o.fed == p.fed && o.hope == p.hope
}

// run feeds the pieces and the end.
func run(m *Matcher, before int, pieces ...[]byte) outcome {
	m.Reset(before)
	var o outcome
	for _, p := range pieces {
		if o.fed = m.Feed(p); o.fed {
			break
		}
	}
	if !o.fed {
		m.End()
	}
	if got, ok := m.Match(); ok {
		o.groups = slices.Clone(got.Groups)
	}
	o.taken = m.Taken()
	o.hope = m.verdict != hopeless
	return o
}

// mustCompile compiles a pattern that has its automaton from the first byte on.
func mustCompile(t interface{ Fatalf(string, ...any) }, text string) *Pattern {
	p, err := Compile(text)
	if err != nil {
		t.Fatalf("%v", err)
	}
	p.cold.Store(0)
	return p
}

func drawBefore(t *rapid.T) int {
	return rapid.SampledFrom([]int{-1, '\n', '\r', 'a', ' ', 0xc3, 0xff}).Draw(t, "before")
}

// split cuts in into pieces, empty ones too.
func split(t *rapid.T, in []byte) [][]byte {
	var pieces [][]byte
	for len(in) > 0 {
		n := min(rapid.IntRange(0, 5).Draw(t, "piece"), len(in))
		pieces = append(pieces, in[:n])
		in = in[n:]
	}
	return append(pieces, nil)
}

func TestMatchIsTheReferences(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := wildShape.draw(t)
		in := wildShape.input(t, n, 6)
		before := drawBefore(t)
		o := run(mustCompile(t, n.String()).Matcher(0), before, in)
		if want := refMatch(n, in, before); !slices.Equal(o.groups, want) {
			t.Fatalf("%s on %q after %d:\n got %v\nwant %v", n, in, before, o, want)
		}
	})
}

func TestEverySplitGivesTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := wildShape.draw(t)
		in := wildShape.input(t, n, 10)
		before := drawBefore(t)
		m := mustCompile(t, n.String()).Matcher(before)
		whole := run(m, before, nil, in)
		if whole.fed && whole.taken > int64(len(in)) {
			t.Fatalf("%s took %d of %d bytes", n, whole.taken, len(in))
		}
		if got := run(m, before, split(t, in)...); !got.equal(whole) {
			t.Fatalf("%s on %q after %d:\nin pieces %v\n   at once %v", n, in, before, got, whole)
		}
		single := [][]byte{nil}
		for i := range in {
			single = append(single, in[i:i+1])
		}
		if got := run(m, before, single...); !got.equal(whole) {
			t.Fatalf("%s on %q after %d:\nbytewise %v\n at once %v", n, in, before, got, whole)
		}
	})
}

func TestMatchIsRegexps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := plainShape.draw(t)
		in := plainShape.input(t, n, 6)
		fold := rapid.SampledFrom([]string{"", "(?i)", "(?U)", "(?-m)", "(?i:x|k)?"}).Draw(t, "flags")
		p := mustCompile(t, fold+n.String())
		goText := fold + n.goString()
		o := run(p.Matcher(-1), -1, split(t, in)...)
		if want := goMatch(t, goText, in); !slices.Equal(o.groups, want) {
			t.Fatalf("%s (%s) on %q:\n got %v\nwant %v", p, goText, in, o, want)
		}
	})
}

// goString is n as package regexp writes it.
func (n *node) goString() string {
	return regexp.MustCompile(`\\u([0-9A-Fa-f]{4})`).ReplaceAllString(n.String(), `\x{$1}`)
}

func goMatch(t interface{ Fatalf(string, ...any) }, text string, in []byte) []Span {
	re, err := regexp.Compile("(?m)" + text)
	if err != nil {
		t.Fatalf("%v", err)
	}
	at := re.FindSubmatchIndex(in)
	var spans []Span
	for i := 0; i < len(at); i += 2 {
		spans = append(spans, Span{int64(at[i]), int64(at[i+1])})
	}
	return spans
}

// continuations are all texts over a small alphabet, up to n bytes.
func continuations(alphabet []byte, n int) [][]byte {
	all := [][]byte{{}}
	for from := 0; n > 0; n-- {
		to := len(all)
		for ; from < to; from++ {
			for _, b := range alphabet {
				all = append(all, append(bytes.Clone(all[from]), b))
			}
		}
	}
	return all
}

var futures = continuations([]byte{'a', ' ', '\n', '\r', 0xc3, 0xa9, 0xff}, 3)

// agreed returns the match that every future of in leads to, if they agree.
func agreed(n *node, in []byte, before int) ([]Span, bool) {
	want := refMatch(n, in, before)
	if want == nil {
		return nil, false
	}
	for _, f := range futures {
		if !slices.Equal(refMatch(n, slices.Concat(in, f), before), want) {
			return nil, false
		}
	}
	return want, true
}

func TestFinalMeansThatNoFutureChangesIt(t *testing.T) {
	var finals, late int
	rapid.Check(t, func(t *rapid.T) {
		n := smallShape.draw(t)
		in := smallShape.input(t, n, 3)
		before := drawBefore(t)
		m := mustCompile(t, n.String()).Matcher(before)
		o := run(m, before, nil, in)
		switch {
		case !o.hope:
			for _, f := range futures {
				if got := refMatch(n, slices.Concat(in[:o.taken], f), before); got != nil {
					t.Fatalf("%s on %q has no hope after %d, but %q gives %v", n, in, o.taken, f, got)
				}
			}
		case o.fed:
			finals++
			want, ok := agreed(n, in[:o.taken], before)
			if !ok || !slices.Equal(want, o.groups) {
				t.Fatalf("%s on %q is final after %d: %v, want %v, %v", n, in, o.taken, o.groups, want, ok)
			}
			if o.taken > 0 {
				if _, early := agreed(n, in[:o.taken-1], before); early {
					late++
				}
			}
		}
	})
	// A thread above that can only come to the same match delays it: (\b)?
	// where both ways mean the same. That is rare, and never wrong.
	if late > finals/20 {
		t.Errorf("%d of %d matches were reported later than at the first byte after which nothing could change them", late, finals)
	}
}
