package render

import (
	"errors"
	"strings"
	"testing"
)

func TestTableAlignsByWhatIsShown(t *testing.T) {
	table := Table{
		Columns: []string{"name", "state", "remote"},
		Rows: [][]string{
			{"tcp1", "ESTABLISHED", "127.0.0.1:80"},
			{"日本", "LISTEN", ""},
			{"é", "", "[::1]:80"},
			{"x\x1b[2J\n", "\u202e", "last  "},
		},
	}
	want := `NAME        STATE        REMOTE
tcp1        ESTABLISHED  127.0.0.1:80
日本        LISTEN
é                        [::1]:80
x\e[2J\n    \u202e       last
`
	want = strings.ReplaceAll(want, `x\e[2J\n    \`, `x\e[2J\n    \`)
	for _, style := range []Style{Plain, Colour} {
		var b strings.Builder
		table.Style = style
		if err := table.Write(&b); err != nil {
			t.Fatal(err)
		}
		got := b.String()
		if style == Colour {
			got = strings.Replace(strings.Replace(got, bold, "", 1), reset, "", 1)
			if !strings.HasPrefix(b.String(), bold+"NAME") || !strings.Contains(b.String(), "REMOTE"+reset+"\n") {
				t.Errorf("the header is not bold: %q", b.String())
			}
		}
		if strings.Contains(got, "\x1b") {
			t.Errorf("an escape is left: %q", got)
		}
		if clean(got) != clean(want) {
			t.Errorf("got\n%swant\n%s", got, want)
		}
	}
}

// clean makes runs of blanks one, and keeps the lines.
func clean(s string) string {
	var lines []string
	for line := range strings.Lines(s) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, "\n")
}

func TestTableColumnsBeginAtTheSamePlace(t *testing.T) {
	table := Table{Columns: []string{"a", "b"}, Rows: [][]string{{"日本語", "1"}, {"plain-long-name", "2"}, {"é", "3"}, {"", "4"}}}
	var b strings.Builder
	if err := table.Write(&b); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		line = strings.TrimSuffix(line, "\n")
		if w := width(line[:len(line)-1]); w != 17 {
			t.Errorf("the second column of %q begins at %d", line, w)
		}
	}
}

func TestTableWithoutColumnsHasNoHeader(t *testing.T) {
	var b strings.Builder
	if err := (Table{Rows: [][]string{{"fd", "7"}, {"local.port", "80"}}, Style: Colour}).Write(&b); err != nil {
		t.Fatal(err)
	}
	if want := "fd          7\nlocal.port  80\n"; b.String() != want {
		t.Errorf("%q", b.String())
	}
	if err := (Table{Columns: []string{"a"}}).Write(brokenWriter{}); !errors.Is(err, errBroken) {
		t.Error(err)
	}
}

func FuzzTable(f *testing.F) {
	f.Add("a\x1b[0m", "b\n\u202e")
	f.Fuzz(func(t *testing.T, a, c string) {
		var b strings.Builder
		if err := (Table{Columns: []string{"name", "value"}, Rows: [][]string{{a, c}, {c, a}}}).Write(&b); err != nil {
			t.Fatal(err)
		}
		if r, bad := forbidden([]byte(strings.ReplaceAll(b.String(), "\n", "")), false); bad || strings.Count(b.String(), "\n") != 3 {
			t.Fatalf("%q and %q give %U in %q", a, c, r, b.String())
		}
	})
}

func TestLastColumnIsBrokenBetweenWords(t *testing.T) {
	table := Table{Style: Plain, Width: 30, Columns: []string{"option", "what it does"}, Rows: [][]string{
		{"ttl", "how many routers a packet may pass before it is dropped"},
		{"日本", "日本語 日本語 日本語 日本語"},
		{"path", "/a/word/that/is/longer/than/its/column and more"},
		{"x", "short"}}}
	want := `OPTION  WHAT IT DOES
ttl     how many routers a
        packet may pass before
        it is dropped
日本    日本語 日本語 日本語
        日本語
path    /a/word/that/is/longer/than/its/column
        and more
x       short
`
	var b strings.Builder
	if err := table.Write(&b); err != nil || b.String() != want {
		t.Errorf("%v\n%s", err, b.String())
	}
	b.Reset()
	table.Style = Bare
	if table.Write(&b); strings.Count(b.String(), "\n") != 5 {
		t.Errorf("a bare table has a line for each row:\n%s", b.String())
	}
	b.Reset()
	Table{Style: Plain, Width: 30, Rows: [][]string{{strings.Repeat("x", 40), "some words that are broken"}}}.Write(&b)
	if !strings.Contains(b.String(), "x  some words that are\n"+strings.Repeat(" ", 42)+"broken\n") {
		t.Errorf("a narrow column:\n%s", b.String())
	}
}
