package expect

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// A row feeds in and checks what is found and when. final is the number of
// bytes after which it was decided, end when only the end decides.
type row struct {
	pattern string
	before  int // 0 means none
	in      string
	want    string // "START-END TEXT" of every group, or none
	final   int
}

const end = -1

func (r row) check(t *testing.T, p *Pattern) {
	t.Helper()
	before := r.before
	if before == 0 {
		before = -1
	}
	p.cold.Store(0)
	m := p.Matcher(before)
	pieces := [][]byte{nil}
	for i := range len(r.in) {
		pieces = append(pieces, []byte{r.in[i]})
	}
	bytewise := run(m, before, pieces...)
	o := run(m, before, []byte(r.in))
	if !bytewise.equal(o) {
		t.Errorf("%s on %q: bytewise %v, at once %v", p, r.in, bytewise, o)
	}
	if got := spansText(o.groups, r.in); got != r.want {
		t.Errorf("%s on %q: got %s, want %s", p, r.in, got, r.want)
	}
	final := end
	if o.fed {
		final = int(o.taken)
	}
	if final != r.final {
		t.Errorf("%s on %q: decided after %d, want %d", p, r.in, final, r.final)
	}
}

func spansText(spans []Span, in string) string {
	if spans == nil {
		return "none"
	}
	var words []string
	for _, s := range spans {
		if s.Start < 0 {
			words = append(words, "unset")
			continue
		}
		words = append(words, fmt.Sprintf("%d-%d %q", s.Start, s.End, in[s.Start:s.End]))
	}
	return strings.Join(words, ", ")
}

