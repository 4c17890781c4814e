package journal

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/shell/vary"
)

// Bounds of what is awaited at one place.
const (
	maxLines  = 64  // lines; of more only the first and the last
	headLines = 32  // that many of the first
	maxLine   = 500 // bytes of one line
	hexLine   = 32  // bytes of one pattern in hex
	maxHex    = 512 // bytes in hex
	maxFields = 8
	maxValue  = 200 // bytes of a field's value
)

// arrivals writes what came behind an entry.
func (w *writer) arrivals(n int) {
	for _, b := range w.blocks[n] {
		if b.note != "" {
			w.comment(b.note)
			continue
		}
		w.pass(b.last)
		w.maker.Now = b.last
		lines := w.await(n, b)
		if w.inUse[n-w.j.dropped] {
			for i, l := range lines {
				if strings.HasPrefix(l, "expect ") {
					lines[i] = l + " | :"
				}
			}
			if !w.explained {
				w.explained = true
				w.comment("In a part of a pipe, so that what the match before has set stays:")
			}
		}
		w.print("%s", strings.Join(lines, "\n"))
	}
}

// await are the lines that wait for a block, behind an entry.
func (w *writer) await(n int, b *block) []string {
	var lines []string
	switch {
	case b.reason != nil:
		lines = w.end(b)
	case b.message != nil:
		lines = []string{w.message(b.message)}
	case binary(b.data):
		lines = w.hex(b)
	default:
		lines = w.text(b)
	}
	begun := w.j.entry(n).begun // of the statement that it stands behind
	if e := w.j.entry(n); e.over && e.ended.Before(b.first) {
		begun = e.ended
	}
	if d := b.last.Sub(begun); d > slow {
		for i := range lines {
			if strings.HasPrefix(lines[i], "expect ") || strings.HasPrefix(lines[i], "recv ") {
				word, rest, _ := strings.Cut(lines[i], " ")
				lines[i] = word + " " + limit(d) + " " + rest
			}
		}
	}
	return lines
}

func (w *writer) end(b *block) []string {
	switch {
	case errors.Is(b.reason, socket.Ended):
		return []string{"expect " + b.st.name + " --eof"}
	case errors.Is(b.reason, socket.Reset):
		return []string{"expect " + b.st.name + " --reset"}
	}
	return []string{"# " + b.st.name + " ended: " + quoted([]byte(b.reason.Error()))}
}

// pattern is one for a text, and whether only quiet tells that it is over.
func (w *writer) pattern(text []byte) (string, bool) {
	if w.o.Exact {
		return vary.Exact(text), false
	}
	return w.maker.Pattern(text)
}

// text awaits a text line by line.
func (w *writer) text(b *block) []string {
	lines := bytes.SplitAfter(b.data, []byte("\n"))
	if len(lines[len(lines)-1]) == 0 {
		lines = lines[:len(lines)-1]
	}
	anchor := `\A`
	switch b.before {
	case atStart, '\n':
		anchor = "^"
	case unknown:
		anchor = ""
	}
	var out []string
	one := func(text []byte) {
		out = append(out, w.expect(b.st.name, anchor, text))
		anchor = "^"
	}
	if b.missing == 0 && len(lines) <= maxLines {
		for _, l := range lines {
			one(l)
		}
		return out
	}
	for _, l := range lines[:min(headLines, len(lines))] {
		one(l)
	}
	rest := bytes.Join(lines[min(headLines, len(lines)):], nil)
	left := int64(len(rest)) + b.missing + int64(len(b.tail))
	end := ending(append(rest, b.tail...))
	if end == nil {
		return append(out, recvBytes(b.st.name, left))
	}
	out = append(out, fmt.Sprintf("# %d bytes more, which end so:", left))
	one(end)
	return out
}

// ending is the shortest end of a text, in lines, that stands nowhere else in it; nil
// when there is none that is short.
func ending(text []byte) []byte {
	from := len(text)
	for range 8 {
		if from > 0 && text[from-1] == '\n' {
			from--
		}
		from = bytes.LastIndexByte(text[:from], '\n') + 1
		if end := text[from:]; len(bytes.TrimSpace(end)) > 0 && len(end) <= maxLine && !bytes.Contains(text[:len(text)-1], end) {
			return end
		}
		if from == 0 {
			break
		}
	}
	return nil
}

func recvBytes(name string, n int64) string {
	return "recv " + name + " --bytes " + strconv.FormatInt(n, 10) + " > /dev/null"
}

// expect awaits a line, or part of one.
func (w *writer) expect(name, anchor string, line []byte) string {
	p, open := "", false
	if len(line) <= maxLine {
		p, open = w.pattern(line)
	} else {
		p, _ = w.pattern(line[:brief(line, maxLine/2)])
		p += `[^\n]*`
		if open = line[len(line)-1] != '\n'; !open {
			p += `\n`
		}
	}
	if open { // nothing tells where it ends but that no more comes
		return "expect " + name + " '" + anchor + p + "' --settle 100ms"
	}
	return "expect " + name + " '" + anchor + p + "'"
}

// brief is where a text of at most n bytes ends, between two words.
func brief(text []byte, n int) int {
	if i := bytes.LastIndexByte(text[:n], ' '); i > 0 {
		return i
	}
	for n > 1 && !utf8.RuneStart(text[n]) {
		n--
	}
	return n
}

// hex awaits bytes.
func (w *writer) hex(b *block) []string {
	var out []string
	data := b.data[:min(len(b.data), maxHex)]
	left := int64(len(b.data)-len(data)) + b.missing + int64(len(b.tail))
	for len(data) > 0 {
		n := min(len(data), hexLine)
		out = append(out, "expect --hex "+b.st.name+" '"+hexWords(data[:n])+"'")
		data = data[n:]
	}
	if left > 0 {
		out = append(out, recvBytes(b.st.name, left))
	}
	return out
}

func hexWords(p []byte) string {
	text := hex.EncodeToString(p)
	var b strings.Builder
	for i := 0; i < len(text); i += 2 {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(text[i : i+2])
	}
	return b.String()
}

// binary reports whether bytes are no text: more than three in ten are neither
// printable nor what stands in texts.
func binary(p []byte) bool {
	strange, all := 0, 0
	for p := p[:min(len(p), 4<<10)]; len(p) > 0; all++ {
		r, n := utf8.DecodeRune(p)
		if r == utf8.RuneError && (n <= 1) || !unicode.IsPrint(r) && !strings.ContainsRune("\r\n\t\f\a\b\x1b", r) {
			strange++
		}
		p = p[n:]
	}
	return strange*10 > all*3
}

var (
	usesMatch = regexp.MustCompile(`\$\{?[#!]?(match|peer)\b|\$\{?match_|\bmatch\[`)
	setsMatch = regexp.MustCompile(`\b(expect|recv)\b`)
)

// matchUses tells for each entry whether what is typed after it still uses what a
// match before had set.
func (w *writer) matchUses() []bool {
	uses := make([]bool, len(w.j.entries))
	for i := len(uses) - 2; i >= 0; i-- {
		n := w.j.dropped + i + 1
		text := w.j.entry(n).unit.Text()
		switch {
		case w.stays(n) && usesMatch.MatchString(text):
			uses[i] = true
		case w.stays(n) && setsMatch.MatchString(text):
		default:
			uses[i] = uses[i+1]
		}
	}
	return uses
}
