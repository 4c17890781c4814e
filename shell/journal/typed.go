package journal

import (
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// Split takes a typed line apart into the statements that run one after the other. A
// line that cannot be taken apart, one with a here-document and more, is one unit.
func Split(line string) []Unit {
	whole := []Unit{{line, 0, len(line)}}
	f, err := parse(line)
	if err != nil || len(f.Stmts) < 2 {
		return whole
	}
	var units []Unit
	for _, st := range f.Stmts {
		from, to := int(st.Pos().Offset()), int(st.End().Offset())
		if st.Semicolon.IsValid() && !st.Background {
			to = int(st.Semicolon.Offset())
			for to > from+1 && (line[to-1] == ' ' || line[to-1] == '\t') && line[to-2] != '\\' {
				to--
			}
		}
		if hasHeredoc(st) || from < 0 || to > len(line) || from >= to {
			return whole
		}
		units = append(units, Unit{line, from, to})
	}
	return units
}

func parse(text string) (*syntax.File, error) {
	return syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(text), "")
}

func hasHeredoc(node syntax.Node) (has bool) {
	syntax.Walk(node, func(n syntax.Node) bool {
		if r, ok := n.(*syntax.Redirect); ok && r.Hdoc != nil {
			has = true
		}
		return !has
	})
	return has
}

// typed is a unit with what its code says.
type typed struct {
	text string
	file *syntax.File // nil when it cannot be read
	call *syntax.CallExpr
	// calls are those that run once, and here: in no loop, function or job.
	calls []*syntax.CallExpr
	edits []edit
}

// edit replaces a part of what was typed.
type edit struct {
	from, to int
	text     string
}

func readTyped(text string) *typed {
	t := &typed{text: text}
	f, err := parse(text)
	if err != nil {
		return t
	}
	t.file = f
	if len(f.Stmts) == 1 {
		st := f.Stmts[0]
		if c, ok := st.Cmd.(*syntax.CallExpr); ok && !st.Negated && !st.Background && len(st.Redirs) == 0 && len(c.Assigns) == 0 && len(c.Args) > 0 {
			t.call = c
		}
	}
	syntax.Walk(f, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.ForClause, *syntax.WhileClause, *syntax.FuncDecl:
			return false
		case *syntax.Stmt:
			return !n.Background
		case *syntax.CallExpr:
			if len(n.Args) > 0 {
				t.calls = append(t.calls, n)
			}
		}
		return true
	})
	return t
}

// words are those of a call from the command's name on.
func words(c *syntax.CallExpr) []*syntax.Word {
	if first := c.Args[0].Lit(); len(c.Args) > 1 && (first == "command" || first == "builtin") {
		return c.Args[1:]
	}
	return c.Args
}

// name is the command that a call calls, as far as it is a plain word.
func name(c *syntax.CallExpr) string { return words(c)[0].Lit() }

// only is the one call of the commands named, nil when there is none or more than one.
func (t *typed) only(names ...string) (found *syntax.CallExpr) {
	for _, c := range t.calls {
		if slices.Contains(names, name(c)) {
			if found != nil {
				return nil
			}
			found = c
		}
	}
	return found
}

// has reports whether a call has one of the flags, --name or -n, its value behind or
// in it.
func (t *typed) has(c *syntax.CallExpr, flags ...string) bool {
	for _, w := range words(c)[1:] {
		word := t.source(w)
		for _, f := range flags {
			if word == f || strings.HasPrefix(f, "--") && strings.HasPrefix(word, f+"=") ||
				!strings.HasPrefix(f, "--") && strings.HasPrefix(word, f) && !strings.HasPrefix(word, "--") {
				return true
			}
		}
	}
	return false
}

func (t *typed) source(n syntax.Node) string {
	return t.text[n.Pos().Offset():n.End().Offset()]
}

// add puts words behind a call's arguments, or before them where -- ends the flags.
func (t *typed) add(c *syntax.CallExpr, more string) {
	after := c.Args[len(c.Args)-1]
	if slices.ContainsFunc(c.Args, func(w *syntax.Word) bool { return w.Lit() == "--" }) {
		after = words(c)[0]
	}
	at := int(after.End().Offset())
	t.edits = append(t.edits, edit{at, at, " " + more})
}

