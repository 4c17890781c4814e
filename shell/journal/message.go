package journal

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"mvdan.cc/sh/v3/syntax"

	"github.com/sosh-shell/sosh/core/socket"
)

// message awaits one message: by its fields where it has some that stay, else whole.
func (w *writer) message(p *piece) string {
	name := p.of.name
	if words := w.fields(p); len(words) > 0 {
		return "expect " + name + " " + strings.Join(words, " ")
	}
	data := p.head
	long := len(data) > 4*maxLine
	switch {
	case binary(data):
		return "expect --hex " + name + " '" + hexWords(data[:min(len(data), 2*hexLine)]) + "'"
	case long:
		text, _ := w.pattern(data[:brief(data, maxLine)])
		return "expect " + name + ` '\A` + text + "'"
	}
	text, _ := w.pattern(data)
	return "expect " + name + ` '\A` + text + `\z'`
}

// fields are the FIELD=VALUE words of a message that will be the same the next time. A
// number that has no word and no default is an identifier, a count or a size.
func (w *writer) fields(p *piece) (words []string) {
	for i, f := range p.fields {
		d, known := socket.FieldNamed(p.declared, f.Name)
		if !known || f.Value == "" || len(f.Value) > maxValue || !printable(f.Value) || len(words) == maxFields {
			continue
		}
		_, err := strconv.ParseFloat(f.Value, 64)
		number := err == nil && (d.Type == socket.IntField || d.Type == socket.FloatField) && d.Default == ""
		if number && i > 0 || !w.o.Exact && w.maker.Varies([]byte(f.Value)) {
			continue
		}
		words = append(words, quoted([]byte(f.Name+"="+f.Value)))
	}
	return words
}

func printable(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9._:/@%+,=-]+$`)

// quoted is a word of the shell.
func quoted(p []byte) string {
	s := string(p)
	if plainWord.MatchString(s) {
		return s
	}
	if !strings.Contains(s, "'") && printable(s) {
		return "'" + s + "'"
	}
	q, err := syntax.Quote(s, syntax.LangBash)
	if err != nil {
		return "''"
	}
	return q
}