func TestLanguage(t *testing.T) {
	for _, r := range []row{
		// The cursor and the byte before it.
		{`\Aab`, 0, "abab", `0-2 "ab"`, 2},
		{`\Aab`, 0, "xab", `none`, 1},
		{`\Ab`, 'a', "b", `0-1 "b"`, 1},
		{`^b`, 'a', "b\nb", `2-3 "b"`, 3},
		{`^b`, '\n', "b", `0-1 "b"`, 1},
		{`^b`, '\r', "b", `none`, end},
		{`^b`, 0, "b", `0-1 "b"`, 1},
		{`\bb`, 'a', "b b", `2-3 "b"`, 3},
		{`\Bb`, 'a', "b", `0-1 "b"`, 1},
		{`\bb`, 0xff, "b", `0-1 "b"`, 1},

		// Lines end in \n or \r\n.
		{`^hi$`, 0, "hi\r\n", `0-2 "hi"`, 4},
		{`^hi$`, 0, "hi\n", `0-2 "hi"`, 3},
		{`^hi$`, 0, "hi", `0-2 "hi"`, end},
		{`^hi$`, 0, "hi\r", `none`, end},
		{`^hi$`, 0, "hi\rx", `none`, end},
		{`^hi$`, 0, "hi\r\rhi\r\n", `none`, end},
		{`^hi\r$`, 0, "hi\r\n", `0-3 "hi\r"`, 4},
		{`$\r\n`, 0, "hi\r\n", `2-4 "\r\n"`, 4},
		{`$\r\z`, 0, "hi\r", `none`, end},
		{`^x`, 0, "a\rx\r\nx", `5-6 "x"`, 6},
		{`a\z`, 0, "a\na", `2-3 "a"`, end},
		{`(?-m)a$`, 0, "a\na", `2-3 "a"`, end},
		{`(?-m)^a`, '\n', "ba", `none`, 1},

		// The dot.
		{`.+`, 0, "ab\r\n", `0-2 "ab"`, 3},
		{`.+`, 0, "ab\n", `0-2 "ab"`, 3},
		{`(?s).+b`, 0, "a\r\nb", `0-4 "a\r\nb"`, end},
		{`(?s:.)(.)?`, 0, "\r\n", `0-1 "\r", unset`, 2},
		{`((?s).).?`, 0, "\r\n", `0-1 "\r", 0-1 "\r"`, 2},
		{`(?s)a(?-s:.)?`, 0, "a\n", `0-1 "a"`, 2},
		{`[.]`, 0, "a.", `1-2 "."`, 2},
		{`\Q.\d\E.`, 0, `x.\dy`, `1-5 ".\\dy"`, 5},
		{`.|\r`, 0, "\r", `0-1 "\r"`, 1},
		{`(?:.|\n)+`, 0, "a\nb\r", `0-3 "a\nb"`, 4},
		{`[^a]`, 0, "\r", `0-1 "\r"`, 1},

		// Characters, valid and not.
		{`^.$`, 0, "€\n", `0-3 "€"`, 4},
		{`^.$`, 0, "\xe2\x82\n", `none`, end},
		{`^..$`, 0, "\xe2\x82\n", `0-2 "\xe2\x82"`, 3},
		{`.`, 0, "\xff", `0-1 "\xff"`, 1},
		{`.`, 0, "\xe2\x82", `0-1 "\xe2"`, end},
		{`.`, 0, "\xe2\x82\xac", `0-3 "€"`, 3},
		{`.`, 0, "\xe2\x82x", `0-1 "\xe2"`, 3},
		{`\x{fffd}`, 0, "a\xffb", `1-2 "\xff"`, 2},
		{`\x{fffd}`, 0, "a\xef\xbf\xbdb", "1-4 \"\ufffd\"", 4},
		{`[^a]`, 0, "\xff", `0-1 "\xff"`, 1},
		{`[^€]`, 0, "€a", `3-4 "a"`, 4},
		{`[é-ü]`, 0, "eêb", `1-3 "ê"`, 3},
		{`\pL+\P{L}`, 0, "1æøå,", `1-8 "æøå,"`, 8},
		{`(?i)straße`, 0, "STRAßE", `0-7 "STRAßE"`, 7},
		{`(?i)k`, 0, "\u212a", "0-3 \"\u212a\"", 3},
		{`[[:alpha:]]+`, 0, "ab1", `0-2 "ab"`, 3},
		{`.`, 0, "\xed\xa0\x80", `0-1 "\xed"`, 2},
		{`.`, 0, "\xc0\x80", `0-1 "\xc0"`, 1},
		{`.`, 0, "\xf4\x90\x80\x80", `0-1 "\xf4"`, 2},
		{`.`, 0, "\xf0\x9f\x98\x80", `0-4 "😀"`, 4},
		{`\b.`, 'a', "\xe2 b", `0-1 "\xe2"`, 2},
		{`\b.`, ' ', "\xe2 b", `2-3 "b"`, 3},
		{`.(?:\z|\B)`, 0, "\xe2 ", `0-1 "\xe2"`, 2},

		// Bytes.
		{`\xff`, 0, "a\xff", `1-2 "\xff"`, 2},
		{`\xe2`, 0, "a€", `1-2 "\xe2"`, 2},
		{`\x82`, 0, "a€", `2-3 "\x82"`, 3},
		{`\xe2\x82\xac`, 0, "a€", `1-4 "€"`, 4},
		{`\xe2.`, 0, "€ ", `0-2 "\xe2\x82"`, 2},
		{`\xe2|€`, 0, "€", `0-1 "\xe2"`, 1},
		{`€|\xe2`, 0, "€", `0-3 "€"`, 3},
		{`€|\xe2`, 0, "\xe2x", `0-1 "\xe2"`, 2},
		{`(?:\xe2|\xe3)+`, 0, "\xe3\xe2\xe3.", `0-3 "\xe3\xe2\xe3"`, 4},
		{`\xff*b`, 0, "a\xff\xffb", `1-4 "\xff\xffb"`, 4},
		{`\x41`, 0, "A", `0-1 "A"`, 1},
		{`\x{e9}`, 0, "\xe9é", `1-3 "é"`, 3},
		{`\u00e9`, 0, "\xe9é", `1-3 "é"`, 3},
		{`(?i)\u00e9`, 0, "É", `0-2 "É"`, 2},
		{`[\xff]`, 0, "a\xff", `1-2 "\xff"`, 2},
		{`[a\xe2]`, 0, "€", `0-1 "\xe2"`, 1},
		{`[\x80-\xff]+`, 0, "aéb", `1-3 "é"`, 4},
		{`[\x00-\xff]{3}`, 0, "\r\n\xff", `0-3 "\r\n\xff"`, 3},
		{`[^\x80-\xff]+`, 0, "éab€", `2-4 "ab"`, 5},
		{`[^\xe2]`, 0, "€é", `3-5 "é"`, 5},
		{`[^a\xff]`, 0, "a\xff\xfe", `2-3 "\xfe"`, 3},
		{`(?i)[^a\xff]`, 0, "A\xffb", `2-3 "b"`, 3},
		{`[^\xe2]|[^\xe3€]`, 0, "€", `none`, end},
		{`[^a]|\xe2`, 0, "€", `0-3 "€"`, 3},
		{`(?:[^a]|\xe2)\x82`, 0, "€ ", `0-2 "\xe2\x82"`, 4},
		{`(?:[^a]|\x82)+\xac`, 0, "€a", `1-3 "\x82\xac"`, 4},

		// Escapes.
		{`\e\[0m`, 0, "\x1b[0m", `0-4 "\x1b[0m"`, 4},
		{`a\0b`, 0, "a\x00b", `0-3 "a\x00b"`, 3},
		{`[\0\e]`, 0, "a\x1b", `1-2 "\x1b"`, 2},
		{`\r\n\t\a\\`, 0, "\r\n\t\a\\", `0-5 "\r\n\t\a\\"`, 5},
		{`[\r\n\t\a\\]{5}`, 0, "\r\n\t\a\\", `0-5 "\r\n\t\a\\"`, 5},
		{`[\u20ac]`, 0, "€", `0-3 "€"`, 3},
		{`[\u0061-\x63]`, 0, "xc", `1-2 "c"`, 2},
		{`\d+\.`, 0, "a12.", `1-4 "12."`, 4},
		{`[\d\-\]]+x`, 0, "1-]x", `0-4 "1-]x"`, 4},
		{`[]a]+x`, 0, "]ax", `0-3 "]ax"`, 3},
		{`[^]a]`, 0, "]ax", `2-3 "x"`, 3},

		// Leftmost-first, captures.
		{`([0-9]+)`, 0, "a12 ", `1-3 "12", 1-3 "12"`, 4},
		{`([0-9]+)`, 0, "a12", `1-3 "12", 1-3 "12"`, end},
		{`a|ab`, 0, "ab", `0-1 "a"`, 1},
		{`ab|a`, 0, "ab", `0-2 "ab"`, 2},
		{`ab|a`, 0, "ac", `0-1 "a"`, 2},
		{`(a)|(b)`, 0, "b", `0-1 "b", unset, 0-1 "b"`, 1},
		{`(a){0}b`, 0, "b", `0-1 "b", unset`, 1},
		{`(?P<x>a+?)b`, 0, "aab", `0-3 "aab", 0-2 "aa"`, 3},
		{`a+?`, 0, "aa", `0-1 "a"`, 1},
		{`b*`, 0, "ab", `0-0 ""`, 1},
		{`(|a)+`, 0, "aa", `0-0 "", 0-0 ""`, 0},
		{``, 0, "a", `0-0 ""`, 0},
		{`(?U)a+`, 0, "aa", `0-1 "a"`, 1},

		// When.
		{`login: `, 0, "x login: ", `2-9 "login: "`, 9},
		{`^`, 'a', "a\n", `2-2 ""`, 2},
		{`ok\b`, 0, "ok", `0-2 "ok"`, end},
		{`ok\b`, 0, "ok ", `0-2 "ok"`, 3},
		{`ok\b`, 0, "oka", `none`, end},
		{`a\bb|a`, 0, "ab", `0-1 "a"`, 1},
		{`a$b|a`, 0, "ab", `0-1 "a"`, 1},
		{`a\zb|a`, 0, "ab", `0-1 "a"`, 1},
		{`a[é]|a`, 0, "a\xe2", `0-1 "a"`, 2},
		{`a[€]|a`, 0, "a\xe2\x83", `0-1 "a"`, 3},
		{`a.*`, 0, "abc\r", `0-3 "abc"`, 4},
		{`(?s)a.*`, 0, "abc\r", `0-4 "abc\r"`, end},
		{`\A\b\B`, 0, "a", `none`, 0},
		{`[^\x{0}-\x{10ffff}]`, 0, "a", `none`, 0},
		{`(?:^(?:a|b\n))+^c`, 0, "a.\nb\nc", `3-6 "b\nc"`, 6},
	} {
		p, err := Compile(r.pattern)
		if err != nil {
			t.Error(err)
			continue
		}
		r.check(t, p)
	}
}

