package repl

import (
	"strings"

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
		rest := fit[0].Text[len(word):]
		if !strings.HasSuffix(rest, "=") && !strings.HasSuffix(rest, "/") {
			rest += " "
		}
		return completion{Insert: rest}
	}
	common := fit[0].Text
	for _, c := range fit[1:] {
		for !strings.HasPrefix(c.Text, common) {
			common = common[:len(common)-1]
		}
	}
	return completion{Insert: common[len(word):], Candidates: fit}
}
