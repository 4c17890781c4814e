//go:build linux

package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// typed types a session's commands at a prompt in a place, and looks whether the screen
// comes to show what the page does. The kernel's numbers may be others, but each one the same
// wherever it stands.
func (p *place) typed(t *testing.T, b *block) {
	home := t.TempDir()
	tm := openTerminal(t, setup{home: home, cols: 160, rows: 70, through: p.through(home),
		env: []string{"PATH=" + p.path, "TMPDIR=" + placeTemp, "XDG_DATA_HOME=" + p.home + "/data"}})
	lines := b.lines()
	if lines[0] == "$ sosh" {
		lines = lines[1:]
	} else {
		tm.wait("a prompt", func(s screen) bool { return strings.HasSuffix(s.rows[s.y], "sosh>") })
	}
	v := newVarying(b.text)
	for i, line := range lines {
		m := promptLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		tm.shows(b, v, append(lines[:i:i], m[1]))
		tm.typeKeys(m[2] + "\r")
	}
	tm.shows(b, v, append(lines, "sosh… "))
}

// shows waits until the screen shows the lines, the last one where the cursor is.
func (tm *terminal) shows(b *block, v *varying, lines []string) {
	tm.Helper()
	re := v.pattern(lines)
	tm.wait(fmt.Sprintf("%v:\n%s\n", b, strings.Join(lines, "\n")), func(s screen) bool {
		m := re.FindStringSubmatch(strings.Join(s.rows[:s.y+1], "\n"))
		return m != nil && v.consistent(re.SubexpNames(), m)
	})
}

// varying are the numbers of a session that the kernel chooses: ports and descriptors.
type varying struct{ numbers map[string]bool }

var (
	kernelNumber = regexp.MustCompile(`(?:descriptor |:)([0-9]+)\b`)
	ephemeral    = regexp.MustCompile(`^[3-6][0-9]{4}$`)
	notice       = regexp.MustCompile(`^\S+(:| <) `)
	groupName    = regexp.MustCompile(`\(\?P<n[0-9]+`)
	variable     = regexp.MustCompile(`…| {2,}|[0-9]+(?:\.[0-9]+)?m?s\b|\b[0-9]+\b`)
)

func newVarying(text string) *varying {
	v := &varying{map[string]bool{}}
	for _, m := range kernelNumber.FindAllStringSubmatch(text, -1) {
		if strings.HasPrefix(m[0], "d") || ephemeral.MatchString(m[1]) {
			v.numbers[m[1]] = true
		}
	}
	return v
}

// pattern matches a screen that ends with the lines.
func (v *varying) pattern(lines []string) *regexp.Regexp {
	var text strings.Builder
	text.WriteString(`(?m:^)`)
	for i := 0; i < len(lines); i++ {
		told := i
		for told < len(lines) && notice.MatchString(lines[told]) {
			told++
		}
		switch notices := lines[i:told]; {
		case len(notices) == 2 && told < len(lines): // they may come in either order
			fmt.Fprintf(&text, "(?:%s\n%[2]s\n|%[2]s\n%[1]s\n)", v.line(notices[0]), v.line(notices[1]))
			i++
		case lines[i] == "…":
			text.WriteString(`(?:.*\n)*?`)
		case i < len(lines)-1:
			text.WriteString(v.line(lines[i]) + `\n`)
		default:
			text.WriteString(v.line(lines[i]))
		}
	}
	n := 0
	unique := groupName.ReplaceAllStringFunc(text.String(), func(name string) string { // as regexp wants it
		n++
		return name + "x" + strconv.Itoa(n)
	})
	return regexp.MustCompile(unique + `\z`)
}

// line matches one.
func (v *varying) line(line string) string {
	var text strings.Builder
	line = strings.TrimRight(line, " ")
	at := 0
	for _, m := range variable.FindAllStringIndex(line, -1) {
		text.WriteString(regexp.QuoteMeta(line[at:m[0]]))
		word := line[m[0]:m[1]]
		at = m[1]
		switch {
		case word == "…":
			text.WriteString(`.*`)
		case word[0] == ' ':
			text.WriteString(` +`)
		case strings.HasSuffix(word, "s"):
			text.WriteString(`[0-9.]+m?s`)
		case v.numbers[word]:
			text.WriteString(`(?P<n` + word + `>[0-9]+)`)
		default:
			text.WriteString(word)
		}
	}
	return text.String() + regexp.QuoteMeta(line[at:])
}

// consistent reports whether each of the page's numbers is one on the screen, and no two the same.
func (v *varying) consistent(names, values []string) bool {
	is, of := map[string]string{}, map[string]string{}
	for i, name := range names {
		name, _, _ = strings.Cut(name, "x") // the number, without its place
		if values[i] == "" || name == "" {  // of the order that they did not come in
			continue
		}
		if was, ok := is[name]; ok && was != values[i] {
			return false
		}
		if was, ok := of[values[i]]; ok && was != name {
			return false
		}
		is[name], of[values[i]] = values[i], name
	}
	return true
}
