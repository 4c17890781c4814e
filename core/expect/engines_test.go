package expect

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// onMachine is p without its automaton.
func onMachine(p *Pattern) *Pattern {
	return &Pattern{text: p.text, names: p.names, prog: p.prog}
}

// withBudget is p with an automaton of its own that holds as many bytes.
func withBudget(p *Pattern, bytes int) (*Pattern, *automaton) {
	a := newAutomaton(p.prog)
	a.budget = bytes
	return &Pattern{text: p.text, names: p.names, prog: p.prog, auto: func() *automaton { return a }}, a
}

// afterBytes is p with an automaton only when so many bytes were taken.
func afterBytes(p *Pattern, cold int) *Pattern {
	late := newPattern(p.text, p.names, p.prog)
	late.cold.Store(int64(cold))
	return late
}

// trace is what a caller sees after every piece, and at the end.
func trace(m *Matcher, before int, pieces [][]byte) []string {
	m.Reset(before)
	var seen []string
	see := func(done bool) {
		pending, ok := m.Pending()
		match, found := m.Match()
		seen = append(seen, fmt.Sprintf("done %v taken %d pending %v %v match %v %v", done, m.Taken(), pending, ok, match, found))
	}
	for _, p := range pieces {
		done := m.Feed(p)
		see(done)
		if done {
			return seen
		}
	}
	see(m.End())
	return seen
}

// sameEverywhere compares the automaton, one that forgets all the time, and the
// machine, after every piece.
func sameEverywhere(t interface{ Fatalf(string, ...any) }, p *Pattern, before int, pieces [][]byte) {
	want := trace(onMachine(p).Matcher(before), before, pieces)
	tight, _ := withBudget(p, 12<<10)
	some := 0
	for _, p := range pieces {
		some += len(p)
	}
	for name, p := range map[string]*Pattern{"automaton": p, "small automaton": tight, "late automaton": afterBytes(p, 1+some/2)} {
		m := p.Matcher(before)
		for range 2 { // the second time with what was learnt
			if got := trace(m, before, pieces); !slices.Equal(got, want) {
				t.Fatalf("%s on %q after %d:\n%s\n%s\nmachine\n%s", p, pieces, before, name, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
	}
}

func TestAutomatonIsTheMachine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.SampledFrom([]shape{wildShape, plainShape, smallShape}).Draw(t, "shape")
		n := s.draw(t)
		in := s.input(t, n, 20)
		flags := rapid.SampledFrom([]string{"", "", "(?i)", "(?U)", "(?-m)"}).Draw(t, "flags")
		sameEverywhere(t, mustCompile(t, flags+n.String()), drawBefore(t), split(t, in))
	})
}

// Patterns with many threads, many registers and many states, on long input.
var wide = []string{
	`(x?){30}x{30}`, `(?:(a)|(b)|(c)){3}(\w+)`, `[ab]*a[ab]{12}c`, `\w{50}@`, `(\w+)[^@]*@((?:[a-z]+\.)+)(\w+)$`,
	`(a*)(b*)(c*)(a*)(b*)(c*)$\r\nx`, `(?i)(err(or)?|warn(ing)?): (.*)$`, `\pL{3}\PL\pL{5}[é-ü]`, `(?s)(a.)(.b)(c.)(.a)(.*)zzz`,
	`(.)(.)(.)(.)(.)(.)(.)(.)!`, `(?:(a)|(b)|(c)|x)*@(.)`, `(?:(a)(?:b|c)*|(b)|(c))*\b(.) x(.)@`, `(?:.|[é-ü日-本])x*[^a-zé]{3}(x|[é-ü]+)[^€]\r\n`,
	`[^a-zé]{2}[é-ü日-本](x+)y`, `([^a-z日]+)[é-ü](?:(x)|([^x]))*?[à-é]{4}`, `[^ ]+@[^ ]+`, `.*zzz`, `\b(\w)\w*\b \b(\w)\w*(\W)\b$`, `(?:\xe2|.)+\x82(.*)x{3}`,
}

func wideInput(r *rand.Rand, n int) []byte {
	alphabet := [][]string{
		{"a", "b", "c"}, {"x"}, {"a", "b", " ", "x", "@", ".", "\r\n"}, {"é", "€", "x", "\xe2", "\x82", "日", "本", "\n"},
		{"error: ", "warning ", "a", "b.c", "\n", "ERR"},
		{"\xc3", "\xa9", "\xaa", "\xe6", "\x97", "\xa5", "\xa4", "\xe2", "日", "é", "ü", "x", "a"},
	}[r.IntN(6)]
	var b bytes.Buffer
	for b.Len() < n {
		b.WriteString(alphabet[r.IntN(len(alphabet))])
	}
	return b.Bytes()
}

func TestWideAutomatonIsTheMachine(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, text := range wide {

		p := mustCompile(t, text)
		for range 20 {
			in := wideInput(r, 1+r.IntN(600))
			var pieces [][]byte
			for rest := in; len(rest) > 0; {
				n := min(1+r.IntN(90), len(rest))
				pieces, rest = append(pieces, rest[:n]), rest[n:]
			}
			sameEverywhere(t, p, -1, pieces)
		}
	}
}

