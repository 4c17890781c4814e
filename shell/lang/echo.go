package lang

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/shell/command"
)

// echo is the builtin: the interpreter's hears of no write that fails.
func (sh *Shell) echo(ctx context.Context, hc *handler, args []string) error {
	newline, escapes := true, false
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' && strings.Trim(args[0][1:], "neE") == "" {
		for _, c := range args[0][1:] {
			switch c {
			case 'n':
				newline = false
			case 'e':
				escapes = true
			case 'E':
				escapes = false
			}
		}
		args = args[1:]
	}
	text := strings.Join(args, " ")
	if escapes {
		var more bool
		if text, more = decode(text); !more {
			newline = false
		}
	}
	if newline {
		text += "\n"
	}
	return sh.print(ctx, hc, "echo", text)
}

// decode decodes the escapes of echo -e and of %b. \c ends all output.
func decode(s string) (text string, more bool) {
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '\\')
		if i < 0 || i+1 == len(s) {
			b.WriteString(s)
			return b.String(), true
		}
		b.WriteString(s[:i])
		n := 2 // the escape's length
		switch c := s[i+1]; {
		case c == 'c':
			return b.String(), false
		case c == '0': // \0NNN: three digits behind the 0
			for n < 5 && i+n < len(s) && '0' <= s[i+n] && s[i+n] <= '7' {
				n++
			}
			v := 0
			for _, d := range s[i+2 : i+n] {
				v = v<<3 | int(d-'0')
			}
			b.WriteByte(byte(v))
		case strings.IndexByte("xuU1234567", c) >= 0:
			most := map[byte]int{'x': 4, 'u': 6, 'U': 10}[c]
			if most == 0 {
				most = 4
			}
			for n < most && i+n < len(s) && strings.IndexByte("0123456789abcdefABCDEF", s[i+n]) >= 0 {
				n++
			}
			b.WriteString(formatted(s[i : i+n]))
		case c == '\'' || c == '"' || c == '?':
			b.WriteString(s[i : i+2])
		default:
			b.WriteString(formatted(s[i : i+2]))
		}
		s = s[i+n:]
	}
}

// formatted decodes one escape that printf has too.
func formatted(escape string) string {
	text, _, err := expand.Format(nil, escape, nil)
	if err != nil {
		return escape
	}
	return text
}

// print writes what echo and printf print. A reader that has gone ends the
// shell, or the part of a pipe, as SIGPIPE does elsewhere.
func (sh *Shell) print(ctx context.Context, hc *handler, name, text string) error {
	_, err := io.WriteString(behind(hc.Stdout), text)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return interp.ExitStatus(statusOf(context.Cause(ctx)))
	case errors.Is(err, syscall.EPIPE):
		return hc.Builtin(ctx, []string{"exit", fmt.Sprint(128 + int(syscall.SIGPIPE))})
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		err = errno
	}
	fmt.Fprintf(behind(hc.Stderr), "%s%s: write error: %v\n", sh.where(hc.Pos), name, err)
	return interp.ExitStatus(command.StatusFailed)
}

// printf is the builtin, with -v.
func (sh *Shell) printf(ctx context.Context, hc *handler, args []string) error {
	fail := func(status uint8, format string, a ...any) error {
		fmt.Fprintf(behind(hc.Stderr), sh.where(hc.Pos)+"printf: "+format+"\n", a...)
		return interp.ExitStatus(status)
	}
	variable, named := "", false
	if len(args) > 1 && args[0] == "-v" {
		variable, named = args[1], true
		args = args[2:]
	}
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		return fail(command.StatusUsage, "usage: printf [-v VAR] FORMAT [ARG...]")
	}
	text, bad := printfText(args[0], args[1:])
	if bad != nil && errors.Is(bad, socket.Usage) {
		return fail(command.StatusUsage, "%v", bad)
	}
	if !named {
		if err := sh.print(ctx, hc, "printf", text); err != nil {
			return err
		}
	} else if err := sh.setVariable(ctx, hc, variable, text); err != nil {
		return fail(command.StatusUsage, "%v", err)
	}
	if bad != nil {
		return fail(command.StatusFailed, "%v", bad)
	}
	return nil
}

// setVariable assigns a variable or an element of an array.
func (sh *Shell) setVariable(ctx context.Context, hc *handler, name, value string) error {
	if i := strings.IndexByte(value, 0); i >= 0 { // as in bash
		value = value[:i]
	}
	plainName, index, isElement := strings.Cut(name, "[")
	if !variableName.MatchString(plainName) || isElement && !element.MatchString(index) {
		return socket.Faultf(socket.Usage, "%q is no name of a variable", name)
	}
	if !isElement {
		return sh.env.assign(ctx, hc, []command.Assignment{{Name: name, Value: value}})
	}
	return eval(ctx, hc, []command.Assignment{{Name: name, Value: value}})
}
