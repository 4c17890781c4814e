package vary

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
)

// kind is one form of what varies.
type kind struct {
	name string
	re   string
	make func(m *Maker, text []byte) (made, bool)
}

const (
	month   = `(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)`
	day     = `(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)`
	longDay = `(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)`
	clock   = `[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,9})?`
	zone    = `(?: ?(?:[+-][0-9]{4}\b|[+-][0-9]{2}:[0-9]{2}\b|GMT\b|UTC\b)(?: \([A-Z]{2,5}\))?)`
	ip4     = `[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}`
)

// kinds are the forms, the longer before what they begin with.
var kinds = []kind{
	// RFC 5322 section 3.3 and RFC 9110 section 5.6.7, with the form of RFC 850, and
	// without the day as in logs.
	{"mail date", `(?:` + day + `, ?|` + longDay + `, )?[0-9]{1,2}[ -]` + month + `[ -](?:[0-9]{4}|[0-9]{2}) ` + clock + zone + `?`, shape},
	// The common log format.
	{"log date", `[0-9]{2}/` + month + `/[0-9]{4}:` + clock + zone + `?`, shape},
	// ISO 8601, RFC 3339; the basic form, too.
	{"ISO date", `[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}(?:[T ]` + clock + `(?:Z|[+-][0-9]{2}:?[0-9]{2}|` + zone + `)?)?`, shape},
	{"basic ISO date", `[0-9]{8}T[0-9]{6}(?:\.[0-9]{1,9})?Z?`, shape},
	// ctime(3) and date(1).
	{"ctime", day + ` ` + month + ` (?: [0-9]|[0-9]{2}) ` + clock + `(?: [AP]M)?(?: [A-Z]{2,5})? [0-9]{4}`, shape},
	// RFC 3164 section 4.1.2.
	{"syslog date", month + ` (?: [0-9]|[0-9]{2}) ` + clock, shape},
	{"time", clock + `(?:Z|` + zone + `)?`, shape},

	{"UUID", `[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}`, uuid},
	// RFC 5322 section 3.6.4: what looks counted or drawn, before a host.
	{"message id", `<[^<>@\s"'\\]{1,200}@[^<>@\s"'\\]{1,200}>`, messageID},
	{"queue id", `(?:[Qq]ueued as|[Qq]ueue id:?|queued mail for delivery:?|\bid)[ =]<?[0-9A-Za-z.-]{5,40}`, queueID},
	{"process", `(?:[A-Za-z][A-Za-z0-9_./-]{0,63})?\[[0-9]{1,7}\]`, process},
	{"address", `(?:` + ip4 + `|\[[0-9A-Fa-f:.%a-z]{2,60}\]):[0-9]{1,5}`, address},
	// RFC 959 section 4.1.2, PASV: the port is two numbers.
	{"PASV", `\([0-9]{1,3}(?:,[0-9]{1,3}){5}\)`, pasv},
	// RFC 2428 section 3.
	{"EPSV", `\(\|\|\|[0-9]{1,5}\|\)`, epsv},
	{"duration", `[0-9]+(?:\.[0-9]+)? ?(?:ns|us|µs|ms|secs?|seconds?|mins?|minutes?|hours?|days?)\b|(?:[0-9]+h)?(?:[0-9]+m)?[0-9]+\.[0-9]+s\b|[0-9]+h[0-9]+m(?:[0-9]+s)?\b|[0-9]+m[0-9]+s\b`, duration},
	{"hex", `(?:0x)?[0-9A-Fa-f]{12,128}`, hexID},
	{"token", `[0-9A-Za-z+/_-]{20,256}={0,2}`, token},
	{"number", `[0-9]{1,17}(?:\.[0-9]{1,9})?`, number},
}

// forms finds any of them, each in a group of its number.
var forms = alternatives(kinds)

func alternatives(kinds []kind) *regexp.Regexp {
	var list []string
	for _, k := range kinds {
		list = append(list, "("+k.re+")")
	}
	return regexp.MustCompile(strings.Join(list, "|"))
}

// parts are those of a date that vary.
var parts = []kind{
	{"padded day", month + ` [ 0-9][0-9]`, as(`[A-Z][a-z]{2} [ 0-9][0-9]`)},
	{"day and month", `[0-9]{1,2} ` + month, as(`[0-9]{1,2} [A-Z][a-z]{2}`)},
	{"day-month", `[0-9]{2}-` + month, as(`[0-9]{2}-[A-Z][a-z]{2}`)},
	{"weekday", longDay, as(`[A-Z][a-z]+`)},
	{"short word", day + `|` + month, as(`[A-Z][a-z]{2}`)},
	{"half", ` [AP]M`, as(` [AP]M`)},
	{"offset", `[+-][0-9]{4}\b`, as(`[+-][0-9]{4}`)},
	{"offset with a colon", `[+-][0-9]{2}:[0-9]{2}\b`, as(`[+-][0-9]{2}:[0-9]{2}`)},
	{"zone", `\([A-Z]{2,5}\)`, as(`\([A-Z]{2,5}\)`)},
	{"fraction", `[.,][0-9]+`, func(_ *Maker, text []byte) (made, bool) {
		return made{Exact(text[:1]) + "[0-9]+", true}, true
	}},
	{"number", `[0-9]+`, func(_ *Maker, text []byte) (made, bool) {
		return made{pattern: fmt.Sprintf("[0-9]{%d}", len(text))}, true
	}},
}

