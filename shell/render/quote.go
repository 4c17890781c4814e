package render

import (
	"strings"

	"github.com/sosh-shell/sosh/core/escape"
	"github.com/sosh-shell/sosh/core/socket"
)

// Quote writes p as a word that send turns back into p: in single quotes, on
// one line, backslashes doubled.
func Quote(p []byte) string {
	var b strings.Builder
	b.WriteByte('\'')
	doubled := strings.ReplaceAll(string(p), `\`, `\\`)
	text := Line(doubled)
	b.WriteString(strings.ReplaceAll(text, "'", `\x27`))
	b.WriteByte('\'')
	return b.String()
}

// Unescape decodes the escapes \r \n \t \0 \a \e \\ \xHH \uHHHH. Anything else
// after a backslash, and \0 before a digit, is an error that is [socket.Usage].
func Unescape(s string) ([]byte, error) {
	out := make([]byte, 0, len(s))
	for {
		i := strings.IndexByte(s, '\\')
		if i < 0 {
			return append(out, s...), nil
		}
		out = append(out, s[:i]...)
		v, n, err := escape.Decode(s[i:])
		if err != nil {
			return nil, socket.Faultf(socket.Usage, "%s", err)
		}
		out = v.Append(out)
		s = s[i+n:]
	}
}
