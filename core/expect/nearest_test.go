package expect

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestNearestSaysHowFarThePatternGot(t *testing.T) {
	for _, c := range []struct{ pattern, in, fits, wants string }{
		{`^250-([A-Z]+)`, "220 mx ready\r\n250-4\r\n", "250-", "[A-Z]"},
		{`^250-([A-Z]+)`, "250-", "250-", "[A-Z]"},
		{`PONG`, "+PING\r\n", "P", `"O"`},
		{`(OK|ERROR)\n`, "O ERRO.", "ERRO", `"R"`},
		{`[a-z]+=(\d+)`, "abcdefghijklmnop x=y", "x=", "[0-9]"},
		{`a\d|HELLO WORLD`, "a. HELLO WORXX", "HELLO WOR", `"L"`},
		{`.*zzz`, "a zz9 then more than that", "a zz", `"z"`},
		{`ready$`, "ready x", "ready", `[\n\r]`},
		{`ready\b`, "readying", "ready", `[^0-9A-Z_a-z]`},
		{`done\z`, "done.", "done", "the end"},
		{`\Aabc`, "abxabc", "ab", `"c"`},
		{`\d{3} ms`, "12 ms 123 s", "123 ", `"m"`},
		{`é!`, "xé?", "é", `"!"`},
		{`(ab)*c!`, "abababX c?", "c", `"!"`},
		{`x`, "yyy", "", ""},
		{`login: `, "log\nlogin", "login", `":"`},
	} {
		p := mustCompile(t, c.pattern)
		miss, ok := p.Nearest(-1, []byte(c.in))
		got := ""
		if ok {
			got = c.in[miss.Start:miss.End]
		}
		if got != c.fits || miss.Wants != c.wants {
			t.Errorf("%s on %q: %q, then %s; want %q, then %s", c.pattern, c.in, got, miss.Wants, c.fits, c.wants)
		}
		if want := ok && int(miss.End) == len(c.in); miss.Open != want {
			t.Errorf("%s on %q: open %v", c.pattern, c.in, miss.Open)
		}
	}
}

// A pattern of ten thousand steps on megabytes must not be felt: the bound is on
// steps, so it can be counted.
func TestNearestIsBounded(t *testing.T) {
	p := mustCompile(t, `(x?){900}y{900}!`)
	in := []byte(strings.Repeat("x", 1<<20) + strings.Repeat("y", 100))
	s := missSearch{prog: p.prog, budget: missSteps, before: -1, data: in, hi: len(in)}
	s.distances()
	if s.run(len(in), s.look) || s.budget < -len(p.prog.insts)-1 {
		t.Fatalf("it went on to %d", s.budget)
	}
	if miss, ok := p.Nearest(-1, in); !ok || !miss.Open {
		t.Fatalf("%v %v", miss, ok)
	}
}

func TestNearestMessageIsTheLastOfTheNearest(t *testing.T) {
	p := mustCompile(t, `ready ([0-9]+)`)
	i, miss, ok := p.NearestMessage([][]byte{[]byte("ready x"), []byte("re"), []byte("so ready y"), []byte("no")})
	if !ok || i != 2 || miss.Start != 3 || miss.End != 9 || miss.Wants != "[0-9]" {
		t.Errorf("%d %+v %v", i, miss, ok)
	}
	if _, _, ok := p.NearestMessage([][]byte{nil, []byte("xyz")}); ok {
		t.Error("xyz came near")
	}
	many := make([][]byte, 100000)
	many[0] = []byte("ready")
	many[99999] = []byte("r")
	if i, _, ok := p.NearestMessage(many); !ok || i != 99999 {
		t.Errorf("%d %v: beyond the bound", i, ok)
	}
}

// What is called the nearest fits: some thread of the pattern has come just that far,
// and what it wants has a name.
func TestNearestIsTextThatAThreadHasTaken(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := wildShape.draw(t)
		in := wildShape.input(t, n, 8)
		before := drawBefore(t)
		p := mustCompile(t, n.String())
		if o := run(p.Matcher(before), before, in); o.groups != nil {
			return
		}
		miss, ok := p.Nearest(before, in)
		if !ok {
			return
		}
		if miss.Start < 0 || miss.Start >= miss.End || miss.End > int64(len(in)) || miss.Wants == "" || miss.Open != (miss.End == int64(len(in))) {
			t.Fatalf("%s on %q after %d: %+v", n, in, before, miss)
		}
		s := missSearch{prog: p.prog, before: before, data: in, hi: len(in)}
		s.run(int(miss.End), nil)
		var begins []int64
		for i := range s.m.cur.threads {
			begins = append(begins, s.m.cur.slots[i*s.prog.slots])
		}
		if !slices.Contains(begins, miss.Start) {
			t.Fatalf("%s on %q after %d: %+v, but the threads began at %v", n, in, before, miss, begins)
		}
	})
}
