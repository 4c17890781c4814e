package lang

import (
	"context"
	"io"
	"strings"
	"testing"

	"mvdan.cc/sh/v3/syntax"

	"github.com/sosh-shell/sosh/core/table"
	"github.com/sosh-shell/sosh/shell/command"
)

// FuzzPrintf: any format with any arguments is text or an error, within its bound.
func FuzzPrintf(f *testing.F) {
	for _, s := range []string{"%s %d\n", "%-*.*f|%05d", "%b%c%q", `\x41\u00e4\0101\c`, "%", "%(x)T", "%99999999d", "%#x%+d% d", "%%%%"} {
		f.Add(s, "12", "-3")
	}
	f.Fuzz(func(t *testing.T, format, a, b string) {
		text, err := printfText(format, []string{a, b})
		if len(text) > maxPrinted+2*maxWidth {
			t.Errorf("%d bytes, %v", len(text), err)
		}
		decode(a)
	})
}

// FuzzRewrite: what was rewritten is still code, and rewriting it again changes
// no more of it.
func FuzzRewrite(f *testing.F) {
	for _, s := range []string{"a & b | c & wait $!", "f() { x & }; f &", "echo $((a/b)) $SECONDS ${!} $0 $LINENO", "SECONDS=3; ((x%=y))",
		"cat <<E &\n$((1/x))\nE\n", "x=$(<f) >| y", "! a && b &", "{ a & } &", "let 'a=1/0' b/c", "eval 'a &'", "0<0&00", "! a | b"} {
		f.Add(s)
	}
	tab := table.New(nobody{})
	f.Fuzz(func(t *testing.T, code string) {
		sh, err := New(Config{Session: &command.Session{Table: tab}, Stdout: io.Discard, Stderr: io.Discard, Name: "t"})
		if err != nil {
			t.Fatal(err)
		}
		file, err := sh.parse(strings.NewReader(code), "t")
		if err != nil || !strings.ContainsAny(code, "&$/=") {
			return
		}
		text := codeOf(file)
		again, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(text), "t")
		if err != nil {
			if _, perr := syntax.NewParser().Parse(strings.NewReader(printedAsIs(code)), "t"); perr == nil {
				t.Fatalf("%q became %q: %v", code, text, err)
			}
			return
		}
		syntax.Walk(again, func(n syntax.Node) bool {
			if st, ok := n.(*syntax.Stmt); ok && st.Background {
				t.Errorf("%q became %q, which has a job", code, text)
			}
			return true
		})
	})
}

// printedAsIs is code as the printer has it: it misprints some by itself.
func printedAsIs(code string) string {
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(code), "t")
	if err != nil {
		return "("
	}
	return codeOf(file)
}

// TestAnyBytesAreAnErrorOrRun: junk ends with a status, within its time.
func TestAnyBytesAreAnErrorOrRun(t *testing.T) {
	for _, code := range []string{"\x1b[31m", "\xff", "((((", "$(", "${", "<<", "a=(", "[[", "case", "&", "|", "\\", "`", "f(){", "}", "for((", "\r\n\r"} {
		if status, _, _ := runIn(t, context.Background(), code, func(c *Config) { c.NoExternal = true }); status == 0 && code != "\r\n\r" && code != "\\" {
			t.Errorf("%q: status 0", code)
		}
	}
}