func TestBadPatternNamesThePlace(t *testing.T) {
	for pattern, want := range map[string]string{
		`a(`:                           `missing closing )`,
		`a)`:                           `unexpected )`,
		`x[a`:                          `missing closing ] for "[a"`,
		`x\`:                           `a backslash at the end: write \\ for a backslash`,
		`a\01`:                         `"\01" can be read in two ways: write \x00 before a digit`,
		`[\01]`:                        `"\01" can be read in two ways: write \x00 before a digit`,
		`xa**`:                         `invalid nested repetition operator: "**"`,
		`*a`:                           `missing argument to repetition operator: "*"`,
		`x(a{1000}){1000}`:             `invalid repeat count: "{1000}"`,
		`.{900}[ab]{900}`:              ``,
		`(\w\d\s{900}){2}`:             `invalid repeat count: "{2}"`,
		strings.Repeat(`a{1000}`, 11):  `it needs more than 10000 steps: use smaller repeat counts`,
		strings.Repeat(`é{999}`, 6):    `it needs more than 10000 steps: use smaller repeat counts`,
		`x[\xff-\x{ff}]`:               `"\xff-\x{ff}" is a range from a byte to a character: write \x{HH} for the character`,
		`x[\xff-\xfe]`:                 `invalid character class range: "\xff-\xfe"`,
		`x[z-a]`:                       `invalid character class range: "z-a"`,
		`x[^z-a\xff]`:                  `invalid character class range: "z-a"`,
		`x[a-\d]`:                      `invalid escape sequence: "\d"`,
		`x\p{Nope}`:                    `invalid character class range: "\p{Nope}"`,
		`x\8`:                          `invalid escape sequence: "\8"`,
		`x\x1`:                         `"\x1": \x needs two hex digits`,
		`x\x{1`:                        `"\x{1": missing closing }`,
		`x\x{110000}`:                  `"\x{110000}" is not a character`,
		`x\x{d801}`:                    `"\x{d801}" is not a character`,
		`x[\x{dc80}]`:                  `"\x{dc80}" is not a character`,
		`x\udc80`:                      `"\udc80" is half of a surrogate pair, not a character`,
		`x\u12`:                        `"\u12": \u needs four hex digits`,
		"x\xff":                        `invalid UTF-8: write \xHH for a byte`,
		`x(?z)`:                        `invalid or unsupported Perl syntax: "(?z"`,
		`x(?i`:                         `invalid or unsupported Perl syntax: "(?i"`,
		`(?P<a>x)(?P<a>y)`:             `two groups have the name "a"`,
		strings.Repeat(`[^\xff]`, 600): `too many negated classes with bytes`,
	} {
		_, err := Compile(pattern)
		if want == "" {
			if err != nil {
				t.Errorf("%v", err)
			}
			continue
		}
		pe, ok := errors.AsType[*Error](err)
		if !ok || pe.Pattern != pattern || pe.Reason != want {
			t.Errorf("%.40s: %v\nwant %s", pattern, err, want)
		}
	}
	_, err := Compile("a(")
	if got := fmt.Sprint(err); got != `bad pattern "a(": missing closing )` {
		t.Error(got)
	}
}

func TestLiteral(t *testing.T) {
	for _, r := range []row{
		{`a.b`, 0, "axb a.b", `4-7 "a.b"`, 7},
		{"\xa9\x00(", 0, "é\x00(", `1-4 "\xa9\x00("`, 4},
		{``, 0, "a", `0-0 ""`, 0},
	} {
		p, err := Literal(r.pattern)
		if err != nil {
			t.Fatal(err)
		}
		r.check(t, p)
	}
	if _, err := Literal(strings.Repeat("a", maxProgram)); err == nil {
		t.Error("a literal without bound")
	}
}

func TestHexPattern(t *testing.T) {
	for _, r := range []row{
		{`00 ?? (?? ??)`, 0, "x\x00\xe2\x82\xac", `1-5 "\x00€", 3-5 "\x82\xac"`, 5},
		{`0D0a`, 0, "ab\r\n", `2-4 "\r\n"`, 4},
		{` fF (?? (fe) ) `, 0, "\xff\n\xfe", `0-3 "\xff\n\xfe", 1-3 "\n\xfe", 2-3 "\xfe"`, 3},
		{`() 82`, 0, "€", `1-2 "\x82", 1-1 ""`, 2},
	} {
		p, err := HexPattern(r.pattern)
		if err != nil {
			t.Fatal(err)
		}
		r.check(t, p)
	}
	for text, want := range map[string]string{
		``:                                 `it has no byte`,
		` () `:                             `it has no byte`,
		`0`:                                `"0" at byte 1 is neither two hex digits nor ??`,
		`00 0g`:                            `"0g" at byte 4 is neither two hex digits nor ??`,
		`00 ?`:                             `"?" at byte 4 is neither two hex digits nor ??`,
		`0?`:                               `"0?" at byte 1 is neither two hex digits nor ??`,
		"\x10\x11":                         "\"\x10\x11\" at byte 1 is neither two hex digits nor ??",
		`(00`:                              `missing closing )`,
		`00)`:                              `unexpected )`,
		strings.Repeat("00", maxProgram+1): errTooLarge.Error(),
	} {
		_, err := HexPattern(text)
		if pe, ok := errors.AsType[*Error](err); !ok || pe.Reason != want {
			t.Errorf("%.40s: %v, want %s", text, err, want)
		}
	}
}

func TestPatternKnowsItsGroups(t *testing.T) {
	p := mustCompile(t, `(?P<code>[0-9]+) (x)(?<rest>.*)`)
	if p.NumGroups() != 3 || !slices.Equal(p.Names(), []string{"", "code", "", "rest"}) || p.String() != `(?P<code>[0-9]+) (x)(?<rest>.*)` {
		t.Error(p, p.NumGroups(), p.Names())
	}
	h, err := HexPattern("(00) (01)")
	if err != nil || h.NumGroups() != 2 || len(h.Names()) != 3 {
		t.Error(h, err)
	}
}

// An end that is only assumed, as silence is, must not spoil what follows.
func TestEndWithoutMatchChangesNothing(t *testing.T) {
	m := mustCompile(t, `ab$|abc(\w)`).Matcher(-1)
	if m.End() || m.Feed([]byte("a")) || m.End() || m.Feed([]byte("b")) || m.Feed([]byte("c")) || m.End() {
		t.Fatal("decided early")
	}
	if !m.Feed([]byte("def")) || m.Taken() != 4 {
		t.Fatal("not decided", m.Taken())
	}
	if !m.Feed([]byte("x")) || !m.End() || m.Taken() != 4 {
		t.Fatal("took more after the decision")
	}
	m.Reset('\n')
	m.Feed([]byte("ab"))
	if !m.End() {
		t.Fatal("the end did not decide")
	}
	if got, ok := m.Match(); !ok || got.Groups[0] != (Span{0, 2}) || got.Groups[1] != (Span{-1, -1}) {
		t.Fatal(got, ok)
	}
}

func TestPendingSaysWhatItWaitsFor(t *testing.T) {
	for _, c := range []struct{ pattern, in, want string }{
		{`([0-9]+)`, "a12", `1-3 "12" complete, waits for: a byte that is not [0-9], or the end`},
		{`^hi$`, "hi", `0-2 "hi" complete, waits for: the end of the line, or the end`},
		{`^hi$`, "hi\r", `0- begun, waits for: "\n"`},
		{`ok\b`, "ok", `0-2 "ok" complete, waits for: a byte that is not [0-9A-Z_a-z], or the end`},
		{`\w+\b`, "ok", `0-2 "ok" complete, waits for: a byte that is not [0-9A-Z_a-z], or the end`},
		{`ok\z`, "ok", `0-2 "ok" complete, waits for: the end`},
		{`(?s)ok.*`, "ok..", `0-4 "ok.." complete, waits for: the end`},
		{`login: `, "x login", `2- begun, waits for: ":"`},
		{`a(?:b|c|\r|\]|\xff)`, "xa", `1- begun, waits for: [\r\]bc\xFF]`},
		{`ab|a`, "a", `0-1 "a" complete, waits for: a byte that is not "b", or the end`},
		{`.`, "\xe2", `0-1 "\xe2" complete, waits for: the rest of a character, or the end`},
		{`[€]`, "\xe2", `0- begun, waits for: "\x82"`},
		{`abc`, "xyz", `nothing`},
		{`abc`, "", `nothing`},
		{`abc`, "abc", `nothing`},
		{`a*$`, "b", `1-1 "" complete, waits for: the end of the line, or the end; a byte that is not "a", or the end`},
	} {
		m := mustCompile(t, c.pattern).Matcher(-1)
		m.Feed([]byte(c.in))
		got := "nothing"
		if p, ok := m.Pending(); ok && p.Complete {
			got = spansText(p.Match.Groups[:1], c.in) + " complete, waits for: " + p.Waits
		} else if ok {
			got = fmt.Sprintf("%d- begun, waits for: %s", p.Match.Groups[0].Start, p.Waits)
		}
		if got != c.want {
			t.Errorf("%s on %q: %s\nwant %s", c.pattern, c.in, got, c.want)
		}
	}
}

// Every short text of bytes that matter to UTF-8, against package utf8.
func TestDotTakesWhatUTF8Decodes(t *testing.T) {
	edges := []byte{'a', 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff}
	m := mustCompile(t, `\A(.)(.)?(.)?(.)?`).Matcher(-1)
	for _, text := range continuations(edges, 4) {
		var want []Span
		for at := 0; at < len(text); {
			_, w := utf8.DecodeRune(text[at:])
			want = append(want, Span{int64(at), int64(at + w)})
			at += w
		}
		if want == nil {
			continue
		}
		if o := run(m, -1, text); !slices.Equal(o.groups[1:1+len(want)], want) {
			t.Fatalf("%x: got %v, want %v", text, o.groups[1:], want)
		}
	}
}

func TestMatcherIsBoundedByTheProgramNotTheInput(t *testing.T) {
	m := mustCompile(t, `(\w+)[^@]*@((?:[a-z]+\.)+)(\w+)$`).Matcher(-1)
	piece := []byte(strings.Repeat("user name 12 a.b.c. \r\n\xe2\x82\xac", 100))
	m.Feed(piece)
	if n := testing.AllocsPerRun(20, func() { m.Feed(piece) }); n != 0 {
		t.Errorf("%v allocations for a piece", n)
	}
	if n := len(m.state.threads); n > 20*len(m.prog.insts) {
		t.Errorf("%d threads for %d instructions", n, len(m.prog.insts))
	}
}
