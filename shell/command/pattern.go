package command

import (
	"github.com/sosh-shell/sosh/core/expect"
	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/shell/render"
)

// patternKind is how a pattern is written.
type patternKind struct{ literal, hex bool }

// pattern is a compiled pattern by its text.
type pattern struct {
	kind patternKind
	text string
}

// maxPatterns bounds the compiled patterns that a session keeps: a loop uses a
// handful, and compiling costs more than matching a line.
const maxPatterns = 256

// compile compiles a pattern, or finds it compiled. A bad one is [socket.Usage].
func (c *Call) compile(kind patternKind, text string) (*expect.Pattern, error) {
	s := c.Session.shell()
	key := pattern{kind, text}
	s.mu.Lock()
	p := s.patterns[key]
	s.mu.Unlock()
	if p != nil {
		return p, nil
	}
	var err error
	switch {
	case kind.literal:
		var plain []byte
		if plain, err = render.Unescape(text); err == nil {
			p, err = expect.Literal(string(plain))
		}
	case kind.hex:
		p, err = expect.HexPattern(text)
	default:
		p, err = expect.Compile(text)
	}
	if err != nil {
		return nil, &socket.Error{Op: c.command.Name, Err: socket.Faultf(socket.Usage, "%s", err)}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.patterns == nil || len(s.patterns) >= maxPatterns {
		s.patterns = map[pattern]*expect.Pattern{}
	}
	s.patterns[key] = p
	return p, nil
}