// Matchers of one pattern, fed in turn, make and forget each other's states.
func TestMatchersInTurnAreTheMachine(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 9))
	forgot := 0
	for _, text := range wide {
		p, a := withBudget(mustCompile(t, text), 12<<10)
		machine := onMachine(p)
		var ms [3][2]*Matcher
		for i := range ms {
			ms[i] = [2]*Matcher{p.Matcher(-1), machine.Matcher(-1)}
		}
		for range 400 {
			pair := ms[r.IntN(len(ms))]
			in := wideInput(r, 1+r.IntN(40))
			var got [2]string
			for i, m := range pair {
				done := m.Feed(in)
				pending, ok := m.Pending()
				match, _ := m.Match()
				got[i] = fmt.Sprint(done, m.Taken(), pending, ok, match)
				if done || m.Taken() > 1000 {
					m.Reset(' ')
				}
			}
			if got[0] != got[1] {
				t.Fatalf("%s on %q: %s, the machine %s", p, in, got[0], got[1])
			}
		}
		forgot += int(a.table.Load().epoch)
	}
	if forgot < 100 {
		t.Errorf("the tables were forgotten %d times: this tests little", forgot)
	}
}

// Every character, in sets of which they are some, all and none.
func TestAutomatonReadsEveryCharacter(t *testing.T) {
	for _, text := range []string{`[é-ü€日-本😀-😅]`, `[^é-ü€日-本😀-😅]`, `\pL`, `(?s).`, `[\x{80}-\x{10ffff}]`} {
		p := mustCompile(t, `\A`+text+`$`)
		re := regexp.MustCompile(text)
		m := p.Matcher(-1)
		for c := rune(0); c <= utf8.MaxRune; c++ {
			if c > 0x20000 && c%61 != 0 || !utf8.ValidRune(c) {
				continue
			}
			in := string(c)
			m.Reset(-1)
			m.Feed([]byte(in))
			if m.End() != re.MatchString(in) {
				t.Fatalf("%s on %q: %v", p, in, m.End())
			}
		}
	}
}

// A prefix is found wherever a piece ends.
func TestPrefixIsFoundOverEverySplit(t *testing.T) {
	for _, c := range []struct{ pattern, in string }{
		{`login: (\w)`, "xx loglogin: login:: login: y"},
		{`^login: (\w)`, "x\nlogin:\n login: z\nlogin: y"},
		{`\blogin\b(.)`, "xlogin login- "},
		{`aab(a)`, "aaaaaabaaaba"},
		{`€(\d)`, "\xe2\x82€€1"},
		{`\x82\xac(.)`, "€\x82€x"},
	} {
		p := mustCompile(t, c.pattern)
		want := run(onMachine(p).Matcher(-1), -1, []byte(c.in))
		if want.groups == nil {
			t.Errorf("%s does not match %q", p, c.in)
		}
		for i := range len(c.in) {
			for j := i; j <= len(c.in); j++ {
				got := run(p.Matcher(-1), -1, []byte(c.in[:i]), []byte(c.in[i:j]), []byte(c.in[j:]))
				if !got.equal(want) {
					t.Fatalf("%s on %q | %q | %q: got %v, want %v", p, c.in[:i], c.in[i:j], c.in[j:], got, want)
				}
			}
		}
	}
}

func TestAutomatonIsBoundedWhateverComes(t *testing.T) {
	p, a := withBudget(mustCompile(t, `(?:[ab]*a[ab]{16}c|\pL(\w+)\PL{4}é)$`), 64<<10)
	m := p.Matcher(-1)
	r := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		m.Feed(wideInput(r, 2000))
		bytes := 0
		tab := a.table.Load()
		for _, s := range a.known {
			bytes += s.size(a.stride)
		}
		for _, e := range tab.edges[:a.edges] {
			bytes += e.size()
		}
		if room := 4*len(tab.next) + 80*len(tab.edges); bytes > a.budget || room > 2*a.budget {
			t.Fatalf("%d bytes are known, and room for %d, with a budget of %d", bytes, room, a.budget)
		}
		if m.verdict != undecided {
			m.Reset(-1)
		}
	}
	if a.table.Load().epoch == 0 {
		t.Error("the table never was full: this tests nothing")
	}
}

// Random bytes make a state each; the machine goes on without them.
func TestAutomatonThatDoesNotPayIsLeft(t *testing.T) {
	p, _ := withBudget(mustCompile(t, `[ab]*a[ab]{24}c`), 64<<10)
	m := p.Matcher(-1)
	in := make([]byte, 20_000)
	r := rand.New(rand.NewPCG(5, 6))
	for i := range in {
		in[i] = "ab"[r.IntN(2)]
	}
	m.Feed(in)
	if m.state != nil {
		t.Fatal("still looking for transitions")
	}
	if m.Feed([]byte("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaac")) != true {
		t.Fatal("the machine lost the match")
	}
	if got, _ := m.Match(); got.Groups[0] != (Span{0, 20_031}) {
		t.Error(got)
	}
	m.Reset(-1)
	if m.Feed([]byte("ab")); m.state == nil {
		t.Error("a new search has no automaton")
	}
}

