package lang

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// The interpreter tells no place where a file cannot be opened or a variable must be
// set. So the rewritten code carries it: the word of a redirection ends in a mark that
// [Shell.openFile] takes off, and the message of ${x:?...} in words that [messages]
// puts in front.

// placeMark begins and ends a place at the end of a path.
const placeMark = "\x01"

// place marks the file of a redirection with its place.
func (w *rewriting) place(r *syntax.Redirect) {
	switch r.Op {
	case syntax.RdrIn, syntax.RdrOut, syntax.AppOut, syntax.RdrAll, syntax.AppAll:
	default:
		return
	}
	if r.Word == nil || len(r.Word.Parts) == 0 || !r.Pos().IsValid() || w.sh.cfg.Prompt {
		return
	}
	for _, part := range r.Word.Parts {
		switch part := part.(type) {
		case *syntax.ProcSubst: // its path is the interpreter's own
			return
		case *syntax.SglQuoted:
			if strings.HasPrefix(part.Value, placeMark) {
				return
			}
		}
	}
	r.Word.Parts = append(r.Word.Parts, quotedWord(r.Word.End(), placeMark+lineAndColumn(r.Pos())+placeMark).Parts...)
	w.changed = true
}

func lineAndColumn(pos syntax.Pos) string { return fmt.Sprintf("%d:%d", pos.Line(), pos.Col()) }

// unmarked takes the mark off a path.
func unmarked(path string) (rest, place string) {
	if !strings.HasSuffix(path, placeMark) {
		return path, ""
	}
	rest, place, ok := strings.Cut(strings.TrimSuffix(path, placeMark), placeMark)
	if !ok {
		return path, ""
	}
	return rest, place
}

// placedError puts the place in front of what a file's error says.
func (sh *Shell) placedError(place string, err error) error {
	var pe *os.PathError
	if place == "" || !errors.As(err, &pe) {
		return err
	}
	return &os.PathError{Op: sh.cfg.Name + ":" + place + ": " + pe.Op, Path: pe.Path, Err: pe.Err}
}

// demand makes the message of ${x?...} end in its place.
func (w *rewriting) demand(p *syntax.ParamExp) {
	if p.Exp == nil || !p.Pos().IsValid() || p.Exp.Op != syntax.ErrorUnset && p.Exp.Op != syntax.ErrorUnsetOrNull {
		return
	}
	at := fmt.Sprintf(" (at %s)", lineAndColumn(p.Pos()))
	if p.Exp.Word == nil || len(p.Exp.Word.Parts) == 0 {
		text := "parameter not set"
		if p.Exp.Op == syntax.ErrorUnsetOrNull {
			text = "parameter null or not set"
		}
		p.Exp.Word = quotedWord(p.Pos(), text)
	}
	last := p.Exp.Word.Parts[len(p.Exp.Word.Parts)-1]
	if q, ok := last.(*syntax.SglQuoted); ok && q.Value == at {
		return
	}
	p.Exp.Word.Parts = append(p.Exp.Word.Parts, quotedWord(p.Pos(), at).Parts...)
	w.changed = true
}

// placeAtEnd is what demand adds.
var placeAtEnd = regexp.MustCompile(` \(at (\d+:\d+)\)$`)
