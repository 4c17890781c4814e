package lang

import (
	"fmt"
	"slices"

	"mvdan.cc/sh/v3/syntax"

	"github.com/sosh-shell/sosh/core/socket"
)

// missing are the variables of bash that would be empty here without a word.
var missing = []string{
	"PIPESTATUS", "FUNCNAME", "BASH_SOURCE", "BASH_LINENO", "BASH_COMMAND", "BASH_SUBSHELL", "BASHPID", "COPROC",
}

// gaps refuses what the interpreter would pass over or misread.
func (sh *Shell) gaps(node syntax.Node) error {
	g := &gapFinder{noExternal: sh.cfg.NoExternal}
	syntax.Walk(node, g.look)
	return g.found
}

type gapFinder struct {
	noExternal bool
	copies     []bool // of the nodes that are open: whether they run in a copy of the shell
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
	case *syntax.ParamExp:
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
