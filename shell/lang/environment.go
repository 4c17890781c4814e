package lang

import (
	"context"
	"os"
	"strings"
	"sync"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/shell/command"
)

// environment is the variables beneath those that the script sets: the
// process's, and those that commands set. Commands set theirs here because the
// interpreter's own way, an eval, parses, and a loop of expects would do little
// else.
//
// It is seen by the script itself, its functions, ( ) and $( ). A job and a part
// of a pipe have copies of all variables, as in every shell, and what a command
// sets there is set by eval. So it is when the script has a variable of its own
// by that name, which hides ours.
type environment struct {
	base  expand.Environ
	clock *clock
	// noTemp hides where temporary files are, from an interpreter that may not
	// have any. It is asked once.
	noTemp bool

	mu  sync.Mutex
	set map[string]expand.Variable
}

func newEnvironment(c *clock) *environment {
	return &environment{base: expand.ListEnviron(os.Environ()...), clock: c, set: map[string]expand.Variable{}}
}

// nowhere is a directory in which nothing can be made.
const nowhere = "/proc/self/fdinfo"

// marker is a variable that only those have who see the environment itself and
// no copy. No script can name it.
const marker = "sosh:environment"

// Get is for the interpreter.
func (e *environment) Get(name string) expand.Variable {
	if name == marker {
		return expand.Variable{Set: true, Kind: expand.String}
	}
	if isClock(name) {
		return e.clock.variable(name)
	}
	if e.noTemp && name == "TMPDIR" {
		return expand.Variable{Set: true, Kind: expand.String, Str: nowhere}
	}
	e.mu.Lock()
	v, ok := e.set[name]
	e.mu.Unlock()
	if ok {
		return v
	}
	return e.base.Get(name)
}

// Each is for the interpreter.
func (e *environment) Each(f func(name string, v expand.Variable) bool) {
	more := true
	e.base.Each(func(name string, v expand.Variable) bool {
		more = f(name, v)
		return more
	})
	e.mu.Lock()
	set := make(map[string]expand.Variable, len(e.set))
	for name, v := range e.set {
		set[name] = v
	}
	e.mu.Unlock()
	for name, v := range set {
		if !more {
			return
		}
		more = f(name, v)
	}
	for _, name := range clocks { // a copy's stand still, but where they are rewritten
		if more {
			more = f(name, e.clock.variable(name))
		}
	}
}

// visible reports whether what is set here under that name is what hc's shell sees.
func (e *environment) visible(hc *interp.HandlerContext, name string) bool {
	if !hc.Env.Get(marker).Set {
		return false
	}
	e.mu.Lock()
	ours, ok := e.set[name]
	e.mu.Unlock()
	seen := hc.Env.Get(name)
	if !ok { // not even declared: a local without a value would hide ours
		return !seen.Set && !seen.Local && !seen.Exported && !seen.ReadOnly && seen.Kind == expand.Unknown
	}
	return same(seen, ours)
}

func same(a, b expand.Variable) bool {
	if a.Set != b.Set || a.Kind != b.Kind || a.Str != b.Str || len(a.List) != len(b.List) || a.Local || a.Exported {
		return false
	}
	for i := range a.List {
		if a.List[i] != b.List[i] {
			return false
		}
	}
	return true
}

// assign sets variables for the shell of hc.
func (e *environment) assign(ctx context.Context, hc *interp.HandlerContext, list []command.Assignment) error {
	var rest []command.Assignment
	for _, a := range list {
		if !e.visible(hc, a.Name) {
			rest = append(rest, a)
			continue
		}
		v := expand.Variable{Set: true, Kind: expand.String, Str: a.Value}
		if a.Values != nil {
			v.Kind, v.List = expand.Indexed, a.Values
		}
		e.mu.Lock()
		e.set[a.Name] = v
		e.mu.Unlock()
		if !same(hc.Env.Get(a.Name), v) { // an unset hides what is beneath, and does not show
			e.mu.Lock()
			delete(e.set, a.Name)
			e.mu.Unlock()
			rest = append(rest, a)
		}
	}
	if len(rest) == 0 {
		return nil
	}
	return eval(ctx, hc, rest)
}

// clearMatch takes away what matches have set here, and names where the script
// has variables of its own.
func (e *environment) clearMatch(ctx context.Context, hc *interp.HandlerContext, names []string) error {
	if hc.Env.Get(marker).Set {
		e.mu.Lock()
		for name := range e.set {
			if name == "match" || strings.HasPrefix(name, "match_") {
				delete(e.set, name)
			}
		}
		e.mu.Unlock()
	}
	return e.unset(ctx, hc, names)
}

// unset takes variables away.
func (e *environment) unset(ctx context.Context, hc *interp.HandlerContext, names []string) error {
	var rest []string
	for _, name := range names {
		if !e.visible(hc, name) {
			if hc.Env.Get(name).Set {
				rest = append(rest, name)
			}
			continue
		}
		e.mu.Lock()
		delete(e.set, name)
		e.mu.Unlock()
	}
	if len(rest) == 0 {
		return nil
	}
	return hc.Builtin(ctx, append([]string{"unset", "-v"}, rest...))
}

// eval sets variables through the interpreter.
func eval(ctx context.Context, hc *interp.HandlerContext, list []command.Assignment) error {
	var b strings.Builder
	for _, a := range list {
		b.WriteString(a.Name + "=")
		if a.Values == nil {
			if err := quote(&b, a.Value); err != nil {
				return err
			}
		} else {
			b.WriteByte('(')
			for i, v := range a.Values {
				if i > 0 {
					b.WriteByte(' ')
				}
				if err := quote(&b, v); err != nil {
					return err
				}
			}
			b.WriteByte(')')
		}
		b.WriteByte('\n')
	}
	if err := hc.Builtin(ctx, []string{"eval", b.String()}); err != nil {
		return socket.Faultf(socket.Unsupported, "the variable cannot be set")
	}
	return nil
}