// A pattern that is used on a line has no automaton; one that sees much gets it.
func TestAutomatonIsMadeWhenItPays(t *testing.T) {
	p, err := Compile(`(\w+)@(\w+)$`)
	if err != nil {
		t.Fatal(err)
	}
	m := p.Matcher(-1)
	line := []byte("2024-01-02 host app@ ")
	for fed := 0; fed < coldBytes-len(line); fed += len(line) {
		if m.Feed(line); m.state != nil {
			t.Fatalf("an automaton after %d bytes", m.Taken())
		}
	}
	m.Feed(append(line, "me@he"...))
	if m.Feed([]byte("re\n")); m.state == nil {
		t.Fatalf("no automaton after %d bytes", m.Taken())
	}
	got, ok := m.Match()
	if end := m.Taken() - 1; !ok || !slices.Equal(got.Groups, []Span{{end - 7, end}, {end - 7, end - 5}, {end - 4, end}}) {
		t.Error(got, ok)
	}
	if m := p.Matcher(-1); m.Feed([]byte("x")) || m.state == nil {
		t.Error("the next search is without it")
	}
}

// A program too large for an automaton goes without.
func TestHugeProgramMatchesWithoutAutomaton(t *testing.T) {
	p := mustCompile(t, strings.Repeat(`(a)`, 1500)+`$`)
	if newAutomaton(p.prog) != nil {
		t.Fatal("there is one")
	}
	o := run(p.Matcher(-1), -1, bytes.Repeat([]byte("a"), 1500), []byte("\n"))
	if len(o.groups) != 1501 || o.groups[1500] != (Span{1499, 1500}) {
		t.Error(o)
	}
}

// Any number of goroutines share one automaton, while it forgets.
func TestMatchersOfOnePatternShareItSafely(t *testing.T) {
	for _, budget := range []int{cacheBytes, 24 << 10} {
		for _, text := range wide {

			p, _ := withBudget(mustCompile(t, text), budget)
			var group sync.WaitGroup
			for seed := range 4 {
				group.Go(func() {
					r := rand.New(rand.NewPCG(uint64(seed), 7))
					m := p.Matcher(-1)
					for range 10 {
						var pieces [][]byte
						for range 4 {
							pieces = append(pieces, wideInput(r, 100))
						}
						want := trace(onMachine(p).Matcher(-1), -1, pieces)
						if got := trace(m, -1, pieces); !reflect.DeepEqual(got, want) {
							t.Errorf("%s on %q:\n%s\nmachine\n%s", p, pieces, strings.Join(got, "\n"), strings.Join(want, "\n"))
							return
						}
					}
				})
			}
			group.Wait()
		}
	}
}

func TestEdgeMovesWhatItReads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const at = 1000
		old := rapid.IntRange(0, 12).Draw(t, "old")
		m := &Matcher{}
		m.needRegs(old)
		from := make([]int64, 0, 12)
		for i := range old {
			m.regs[i] = int64(i)
			if rapid.Bool().Draw(t, "kept") {
				from = append(from, regName(i))
			}
		}
		for range rapid.IntRange(0, 3).Draw(t, "new") {
			i := rapid.IntRange(0, len(from)).Draw(t, "place")
			from = slices.Insert(from, i, at-int64(rapid.IntRange(0, 1).Draw(t, "back")))
		}
		if rapid.Bool().Draw(t, "mixed") {
			from = rapid.Permutation(from).Draw(t, "from")
		}
		e := newEdge(&state{regs: len(from)}, from, at)
		m.follow(&e, at)
		for i, name := range from {
			want := name
			if r, ok := regOf(name); ok {
				want = int64(r)
			}
			if m.regs[i] != want {
				t.Fatalf("%v: register %d of %v is %d", e, i, from, m.regs[i])
			}
		}
	})
}

// A matcher's registers are as its state has chosen them, also after another
// has chosen anew.
func TestForgottenStateKeepsItsRegisters(t *testing.T) {
	_, a := withBudget(mustCompile(t, `(?:(a)|(b))*x`), cacheBytes)
	first, _ := withBudget(mustCompile(t, `(?:(a)|(b))*x`), cacheBytes)
	m := first.Matcher(-1)
	m.Feed([]byte("ab"))
	s := *m.state
	swapped := s
	swapped.slots = slices.Clone(s.slots)
	for i, r := range swapped.slots {
		if r != noReg {
			swapped.slots[i] = uint16(s.regs) - 1 - r
		}
	}
	s.epoch, swapped.epoch = 99, 99
	for range 2 {
		for _, want := range []*state{&s, &swapped} {
			if _, got := a.adopt(want); s.regs < 2 || !slices.Equal(got.slots, want.slots) {
				t.Errorf("registers %v, want %v", got.slots, want.slots)
			}
		}
	}
}
