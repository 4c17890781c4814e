package lang

import (
	"fmt"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/sosh-shell/sosh/core/socket"
)

// missing are the variables of bash that would be empty here without a word.
var missing = []string{
	"PIPESTATUS", "FUNCNAME", "BASH_SOURCE", "BASH_LINENO", "BASH_COMMAND", "BASH_SUBSHELL", "BASHPID", "COPROC",
}

// gaps refuses what the interpreter would pass over or misread.
func (sh *Shell) gaps(node syntax.Node) error {
	g := &gapFinder{noExternal: sh.cfg.NoExternal, maps: map[string]bool{}}
	syntax.Walk(node, g.look)
	return g.found
}

type gapFinder struct {
	noExternal bool
	copies     []bool          // of the nodes that are open: whether they run in a copy of the shell
	maps       map[string]bool // variables that are declared as associative arrays
	found      error
}

func (g *gapFinder) refuse(pos syntax.Pos, format string, args ...any) {
	if g.found == nil {
		g.found = &gapError{syntax.ParseError{Pos: pos, Text: fmt.Sprintf(format, args...)}}
	}
}

// gapError is a parse error in all but who found it.
type gapError struct{ syntax.ParseError }

func (e *gapError) Unwrap() []error { return []error{e.ParseError, socket.Usage} }

// look is called with nil when a node is left.
func (g *gapFinder) look(n syntax.Node) bool {
	if n == nil {
		g.copies = g.copies[:len(g.copies)-1]
		return true
	}
	if g.found != nil {
		return false
	}
	inCopy := len(g.copies) > 0 && g.copies[len(g.copies)-1]
	switch n := n.(type) {
	case *syntax.Subshell, *syntax.CmdSubst, *syntax.ProcSubst:
		inCopy = true
		if p, ok := n.(*syntax.ProcSubst); ok && g.noExternal {
			g.refuse(p.Pos(), "%s...) makes a file: %v", p.Op, errNoExternal)
		}
	case *syntax.CoprocClause:
		g.refuse(n.Pos(), "coproc is not supported; a job with & is")
	case *syntax.Redirect:
		g.redirect(n)
	case *syntax.DeclClause:
		g.declaration(n)
	case *syntax.ParamExp:
		g.expansion(n)
		if n.Param != nil && slices.Contains(missing, n.Param.Value) {
			g.refuse(n.Pos(), "%s is not supported", n.Param.Value)
		}
		if n.Param != nil && n.Param.Value == "LINENO" && !simple(n) {
			g.refuse(n.Pos(), "LINENO is supported as $LINENO only")
		}
	case *syntax.CallExpr:
		if len(n.Args) > 0 && n.Args[0].Lit() == "trap" && inCopy && len(n.Args) > 1 {
			g.refuse(n.Pos(), "trap is not supported in ( ), $( ) and pipes; in the script itself, in functions and in jobs it is")
		}
	}
	if g.found != nil {
		return false
	}
	g.copies = append(g.copies, inCopy)
	return true
}

// declaration refuses listings, which the interpreter does not give.
func (g *gapFinder) declaration(d *syntax.DeclClause) {
	names := 0
	for _, a := range d.Args {
		switch {
		case a.Name != nil:
			names++
		case a.Value != nil && a.Value.Lit() == "-A":
			for _, m := range d.Args {
				if m.Name != nil {
					g.maps[m.Name.Value] = true
				}
			}
		case a.Value != nil && !strings.HasPrefix(a.Value.Lit(), "-"):
			names++
		}
	}
	if names == 0 {
		g.refuse(d.Pos(), "%s without a name lists nothing here: env lists what is exported", d.Variant.Value)
	}
}

// expansion refuses the forms of ${...} that the interpreter misreads.
func (g *gapFinder) expansion(p *syntax.ParamExp) {
	if p.Repl != nil && p.Repl.Orig != nil && len(p.Repl.Orig.Parts) > 0 {
		if lit, ok := p.Repl.Orig.Parts[0].(*syntax.Lit); ok && (strings.HasPrefix(lit.Value, "#") || strings.HasPrefix(lit.Value, "%")) {
			g.refuse(p.Pos(), "${NAME/%c...} is not supported: ${NAME#...} and ${NAME%%...} are", lit.Value[0])
		}
	}
	if p.Exp != nil && p.Exp.Word != nil {
		switch p.Exp.Op {
		case syntax.RemSmallPrefix, syntax.RemLargePrefix, syntax.RemSmallSuffix, syntax.RemLargeSuffix:
			if extended(p.Exp.Word) {
				g.refuse(p.Pos(), "extended patterns in ${NAME%s...} are not supported", p.Exp.Op)
			}
		}
	}
	if index, ok := p.Index.(*syntax.Word); ok && p.Length && p.Param != nil && g.maps[p.Param.Value] && (index.Lit() == "@" || index.Lit() == "*") {
		g.refuse(p.Pos(), "${#%s[%s]} of an associative array is not supported: count ${!%[1]s[@]}", p.Param.Value, index.Lit())
	}
}

// extended reports whether a pattern has a part like +(a|b).
func extended(w *syntax.Word) bool {
	for _, part := range w.Parts {
		switch part := part.(type) {
		case *syntax.ExtGlob:
			return true
		case *syntax.Lit:
			if i := strings.IndexByte(part.Value, '('); i > 0 && strings.IndexByte("?*+@!", part.Value[i-1]) >= 0 {
				return true
			}
		}
	}
	return false
}

func (g *gapFinder) redirect(r *syntax.Redirect) {
	if r.N != nil && r.N.Value != "0" && r.N.Value != "1" && r.N.Value != "2" {
		g.refuse(r.Pos(), "descriptor %s is not supported: there are 0, 1 and 2", r.N.Value)
	}
	switch r.Op {
	case syntax.RdrInOut:
		g.refuse(r.Pos(), "<> is not supported")
	case syntax.DplIn, syntax.DplOut:
		to := r.Word.Lit()
		if r.Op == syntax.DplIn && to != "-" && to != "" || r.Op == syntax.DplOut && to != "1" && to != "2" && to != "-" && to != "" {
			g.refuse(r.Pos(), "%s%s is not supported: there are >&1, >&2, >&- and <&-", r.Op, to)
		}
	case syntax.RdrIn:
		if r.N != nil && r.N.Value != "0" {
			g.refuse(r.Pos(), "%s< is not supported: input is descriptor 0", r.N.Value)
		}
	}
}
