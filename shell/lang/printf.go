package lang

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/sosh-shell/sosh/core/socket"
)

var (
	variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	element      = regexp.MustCompile(`^[A-Za-z0-9_]+\]$`)
)

// maxWidth bounds a width or precision, and maxPrinted the whole, in bytes.
const (
	maxWidth   = 1 << 20
	maxPrinted = 64 << 20
)

var errPrinted = socket.Faultf(socket.Usage, "more than 64 MiB")

// printing is one printf(1): its arguments and what they have become.
type printing struct {
	args []string
	used bool // an argument, in this round
	out  strings.Builder
	end  bool // \c
	bad  error
}

// printfText formats as printf(1) does in bash: the format is used again while
// there are arguments. A number that is none is an error told at the end, with
// what could be read; a format that is none is [socket.Usage].
func printfText(format string, args []string) (string, error) {
	p := &printing{args: args}
	for {
		p.used = false
		if err := p.round(format); err != nil {
			return "", err
		}
		if p.end || !p.used || len(p.args) == 0 {
			return p.out.String(), p.bad
		}
		if p.out.Len() > maxPrinted {
			return "", errPrinted
		}
	}
}

func (p *printing) arg() (string, bool) {
	p.used = true
	if len(p.args) == 0 {
		return "", false
	}
	a := p.args[0]
	p.args = p.args[1:]
	return a, true
}

// directive is what stands between % and its letter.
var directive = regexp.MustCompile(`^%([-+ #0]*)(\*|[0-9]*)(?:\.(\*|[0-9]*))?`)

func (p *printing) round(format string) error {
	for len(format) > 0 && !p.end {
		i := strings.IndexAny(format, `%\`)
		if i < 0 {
			p.out.WriteString(format)
			return nil
		}
		p.out.WriteString(format[:i])
		format = format[i:]
		if format[0] == '\\' {
			format = p.escape(format)
			continue
		}
		head := directive.FindStringSubmatch(format)
		format = format[len(head[0]):]
		if format == "" {
			return socket.Faultf(socket.Usage, "%s ends without a letter", head[0])
		}
		letter := format[0]
		if letter == '(' {
			return socket.Faultf(socket.Usage, "%%(FORMAT)T is not supported; date(1) is")
		}
		format = format[1:]
		if letter == '%' {
			p.out.WriteByte('%')
			continue
		}
		if err := p.directive(head, letter); err != nil {
			return err
		}
		if p.out.Len() > maxPrinted {
			return errPrinted
		}
	}
	return nil
}

// escape decodes the escape that format begins with, and returns the rest.
func (p *printing) escape(format string) string {
	n := 2
	if len(format) < 2 {
		p.out.WriteByte('\\')
		return ""
	}
	digits, most := "01234567", 0
	switch c := format[1]; {
	case '0' <= c && c <= '7':
		n, most = 1, 4
	case c == 'x':
		most, digits = 4, "0123456789abcdefABCDEF"
	case c == 'u':
		most, digits = 6, "0123456789abcdefABCDEF"
	case c == 'U':
		most, digits = 10, "0123456789abcdefABCDEF"
	case c == 'c':
		p.end = true
		return ""
	}
	for n < most && n < len(format) && strings.IndexByte(digits, format[n]) >= 0 {
		n++
	}
	p.out.WriteString(formatted(format[:n]))
	return format[n:]
}

func (p *printing) directive(head []string, letter byte) error {
	flags, width, precision := head[1], head[2], head[3]
	hasPrecision := strings.Contains(head[0], ".")
	number := func(s string) (int, error) {
		if s == "*" {
			a, _ := p.arg()
			s = strconv.FormatInt(p.integer(a), 10)
		}
		n, err := strconv.Atoi("0" + strings.TrimPrefix(s, "-"))
		if err != nil || n > maxWidth {
			return 0, socket.Faultf(socket.Usage, "%s is too wide", head[0])
		}
		if strings.HasPrefix(s, "-") {
			n = -n
		}
		return n, nil
	}
	w, err := number(width)
	if err != nil {
		return err
	}
	if w < 0 {
		flags, w = flags+"-", -w
	}
	prec, err := number(precision)
	if err != nil {
		return err
	}
	hasPrecision = hasPrecision && prec >= 0
	verb := "%" + flags
	if w > 0 {
		verb += strconv.Itoa(w)
	}
	a, given := p.arg()
	switch letter {
	case 's', 'b', 'q', 'c':
		p.text(letter, a, flags, w, prec, hasPrecision)
	case 'd', 'i':
		p.out.WriteString(integer(flags, w, prec, hasPrecision, 'd', p.integer(a)))
	case 'u', 'o', 'x', 'X':
		v := uint64(p.integer(a))
		if letter == 'u' {
			letter = 'd'
		}
		p.out.WriteString(integer(flags, w, prec, hasPrecision, letter, v))
	case 'e', 'E', 'f', 'F', 'g', 'G':
		if hasPrecision {
			verb += "." + strconv.Itoa(prec)
		} else if letter == 'g' || letter == 'G' {
			verb += ".6"
		}
		fmt.Fprintf(&p.out, verb+string(letter), p.float(a, given))
	default:
		return socket.Faultf(socket.Usage, "%%%c is no directive", letter)
	}
	return nil
}

// text writes a string directive; widths count bytes, as in bash.
func (p *printing) text(letter byte, a, flags string, width, prec int, hasPrecision bool) {
	switch letter {
	case 'b':
		more := true
		if a, more = decode(a); !more {
			p.end = true
		}
	case 'q':
		a = backslashed(a)
	case 'c':
		a = a[:min(1, len(a))]
	}
	if hasPrecision {
		a = a[:min(prec, len(a))]
	}
	pad := strings.Repeat(" ", max(0, width-len(a)))
	if strings.Contains(flags, "-") {
		p.out.WriteString(a + pad)
	} else {
		p.out.WriteString(pad + a)
	}
}

// backslashed is a word quoted as bash's %q does.
func backslashed(s string) string {
	q, err := syntax.Quote(s, syntax.LangBash)
	if err != nil || s == "" || strings.HasPrefix(q, "$") {
		return q
	}
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if strings.IndexByte(" '\"\\|&;()<>!{}*[]?^$`,", c) >= 0 || i == 0 && (c == '#' || c == '~') {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	return b.String()
}

// integer formats a number as C does: a precision is the least count of digits.
func integer(flags string, width, prec int, hasPrecision bool, letter byte, v any) string {
	if hasPrecision {
		flags = strings.ReplaceAll(flags, "0", "")
	}
	if letter == 'o' || letter == 'x' || letter == 'X' || isUnsigned(v) {
		flags = strings.NewReplacer("+", "", " ", "").Replace(flags)
	}
	if strings.Contains(flags, "-") {
		flags = strings.ReplaceAll(flags, "0", "")
	}
	if strings.Contains(flags, "#") && fmt.Sprint(v) == "0" {
		flags = strings.ReplaceAll(flags, "#", "")
	}
	verb := "%" + flags
	if width > 0 {
		verb += strconv.Itoa(width)
	}
	if hasPrecision {
		verb += "." + strconv.Itoa(prec)
	}
	return fmt.Sprintf(verb+string(letter), v)
}

func isUnsigned(v any) bool { _, ok := v.(uint64); return ok }
