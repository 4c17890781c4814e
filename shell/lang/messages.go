package lang

import (
	"errors"
	"io"
	"regexp"
	"strings"
	"sync"

	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"

	"github.com/sosh-shell/sosh/shell/render"
)

// messages is the standard error that the interpreter sees. Commands and
// programs get what is behind it, so all that comes here is the interpreter's
// own: it gets its place, and an expansion that failed, which the interpreter
// passes over with status 0, ends the script or job.
type messages struct {
	sh   *Shell
	to   io.Writer
	fail func(error) // ends what runs

	mu    sync.Mutex
	pos   syntax.Pos // of the builtin that runs
	plain bool       // its output comes here too
}

// errExpansion ends a script whose words could not be expanded.
var errExpansion = errors.New("an expansion failed")

// expansion is what the interpreter says of words that it could not expand.
var expansion = regexp.MustCompile(`^(division by zero|exponent less than 0|brace expansion would exceed|extended globbing operator|invalid indirect expansion|negative array index|unsupported|cannot create fifo|giving up at creating fifo|[A-Za-z_][A-Za-z0-9_]*: bad array subscript)`)

// failedRedirect is what it says of one that it could not do: before the command
// that it belongs to, so at no known place.
var failedRedirect = regexp.MustCompile(`^(open|unsupported redirect|unhandled) `)

// ofVariable is what it says of a variable, also at no known place.
var ofVariable = regexp.MustCompile(`^([A-Za-z_0-9@*#!]+)(\[.*\])?: `)

// declarations are builtins that the interpreter does not announce.
var declarations = map[string]bool{"declare": true, "local": true, "typeset": true, "export": true, "readonly": true, "nameref": true, "let": true}

// anywhere reports whether what the interpreter says belongs to no builtin.
func anywhere(text string) bool {
	if m := ofVariable.FindStringSubmatch(text); m != nil {
		return !interp.IsBuiltin(m[1]) && m[1] != "usage" || declarations[m[1]]
	}
	return failedRedirect.MatchString(text)
}

// position begins what the interpreter's test says.
var position = regexp.MustCompile(`^\d+:\d+: `)

// begin says which builtin runs now.
func (m *messages) begin(hc *interp.HandlerContext) {
	m.mu.Lock()
	m.pos, m.plain = hc.Pos, hc.Stdout == hc.Stderr
	m.mu.Unlock()
}

func (m *messages) Write(p []byte) (int, error) {
	text := string(p)
	m.mu.Lock()
	pos, plain := m.pos, m.plain
	m.mu.Unlock()
	failed := expansion.MatchString(text)
	if failed {
		defer m.fail(errExpansion)
	}
	if !failed && (plain || strings.HasPrefix(text, "+") || !strings.HasSuffix(text, "\n") || menu.MatchString(text)) {
		return m.to.Write(p)
	}
	if m.sh.saysEnd(text) && !m.sh.tells() {
		return len(p), nil
	}
	where := m.sh.where(pos)
	text = strings.TrimSuffix(text, "\n")
	switch {
	case m.sh.cfg.Prompt:
		where = ""
	case placed(text, m.sh.cfg.Name):
		where = ""
	case placeAtEnd.MatchString(text) && anywhere(text):
		where = m.sh.cfg.Name + ":" + placeAtEnd.FindStringSubmatch(text)[1] + ": "
	case failed, anywhere(text):
		where = m.sh.cfg.Name + ": "
	}
	if anywhere(text) {
		text = placeAtEnd.ReplaceAllString(text, "")
	}
	text = position.ReplaceAllString(text, "")
	if rest, ok := strings.CutPrefix(text, newestJob+": "); ok {
		text = "!: " + rest
	}
	if _, err := io.WriteString(m.to, where+strings.ReplaceAll(render.Line(text), `\n`, "\n")+"\n"); err != nil {
		return 0, err
	}
	return len(p), nil
}

// menu is a line of select.
var menu = regexp.MustCompile(`^\d+\) `)

// placed reports whether a message bears its place already.
func placed(text, name string) bool {
	rest, ok := strings.CutPrefix(text, name+":")
	return ok && position.MatchString(rest)
}

// Read and Close let a redirection lead here.
func (m *messages) Read([]byte) (int, error) { return 0, io.EOF }
func (m *messages) Close() error             { return nil }

// behind is where commands and programs write that have w.
func behind(w io.Writer) io.Writer {
	for {
		m, ok := w.(*messages)
		if !ok {
			return w
		}
		w = m.to
	}
}
