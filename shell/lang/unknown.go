package lang

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"

	"github.com/sosh-shell/sosh/core/nearest"
	"github.com/sosh-shell/sosh/core/socket"
)

// makesNone are programs that make no others: what is not found before they run is
// not found after. Any other program may install what a script calls next.
var makesNone = wordSet(`awk basename cat cmp comm cut date diff dirname du echo expr false file fold grep egrep
	fgrep head hexdump hostname id ip ifconfig jq kill ls lsof md5sum mkdir mkfifo mktemp netstat nl nproc od pgrep ping
	pidof printf ps pwd readlink realpath rev rm rmdir sed seq sha256sum sleep sort ss stat strings sync tac tail test touch
	tr true tty uname uniq uptime wc which whoami xxd`)

func wordSet(words string) map[string]bool {
	set := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		set[w] = true
	}
	return set
}

// unknownError is a script that calls what is nowhere.
type unknownError struct {
	syntax.ParseError
	hint string
}

func (e *unknownError) Unwrap() []error {
	return []error{e.ParseError, &socket.Error{Err: socket.Usage, Hint: e.hint}}
}

// unknown refuses a script that is certain to call a command that there is not, before
// anything of it has run. It is certain only of what runs in any case: the statements
// that stand one after the other, also in functions that they call, up to the first
// word that could lead elsewhere. And only where nothing in the script could make the
// command come to be, and no other word of it speaks of the command, as a script does
// that asks whether it is there. All else is status 127 when it is reached.
func (sh *Shell) unknown(f *syntax.File) error {
	if sh.cfg.NoExternal || sh.cfg.Prompt {
		return nil
	}
	u := &unknown{sh: sh, functions: map[string]*syntax.Stmt{}, called: map[string]bool{}, words: map[string]int{}, programs: map[string]bool{}}
	syntax.Walk(f, u.survey)
	for _, dir := range filepath.SplitList(sh.env.base.Get("PATH").String()) {
		u.open = u.open || !filepath.IsAbs(dir) // it is another one after a cd
	}
	if u.open || u.words["PATH"] > 0 {
		return nil
	}
	u.statements(f.Stmts)
	if u.found == nil {
		return nil
	}
	hint := "nothing of the script was run"
	names := slices.Sorted(maps.Keys(u.functions)) // what the script itself names is meant first
	names = append(append(names, sh.commands().Names()...), builtinNames...)
	name := u.found.Args[0].Lit()
	if near := nearest.Word(name, names); near != "" {
		hint = fmt.Sprintf("did you mean %s? %s", near, hint)
	}
	return &unknownError{syntax.ParseError{Pos: u.found.Pos(), Text: name + ": command not found"}, hint}
}

// builtinNames are builtins that people mean.
var builtinNames = []string{"alias", "break", "cd", "command", "continue", "echo", "eval", "exec", "exit", "export", "false", "local", "mapfile", "printf", "pwd", "read", "return", "set", "shift", "source", "test", "trap", "true", "unset"}

type unknown struct {
	sh        *Shell
	functions map[string]*syntax.Stmt // the body of each; nil when there are several
	words     map[string]int          // how often a word stands in the script
	open      bool                    // commands may come to be that are not seen here
	programs  map[string]bool         // that were looked for, and whether they are there
	called    map[string]bool         // functions that were followed
	found     *syntax.CallExpr
}

// survey looks at all of a script for what makes certainty impossible.
func (u *unknown) survey(n syntax.Node) bool {
	switch n := n.(type) {
	case *syntax.FuncDecl:
		if n.Name == nil {
			u.open = true
			return true
		}
		body := n.Body
		if _, again := u.functions[n.Name.Value]; again {
			body = nil
		}
		u.functions[n.Name.Value] = body
		u.open = u.open || strings.HasPrefix(n.Name.Value, "command_not_found")
	case *syntax.Assign:
		u.open = u.open || n.Name != nil && n.Name.Value == "PATH"
	case *syntax.CallExpr:
		if len(n.Args) > 0 {
			u.call(n.Args)
		}
	case *syntax.Lit:
		u.speaks(n.Value)
	case *syntax.SglQuoted:
		u.speaks(n.Value)
	}
	return !u.open
}

