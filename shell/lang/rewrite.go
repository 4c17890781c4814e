package lang

import (
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// Calls and variables that only rewritten code has.
const (
	callJob   = ours + "job"   // N: run body N beside the script
	callRun   = ours + "run"   // N: be job N
	callBody  = ours + "body"  // the command of the job
	callClean = ours + "clean" // its trap and deferred commands
	callClock = ours + "clock" // NAME: print a variable that is a clock
	callSet   = ours + "seconds"
	callCopy  = ours + "copy" // print the input
	callZero  = ours + "zero" // REASON: fail, as a division by zero

	jobBody   = ours + "body:" // and N: the function of a body
	newestJob = "sosh_newest_job"
	zeroth    = "sosh_zeroth"
)

// body is the command of a job.
type body struct {
	text string
	// program says that it may be one program, whose process $! then is.
	program bool
}

// rewriting is one change of a tree.
type rewriting struct {
	sh      *Shell
	changed bool
	divided map[*syntax.BinaryArithm]bool
	negated map[*syntax.Block]bool
}

// rewrite changes what the interpreter cannot do into calls of ours, in place,
// and reports whether there was anything.
func (sh *Shell) rewrite(node syntax.Node) bool {
	w := &rewriting{sh: sh, divided: map[*syntax.BinaryArithm]bool{}, negated: map[*syntax.Block]bool{}}
	syntax.Walk(node, func(n syntax.Node) bool {
		w.node(n)
		return true
	})
	return w.changed
}

func (w *rewriting) node(n syntax.Node) {
	switch n := n.(type) {
	case *syntax.Stmt:
		w.background(n)
		w.negation(n)
	case *syntax.Redirect:
		if n.Op == syntax.RdrClob { // there is no noclobber that it would override
			n.Op, w.changed = syntax.RdrOut, true
		}
		w.place(n)
	case *syntax.CallExpr:
		w.assignment(n)
	case *syntax.Word:
		w.parts(n.Parts)
	case *syntax.DblQuoted:
		w.parts(n.Parts)
	case *syntax.CmdSubst: // $(<FILE) is status 0 also without the file
		if len(n.Stmts) == 1 && n.Stmts[0].Cmd == nil && len(n.Stmts[0].Redirs) == 1 && !n.Stmts[0].Negated {
			n.Stmts[0].Cmd, w.changed = called(n.Pos(), callCopy), true
		}
	case *syntax.ArithmExp:
		w.clock(n.X)
	case *syntax.ArithmCmd:
		w.clock(n.X)
	case *syntax.ParenArithm:
		w.clock(n.X)
	case *syntax.LetClause:
		for _, x := range n.Exprs {
			w.clock(x)
		}
	case *syntax.BinaryArithm:
		if !assigns(n.Op) {
			w.clock(n.X)
		}
		w.clock(n.Y)
		w.division(n)
	}
}

// background makes "COMMAND &" a function and a call that starts it.
func (w *rewriting) background(st *syntax.Stmt) {
	if !st.Background {
		return
	}
	inner := *st
	inner.Background, inner.Comments = false, nil
	if inner.Cmd == nil { // a redirection alone
		inner.Cmd = called(st.Position, ":")
	}
	text := printed(&inner)
	call, ok := st.Cmd.(*syntax.CallExpr)
	n := w.sh.addBody(body{text: text, program: ok && !st.Negated && len(call.Args) > 0 && !substitutes(&inner)})
	name := &syntax.Lit{ValuePos: st.Position, Value: jobBody + strconv.Itoa(n)}
	*st = syntax.Stmt{
		Position: st.Position, Semicolon: st.Semicolon, Comments: st.Comments,
		Cmd: &syntax.Block{Lbrace: st.Position, Rbrace: st.Semicolon, Stmts: []*syntax.Stmt{
			{Position: st.Position, Cmd: &syntax.FuncDecl{Position: st.Position, Parens: true, Name: name, Body: &inner}},
			{Position: st.Position, Cmd: called(st.Position, callJob, strconv.Itoa(n))},
		}},
	}
	w.changed = true
}

// negation makes "! COMMAND" a "! { COMMAND && :; }": errexit must not end the
// script within a command whose failure is asked for.
func (w *rewriting) negation(st *syntax.Stmt) {
	if !st.Negated || st.Cmd == nil {
		return
	}
	pos := st.Cmd.Pos()
	if b, ok := st.Cmd.(*syntax.Block); ok && w.negated[b] {
		return
	}
	and := &syntax.BinaryCmd{OpPos: st.Cmd.End(), Op: syntax.AndStmt,
		X: &syntax.Stmt{Position: pos, Cmd: st.Cmd}, Y: &syntax.Stmt{Position: pos, Cmd: called(pos, ":")}}
	b := &syntax.Block{Lbrace: pos, Rbrace: st.Cmd.End(), Stmts: []*syntax.Stmt{{Position: pos, Cmd: and}}}
	w.negated[b] = true
	st.Cmd, w.changed = b, true
}

// substitutes reports whether expanding the words of a command runs others,
// which may take as long as they like.
func substitutes(n syntax.Node) (found bool) {
	syntax.Walk(n, func(n syntax.Node) bool {
		switch n.(type) {
		case *syntax.CmdSubst, *syntax.ProcSubst:
			found = true
		}
		return !found
	})
	return found
}

// maxText bounds the text of a job that is listed.
const maxText = 120

func printed(n syntax.Node) string {
	var b strings.Builder
	if syntax.NewPrinter(syntax.SingleLine(true)).Print(&b, n) != nil {
		return "..."
	}
	text := strings.TrimSpace(b.String())
	if len(text) > maxText {
		text = text[:maxText] + "..."
	}
	return text
}

func called(pos syntax.Pos, words ...string) *syntax.CallExpr {
	call := &syntax.CallExpr{}
	for _, text := range words {
		call.Args = append(call.Args, quotedWord(pos, text))
	}
	return call
}

func quotedWord(pos syntax.Pos, text string) *syntax.Word {
	return &syntax.Word{Parts: []syntax.WordPart{&syntax.SglQuoted{Left: pos, Right: pos, Value: text}}}
}

func substituted(pos syntax.Pos, words ...string) *syntax.CmdSubst {
	return &syntax.CmdSubst{Left: pos, Right: pos, Stmts: []*syntax.Stmt{{Position: pos, Cmd: called(pos, words...)}}}
}

// parts changes the variables that the interpreter has otherwise or not at all.
func (w *rewriting) parts(parts []syntax.WordPart) {
	for i, part := range parts {
		p, ok := part.(*syntax.ParamExp)
		if !ok || p.Param == nil {
			continue
		}
		w.demand(p)
		switch name := p.Param.Value; {
		case name == "!":
			p.Param.Value, p.Short, w.changed = newestJob, false, true
		case name == "0":
			p.Param.Value, p.Short, w.changed = zeroth, false, true
		case !simple(p):
		case name == "LINENO":
			parts[i] = &syntax.SglQuoted{Left: p.Pos(), Right: p.Pos(), Value: strconv.Itoa(int(p.Pos().Line()))}
			w.changed = true
		case isClock(name):
			parts[i] = substituted(p.Pos(), callClock, name)
			w.changed = true
		}
	}
}

// simple reports whether a parameter stands alone, as in $a and ${a}.
func simple(p *syntax.ParamExp) bool {
	return !p.Excl && !p.Length && p.Index == nil && p.Slice == nil && p.Repl == nil && p.Exp == nil && p.Names == 0
}

// clock makes a clock in an arithmetic expression one that goes on in jobs.
func (w *rewriting) clock(x syntax.ArithmExpr) {
	word, ok := x.(*syntax.Word)
	if ok && isClock(word.Lit()) {
		word.Parts = []syntax.WordPart{substituted(word.Pos(), callClock, word.Lit())}
		w.changed = true
	}
}

// assignment makes SECONDS=N set the clock.
func (w *rewriting) assignment(call *syntax.CallExpr) {
	if len(call.Args) > 0 || len(call.Assigns) != 1 {
		return
	}
	a := call.Assigns[0]
	if a.Name.Value != "SECONDS" || a.Append || a.Index != nil || a.Array != nil {
		return
	}
	value := a.Value
	if value == nil {
		value = quotedWord(a.Pos(), "0")
	}
	*call = *called(a.Pos(), callSet)
	call.Args = append(call.Args, value)
	w.changed = true
}

// division makes a division by zero and a negative exponent fail, with their place: B
// in A/B becomes (B ? B : $(sosh:zero ...)), in A**B (B >= 0 ? B : ...).
func (w *rewriting) division(n *syntax.BinaryArithm) {
	holds, reason := n.Y, "division by zero"
	switch n.Op {
	case syntax.Quo, syntax.Rem, syntax.QuoAssgn, syntax.RemAssgn:
	case syntax.Pow:
		holds = &syntax.BinaryArithm{OpPos: n.OpPos, Op: syntax.Geq, X: n.Y, Y: literalWord(n.OpPos, "0")}
		reason = "exponent less than 0"
	default:
		return
	}
	if w.divided[n] || notZero(n.Y) || hasEffects(n.Y) {
		return
	}
	w.divided[n] = true
	fails := &syntax.Word{Parts: []syntax.WordPart{substituted(n.OpPos, callZero, reason)}}
	n.Y = &syntax.ParenArithm{Lparen: n.OpPos, Rparen: n.OpPos, X: &syntax.BinaryArithm{
		OpPos: n.OpPos, Op: syntax.TernQuest, X: holds,
		Y: &syntax.BinaryArithm{OpPos: n.OpPos, Op: syntax.TernColon, X: n.Y, Y: fails},
	}}
	w.changed = true
}

func literalWord(pos syntax.Pos, text string) *syntax.Word {
	return &syntax.Word{Parts: []syntax.WordPart{&syntax.Lit{ValuePos: pos, ValueEnd: pos, Value: text}}}
}

func notZero(x syntax.ArithmExpr) bool {
	word, ok := x.(*syntax.Word)
	if !ok {
		return false
	}
	n, err := strconv.Atoi(word.Lit())
	return err == nil && n != 0
}

// hasEffects reports whether an expression must not be evaluated twice.
func hasEffects(x syntax.ArithmExpr) (found bool) {
	syntax.Walk(x, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CmdSubst:
			found = true
		case *syntax.UnaryArithm:
			found = found || n.Op == syntax.Inc || n.Op == syntax.Dec
		case *syntax.BinaryArithm:
			found = found || assigns(n.Op)
		case *syntax.ParamExp:
			found = found || n.Exp != nil
		}
		return !found
	})
	return found
}

func assigns(op syntax.BinAritOperator) bool {
	switch op {
	case syntax.Assgn, syntax.AddAssgn, syntax.SubAssgn, syntax.MulAssgn, syntax.QuoAssgn, syntax.RemAssgn,
		syntax.AndAssgn, syntax.OrAssgn, syntax.XorAssgn, syntax.ShlAssgn, syntax.ShrAssgn:
		return true
	}
	return false
}
