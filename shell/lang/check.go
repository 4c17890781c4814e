package lang

import (
	"fmt"
	"io"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/shell/command"
)

// check looks at code before it runs.
func (sh *Shell) check(node syntax.Node) error {
	syntax.Walk(node, func(n syntax.Node) bool {
		if f, ok := n.(*syntax.FuncDecl); ok && f.Name != nil {
			sh.functions.Store(f.Name.Value, true)
		}
		return true
	})
	if err := sh.gaps(node); err != nil {
		return err
	}
	return checkEscapes(sh.commands(), node)
}

// checkEscapes refuses an unquoted backslash escape in the arguments of a
// command that decodes escapes: the shell would take the backslash away, and
// "send c hi\r\n" would send "hirn". The parser still knows; the command no more.
func checkEscapes(commands *command.Set, node syntax.Node) error {
	var found error
	syntax.Walk(node, func(n syntax.Node) bool {
		call, ok := n.(*syntax.CallExpr)
		if !ok || found != nil || len(call.Args) == 0 {
			return found == nil
		}
		args := call.Args
		if first := args[0].Lit(); len(args) > 1 && (first == "command" || first == "builtin") {
			args = args[1:]
		}
		cmd, ok := commands.Lookup(args[0].Lit())
		if !ok || !cmd.Escapes {
			return true
		}
		for _, word := range args[1:] {
			for _, part := range word.Parts {
				lit, ok := part.(*syntax.Lit)
				if !ok {
					continue
				}
				if i := escapeIn(lit.Value); i >= 0 {
					found = &unquotedError{syntax.ParseError{
						Pos:  lit.Pos(),
						Text: fmt.Sprintf(`%s: the shell would take the backslash of %s away: quote it`, cmd.Name, lit.Value[i:i+2]),
					}}
					return false
				}
			}
		}
		return true
	})
	return found
}

// escapeIn finds a backslash before a letter or digit: nobody needs one there
// for the shell's sake.
func escapeIn(lit string) int {
	for i := 0; i+1 < len(lit); i++ {
		if lit[i] != '\\' {
			continue
		}
		c := lit[i+1]
		if '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' {
			return i
		}
		i++
	}
	return -1
}

// unquotedError is a parse error in all but who found it.
type unquotedError struct{ syntax.ParseError }

func (e *unquotedError) Unwrap() []error { return []error{e.ParseError, socket.Usage} }

// trimPosition is a language error's text without the place, which is written our way.
func trimPosition(e syntax.LangError) string {
	_, text, ok := strings.Cut(e.Error(), ": ")
	if !ok {
		return e.Error()
	}
	return text
}

// Text is code as Script takes it.
func Text(s string) io.Reader { return strings.NewReader(s) }