// call looks at a call that may run at some time.
func (u *unknown) call(args []*syntax.Word) {
	name := args[0].Lit()
	u.words[name]-- // a call speaks of nothing
	switch {
	case name == "": // not literal: it may be any
		u.open = true
	case slices.Contains([]string{"eval", "source", ".", "alias", "exec", "enable", "hash", "shopt", "plugin"}, name):
		u.open = true
	case name == "set": // without errexit a script lives on after a 127
		for _, w := range args[1:] {
			u.open = u.open || w.Lit() == "" || w.Lit()[0] == '+'
		}
	case name == "trap": // code of an ERR trap may run at any time
		for _, w := range args[1:] {
			u.open = u.open || w.Lit() == "ERR"
		}
	case u.sh.builtin(name):
	default:
		u.open = u.open || strings.Contains(name, "/") || !makesNone[name] && u.there(name)
	}
}

// there reports whether a program is found along the PATH.
func (u *unknown) there(name string) bool {
	is, known := u.programs[name]
	if !known {
		_, err := interp.LookPathDir("/", u.sh.env.base, name)
		is = err == nil
		u.programs[name] = is
	}
	return is
}

// speaks counts the words of a text.
func (u *unknown) speaks(text string) {
	for _, w := range strings.FieldsFunc(text, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.+", r) || r > 127)
	}) {
		u.words[w]++
	}
}

// builtin reports whether a name is one of the shell's own.
func (sh *Shell) builtin(name string) bool {
	return better(name) || interp.IsBuiltin(name) || sh.isOurs(name) || strings.HasPrefix(name, ours)
}

// statements follows what runs one after the other, and reports whether what comes
// after it runs in any case.
func (u *unknown) statements(list []*syntax.Stmt) bool {
	for _, st := range list {
		if !u.statement(st) {
			return false
		}
	}
	return true
}

func (u *unknown) statement(st *syntax.Stmt) bool {
	if st.Background || st.Negated { // whose failure may be meant, or waited for
		return !u.leaves(st)
	}
	switch cmd := st.Cmd.(type) {
	case *syntax.CallExpr:
		return u.runs(cmd)
	case *syntax.Block:
		return u.statements(cmd.Stmts)
	case *syntax.Subshell:
		return u.statements(cmd.Stmts)
	case *syntax.BinaryCmd:
		if cmd.Op == syntax.Pipe || cmd.Op == syntax.PipeAll {
			return u.statement(cmd.X) && u.statement(cmd.Y)
		}
	case *syntax.TimeClause:
		if cmd.Stmt != nil {
			return u.statement(cmd.Stmt)
		}
	case *syntax.FuncDecl:
		return true
	}
	return !u.leaves(st)
}

// runs follows a simple command that runs in any case.
func (u *unknown) runs(call *syntax.CallExpr) bool {
	if len(call.Args) == 0 {
		return !u.leaves(call)
	}
	name := call.Args[0].Lit()
	body, function := u.functions[name]
	switch {
	case function && body != nil && !u.called[name]:
		u.called[name] = true
		return u.statement(body)
	case function:
		return true
	case u.sh.builtin(name):
		return !u.leaves(call)
	}
	if u.there(name) || u.words[name] > 0 {
		return !u.leaves(call)
	}
	u.found = call
	return false
}

// leaves reports whether something in a node, or in the functions that it calls, may
// end the script or a function, so that what comes after it may never run.
func (u *unknown) leaves(n syntax.Node) bool { return u.leavesPast(n, map[string]bool{}) }

func (u *unknown) leavesPast(n syntax.Node, seen map[string]bool) (found bool) {
	syntax.Walk(n, func(n syntax.Node) bool {
		call, ok := n.(*syntax.CallExpr)
		if !ok || len(call.Args) == 0 || found {
			return !found
		}
		name := call.Args[0].Lit()
		switch name {
		case "exit", "return", "skip", "break", "continue", "exec", "kill":
			found = true
		}
		if body, ok := u.functions[name]; ok && !seen[name] {
			seen[name] = true
			found = found || body == nil || u.leavesPast(body, seen)
		}
		return !found
	})
	return found
}