var partForms = alternatives(parts)

func as(pattern string) func(*Maker, []byte) (made, bool) {
	return func(*Maker, []byte) (made, bool) { return made{pattern: pattern}, true }
}

// shape keeps the form of a date: each part of it becomes any of its kind.
func shape(m *Maker, text []byte) (p made, ok bool) {
	var b strings.Builder
	done := 0
	for _, at := range partForms.FindAllSubmatchIndex(text, -1) {
		b.WriteString(Exact(text[done:at[0]]))
		part, _ := found(m, parts, text, at)
		b.WriteString(part.pattern)
		done, p.open = at[1], part.open && at[1] == len(text)
	}
	b.WriteString(Exact(text[done:]))
	p.pattern = b.String()
	return p, true
}

// found is the pattern of what one of the kinds has found.
func found(m *Maker, kinds []kind, text []byte, at []int) (made, bool) {
	for i, k := range kinds {
		if g := 2 * (i + 1); at[g] >= 0 {
			return k.make(m, text[at[g]:at[g+1]])
		}
	}
	return made{}, false
}

// digits are what varies of a duration.
var digits = regexp.MustCompile(`[0-9]+`)

// duration keeps the units: the numbers may have any length.
func duration(_ *Maker, text []byte) (made, bool) {
	var b strings.Builder
	done := 0
	for _, at := range digits.FindAllIndex(text, -1) {
		b.WriteString(Exact(text[done:at[0]]) + "[0-9]+")
		done = at[1]
	}
	return made{pattern: b.String() + Exact(text[done:])}, true
}

func uuid(_ *Maker, text []byte) (made, bool) {
	c := hexClass(text)
	return made{pattern: c + "{8}-" + c + "{4}-" + c + "{4}-" + c + "{4}-" + c + "{12}"}, true
}

func messageID(m *Maker, text []byte) (made, bool) {
	left, host, _ := bytes.Cut(text[1:len(text)-1], []byte("@"))
	if !mixed(left, 6, 0) {
		return made{}, false
	}
	return made{pattern: "<[^<>@ ]+@" + Exact(host) + ">"}, true
}

func queueID(_ *Maker, text []byte) (made, bool) {
	cut := bytes.LastIndexAny(text, " =<") + 1
	id := text[cut:]
	if !mixed(id, 2, 0) {
		return made{}, false
	}
	end := bytes.TrimRight(id, ".-")
	return made{Exact(text[:cut]) + "[0-9A-Za-z.-]*[0-9A-Za-z]" + Exact(id[len(end):]), true}, true
}

func process(_ *Maker, text []byte) (made, bool) {
	cut := bytes.LastIndexByte(text, '[')
	return made{pattern: Exact(text[:cut+1]) + `[0-9]+\]`}, true
}

// ephemeral is where the ports that Linux chooses begin
// (/proc/sys/net/ipv4/ip_local_port_range).
const ephemeral = 32768

func address(m *Maker, text []byte) (made, bool) {
	cut := bytes.LastIndexByte(text, ':') + 1
	var port int
	fmt.Sscan(string(text[cut:]), &port)
	if port < ephemeral && !m.isPort(text[cut:]) {
		return made{}, false
	}
	return made{Exact(text[:cut]) + "[0-9]+", true}, true
}

func pasv(_ *Maker, text []byte) (made, bool) {
	parts := bytes.Split(text, []byte(","))
	return made{pattern: Exact(bytes.Join(parts[:4], []byte(","))) + `,[0-9]+,[0-9]+\)`}, true
}

func epsv(*Maker, []byte) (made, bool) { return made{pattern: `\(\|\|\|[0-9]+\|\)`}, true }

func hexID(m *Maker, text []byte) (made, bool) {
	id := bytes.TrimPrefix(text, []byte("0x"))
	switch {
	case !mixed(id, 0, 1):
		return number(m, text)
	case !mixed(id, 1, 0):
		return made{}, false
	}
	return made{pattern: Exact(text[:len(text)-len(id)]) + fmt.Sprintf("%s{%d}", hexClass(id), len(id))}, true
}

func token(_ *Maker, text []byte) (made, bool) {
	id := bytes.TrimRight(text, "=")
	lower := bytes.ContainsAny(id, "abcdefghijklmnopqrstuvwxyz")
	upper := bytes.ContainsAny(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
	if !mixed(id, 2, 4) || !lower || !upper || bytes.Count(id, []byte("/"))+bytes.Count(id, []byte("-")) > len(id)/8 {
		return made{}, false
	}
	return made{"[0-9A-Za-z+/_-]{20,}={0,2}", true}, true
}

func number(m *Maker, text []byte) (made, bool) {
	whole, fraction, cut := bytes.Cut(text, []byte("."))
	switch {
	case m.isTime(whole) && cut:
		return made{fmt.Sprintf(`[0-9]{%d}\.[0-9]+`, len(whole)), len(fraction) > 0}, true
	case m.isTime(whole):
		return made{pattern: fmt.Sprintf("[0-9]{%d}", len(whole))}, true
	case m.isPort(whole):
		rest := ""
		if cut {
			rest = Exact(text[len(whole):])
		}
		return made{"[0-9]+" + rest, !cut}, true
	}
	return made{}, false
}
