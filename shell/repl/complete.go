package repl

import (
	"strings"
	"unicode/utf8"

	"github.com/sosh-shell/sosh/shell/command"
)

// complete answers Tab: the common beginning of what fits, or a list.
func (r *repl) complete(line string, pos int) completion {
	word, all := command.Complete(r.session, line[:pos])
	var fit []candidate
	for _, c := range all {
		if strings.HasPrefix(c.Text, word) {
			fit = append(fit, candidate{c.Text, c.Help})
		}
	}
	switch len(fit) {
	case 0:
		return completion{}
	case 1:
		rest := quoted(fit[0].Text[len(word):], line[:pos])
		if strings.HasSuffix(fit[0].Text, "=") || strings.HasSuffix(fit[0].Text, "/") {
			return completion{Insert: rest} // the word goes on
		}
		end := openQuote(line[:pos]) + " "
		if strings.HasPrefix(line[pos:], end[:1]) { // it stands there already
			end = ""
		}
		return completion{Insert: rest + end}
	}
	common := fit[0].Text
	for _, c := range fit[1:] {
		for !strings.HasPrefix(c.Text, common) {
			_, n := utf8.DecodeLastRuneInString(common)
			common = common[:len(common)-n]
		}
	}
	return completion{Insert: quoted(common[min(len(word), len(common)):], line[:pos]), Candidates: fit}
}

// quoted is a part of a word as it must be typed behind before: a file's name
// may hold what means something to the shell.
func quoted(part, before string) string {
	if openQuote(before) != "" {
		return part
	}
	var b strings.Builder
	for _, r := range part {
		if strings.ContainsRune(" \t\"'\\$`&|;<>(){}*?[]!#~", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// openQuote is the quote within which line ends, "" for none.
func openQuote(line string) string {
	quote := byte(0)
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\\' && quote != '\'':
			i++
		case quote == 0 && (c == '\'' || c == '"'):
			quote = c
		case c == quote:
			quote = 0
		}
	}
	if quote == 0 {
		return ""
	}
	return string(rune(quote))
}