// edited is the text with its edits, as if it began at an offset of a longer one.
func edited(text string, edits []edit) string {
	slices.SortStableFunc(edits, func(a, b edit) int { return a.from - b.from })
	var b strings.Builder
	done := 0
	for _, e := range edits {
		if e.from < done {
			continue
		}
		b.WriteString(text[done:e.from] + e.text)
		done = e.to
	}
	return b.String() + text[done:]
}

// looks are the commands that only look: they change nothing and await nothing.
var looks = map[string]bool{
	"show": true, "help": true, "history": true, "why": true, "jobs": true, "tour": true, "save": true,
}

// looksOnly reports whether the unit is one of them, for a person to read.
func (t *typed) looksOnly() bool { return t.call != nil && looks[name(t.call)] }

// receives reports whether the unit is a recv that prints what one read gives, and
// does nothing else.
func (t *typed) receives() bool {
	return t.call != nil && name(t.call) == "recv" && t.reads(t.call) && !t.has(t.call, "-v", "--var")
}

// reads reports whether a recv takes what one read gives.
func (t *typed) reads(c *syntax.CallExpr) bool {
	if t.has(c, "--bytes", "--lines", "--until", "--all") {
		return false
	}
	names := 0
	skip := false
	for _, w := range words(c)[1:] {
		switch word := t.source(w); {
		case skip:
			skip = false
		case word == "--timeout" || word == "-v" || word == "--var":
			skip = true
		case strings.HasPrefix(word, "-"):
		default:
			names++
		}
	}
	return names == 1
}

// failsInside reports whether a command within may fail at a prompt without the unit
// being over, and end a script.
func (t *typed) failsInside() bool {
	if t.file == nil || len(t.file.Stmts) != 1 {
		return true
	}
	switch c := t.file.Stmts[0].Cmd.(type) {
	case *syntax.BinaryCmd:
		return c.Op != syntax.AndStmt && c.Op != syntax.OrStmt
	case *syntax.CallExpr:
		return len(c.Args) > 0
	}
	return true
}

// errexit is what the unit makes of errexit, as far as it sets it.
func (t *typed) errexit() (on, set bool) {
	for _, c := range t.calls {
		if name(c) != "set" {
			continue
		}
		list := words(c)[1:]
		for i, w := range list {
			word := w.Lit()
			if len(word) < 2 || word[0] != '-' && word[0] != '+' || word == "--" {
				break
			}
			if strings.Contains(word[1:], "e") || strings.HasSuffix(word, "o") && i+1 < len(list) && list[i+1].Lit() == "errexit" {
				on, set = word[0] == '-', true
			}
		}
	}
	return on, set
}

// replacePort puts an expression in the place of a number.
func (t *typed) replacePort(port uint16, expression string) {
	number := strconv.Itoa(int(port))
	if t.file == nil || !strings.Contains(t.text, number) {
		return
	}
	put := func(n syntax.Node, before, after string) {
		from, source := int(n.Pos().Offset()), t.source(n)
		for _, i := range numberIn(source, number) {
			t.edits = append(t.edits, edit{from + i, from + i + len(number), before + expression + after})
		}
	}
	syntax.Walk(t.file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Redirect:
			return n.Hdoc == nil
		case *syntax.Comment:
			return false
		case *syntax.SglQuoted:
			if n.Dollar {
				put(n, `'"`, `"$'`)
			} else {
				put(n, `'"`, `"'`)
			}
		case *syntax.Lit:
			put(n, "", "")
		}
		return true
	})
}

// numberIn is where a number stands in a text by itself.
func numberIn(text, number string) (at []int) {
	for from := 0; ; {
		i := strings.Index(text[from:], number)
		if i < 0 {
			return at
		}
		i += from
		from = i + len(number)
		if (i == 0 || !wordByte(text[i-1])) && (from == len(text) || !wordByte(text[from])) {
			at = append(at, i)
		}
	}
}

func wordByte(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
