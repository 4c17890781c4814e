package lang

import (
	"bytes"
	"fmt"
	"io"

	"mvdan.cc/sh/v3/syntax"

	"github.com/sosh-shell/sosh/core/socket"
)

// maxScript bounds a script, and one statement of a script that comes as it is
// run, in bytes.
const maxScript = 16 << 20

// scriptReader gives a script to the parser: bounded, and text.
type scriptReader struct {
	r         io.Reader
	left      int
	line, col int // of the next byte, from 0
	bad       *scriptError
}

func newScriptReader(r io.Reader) *scriptReader { return &scriptReader{r: r, left: maxScript} }

// renew gives the next statement its room.
func (s *scriptReader) renew() { s.left = maxScript }

// scriptError is what is no script; its place is known.
type scriptError struct {
	line, col int
	text      string
}

func (e *scriptError) Error() string { return e.text }
func (e *scriptError) Unwrap() error { return socket.Usage }

func (s *scriptReader) Read(p []byte) (int, error) {
	if s.bad != nil {
		return 0, s.bad
	}
	n, err := s.r.Read(p)
	if i := bytes.IndexByte(p[:n], 0); i >= 0 {
		s.pass(p[:i])
		s.bad = &scriptError{s.line + 1, s.col + 1, "a NUL byte: this is no script"}
		return 0, s.bad
	}
	if n > s.left {
		s.pass(p[:s.left])
		s.bad = &scriptError{s.line + 1, s.col + 1, fmt.Sprintf("more than %d MiB without an end: this is no script", maxScript>>20)}
		return 0, s.bad
	}
	s.left -= n
	s.pass(p[:n])
	return n, err
}

// pass counts the places of what was read.
func (s *scriptReader) pass(p []byte) {
	s.line += bytes.Count(p, []byte{'\n'})
	if i := bytes.LastIndexByte(p, '\n'); i >= 0 {
		s.col, p = 0, p[i+1:]
	}
	s.col += len(p)
}

// parse reads a whole script.
func (sh *Shell) parse(r io.Reader, name string) (*syntax.File, error) {
	in := newScriptReader(r)
	f, err := sh.parser.Parse(in, name)
	if in.bad != nil {
		return nil, in.bad
	}
	if err == nil {
		err = sh.check(f)
	}
	if err == nil && name == sh.cfg.Name {
		err = sh.unknown(f)
	}
	if err != nil {
		return nil, err
	}
	sh.rewrite(f)
	return f, nil
}
