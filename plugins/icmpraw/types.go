package icmpraw

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// A part is one field between the first four bytes of a message, which all have in
// common (type, code, checksum), and its data.
type part struct {
	name    string
	at      int // from the message's first byte
	size    int // 1, 2 or 4 bytes; 4 or 16 of an address
	address bool
}

// A layout is how messages of one type are made up.
type layout struct {
	word   string // of the type
	parts  []part
	header int      // bytes before the data
	codes  []string // words of the codes, by number; "" for none
	// quotes says that the data begins with the packet that caused the message.
	quotes bool
	// lengthAt is where the quote's length stands (RFC 4884), in units of so many
	// bytes; 0 where it does not.
	lengthAt, unit int
}

// types are the layouts by the types' numbers.
type types map[uint8]*layout

var echoParts = []part{{name: "id", at: 4, size: 2}, {name: "seq", at: 6, size: 2}}

var timeParts = append(slices.Clone(echoParts), part{name: "originate", at: 8, size: 4},
	part{name: "receive", at: 12, size: 4}, part{name: "transmit", at: 16, size: 4})

var maskParts = append(slices.Clone(echoParts), part{name: "mask", at: 8, size: 4, address: true})

var probeParts = []part{{name: "id", at: 4, size: 2}, {name: "seq", at: 6, size: 1}, {name: "flags", at: 7, size: 1}}

// ip4Types are those of the registry "ICMP Type Numbers" that are in use: RFC 792,
// RFC 950, RFC 1256, RFC 8335; the lengths of quotes are RFC 4884's.
var ip4Types = types{
	0: {word: "echo-reply", parts: echoParts, header: 8},
	3: {word: "unreachable", parts: []part{{name: "mtu", at: 6, size: 2}}, header: 8, quotes: true, lengthAt: 5, unit: 4,
		codes: []string{"net", "host", "protocol", "port", "fragmentation-needed", "source-route-failed", "net-unknown",
			"host-unknown", "host-isolated", "net-prohibited", "host-prohibited", "net-tos", "host-tos", "prohibited",
			"precedence-violation", "precedence-cutoff"}},
	4:  {word: "source-quench", header: 8, quotes: true},
	5:  {word: "redirect", parts: []part{{name: "gateway", at: 4, size: 4, address: true}}, header: 8, quotes: true, codes: []string{"net", "host", "net-tos", "host-tos"}},
	8:  {word: "echo", parts: echoParts, header: 8},
	9:  {word: "router-advertisement", parts: []part{{name: "entries", at: 4, size: 1}, {name: "entrysize", at: 5, size: 1}, {name: "lifetime", at: 6, size: 2}}, header: 8},
	10: {word: "router-solicitation", header: 8},
	11: {word: "time-exceeded", header: 8, quotes: true, lengthAt: 5, unit: 4, codes: []string{"transit", "reassembly"}},
	12: {word: "parameter-problem", parts: []part{{name: "pointer", at: 4, size: 1}}, header: 8, quotes: true, lengthAt: 5, unit: 4, codes: []string{"pointer", "option-missing", "bad-length"}},
	13: {word: "timestamp", parts: timeParts, header: 20},
	14: {word: "timestamp-reply", parts: timeParts, header: 20},
	15: {word: "information", parts: echoParts, header: 8},
	16: {word: "information-reply", parts: echoParts, header: 8},
	17: {word: "address-mask", parts: maskParts, header: 12},
	18: {word: "address-mask-reply", parts: maskParts, header: 12},
	42: {word: "extended-echo", parts: probeParts, header: 8},
	43: {word: "extended-echo-reply", parts: probeParts, header: 8, codes: []string{"", "malformed", "no-interface", "no-entry", "several-interfaces"}},
}

// ip6Types are those of the registry "ICMPv6 type Numbers": RFC 4443, RFC 2710,
// RFC 3810, RFC 4861, RFC 8335.
var ip6Types = types{
	1: {word: "unreachable", header: 8, quotes: true, lengthAt: 4, unit: 8,
		codes: []string{"no-route", "prohibited", "beyond-scope", "address", "port", "policy", "reject-route", "source-routing-header"}},
	2:   {word: "packet-too-big", parts: []part{{name: "mtu", at: 4, size: 4}}, header: 8, quotes: true},
	3:   {word: "time-exceeded", header: 8, quotes: true, lengthAt: 4, unit: 8, codes: []string{"transit", "reassembly"}},
	4:   {word: "parameter-problem", parts: []part{{name: "pointer", at: 4, size: 4}}, header: 8, quotes: true, codes: []string{"header-field", "next-header", "option"}},
	128: {word: "echo", parts: echoParts, header: 8},
	129: {word: "echo-reply", parts: echoParts, header: 8},
	130: {word: "mld-query", parts: []part{{name: "delay", at: 4, size: 2}, {name: "group", at: 8, size: 16, address: true}}, header: 24},
	131: {word: "mld-report", parts: []part{{name: "delay", at: 4, size: 2}, {name: "group", at: 8, size: 16, address: true}}, header: 24},
	132: {word: "mld-done", parts: []part{{name: "delay", at: 4, size: 2}, {name: "group", at: 8, size: 16, address: true}}, header: 24},
	133: {word: "router-solicitation", header: 8},
	134: {word: "router-advertisement", parts: []part{{name: "hops", at: 4, size: 1}, {name: "flags", at: 5, size: 1},
		{name: "lifetime", at: 6, size: 2}, {name: "reachable", at: 8, size: 4}, {name: "retransmit", at: 12, size: 4}}, header: 16},
	135: {word: "neighbour-solicitation", parts: []part{{name: "target", at: 8, size: 16, address: true}}, header: 24},
	136: {word: "neighbour-advertisement", parts: []part{{name: "flags", at: 4, size: 1}, {name: "target", at: 8, size: 16, address: true}}, header: 24},
	137: {word: "redirect", parts: []part{{name: "gateway", at: 8, size: 16, address: true}, {name: "destination", at: 24, size: 16, address: true}}, header: 40},
	143: {word: "mld2-report", parts: []part{{name: "records", at: 6, size: 2}}, header: 8},
	160: {word: "extended-echo", parts: probeParts, header: 8},
	161: {word: "extended-echo-reply", parts: probeParts, header: 8, codes: []string{"", "malformed", "no-interface", "no-entry", "several-interfaces"}},
}

// unknownType is the layout of every other type.
var unknownType = &layout{parts: []part{{name: "rest", at: 4, size: 4}}, header: 8}

// aliases are other words in use for types.
var aliases = map[string]string{"echo-request": "echo", "ttl-exceeded": "time-exceeded", "destination-unreachable": "unreachable",
	"neighbor-solicitation": "neighbour-solicitation", "neighbor-advertisement": "neighbour-advertisement"}

// of is the layout of a type.
func (t types) of(number uint8) *layout {
	if l, ok := t[number]; ok {
		return l
	}
	return unknownType
}

// typeWord is a type in words, or its number where it has none.
func (t types) typeWord(number uint8) string {
	if l, ok := t[number]; ok {
		return l.word
	}
	return strconv.Itoa(int(number))
}

// parseType reads a type, in words or as a number.
func (t types) parseType(value string) (uint8, error) {
	if n, err := strconv.ParseUint(value, 0, 8); err == nil {
		return uint8(n), nil
	}
	if to, ok := aliases[value]; ok {
		value = to
	}
	for n, l := range t {
		if l.word == value {
			return n, nil
		}
	}
	other, name := ip6Types, "ICMPv6"
	if t.isIP6() {
		other, name = ip4Types, "ICMP"
	}
	for _, l := range other {
		if l.word == value {
			return 0, sdk.Faultf(sdk.Usage, "%s is a type of %s, and this socket is not", value, name)
		}
	}
	return 0, sdk.Faultf(sdk.Usage, "no type is named %q: one of %s, or a number up to 255", value, t.words())
}

func (t types) isIP6() bool { _, ok := t[128]; return ok }

// words lists the types' words by their numbers, for messages.
func (t types) words() string {
	s := ""
	for _, n := range slices.Sorted(maps.Keys(t)) {
		s += ", " + t[n].word
	}
	return s[2:]
}

// codeWord is a code in words, or its number where it has none.
func (l *layout) codeWord(code uint8) string {
	if int(code) < len(l.codes) && l.codes[code] != "" {
		return l.codes[code]
	}
	return strconv.Itoa(int(code))
}

func (l *layout) parseCode(value string) (uint8, error) {
	if n, err := strconv.ParseUint(value, 0, 8); err == nil {
		return uint8(n), nil
	}
	if i := slices.Index(l.codes, value); i >= 0 && value != "" {
		return uint8(i), nil
	}
	if len(l.codes) == 0 {
		return 0, sdk.Faultf(sdk.Usage, "the codes of %s have no words: code is a number up to 255, not %q", l.name(), value)
	}
	words := ""
	for _, c := range l.codes {
		if c != "" {
			words += c + ", "
		}
	}
	return 0, sdk.Faultf(sdk.Usage, "%s has no code %q: %sor a number up to 255", l.name(), value, words)
}

// name is the type for messages.
func (l *layout) name() string {
	if l.word == "" {
		return "this type"
	}
	return l.word
}

// describe says what an error message of the type and code means, in plain words.
func (t types) describe(number, code uint8) string {
	l := t.of(number)
	switch l.word {
	case "time-exceeded":
		if code == 1 {
			return "fragments did not arrive in time"
		}
		return "time to live exceeded"
	case "unreachable":
		return "unreachable: " + l.codeWord(code)
	case "packet-too-big":
		return "packet too big"
	case "parameter-problem":
		return fmt.Sprintf("parameter problem: %s", l.codeWord(code))
	case "redirect":
		return "redirect: " + l.codeWord(code)
	}
	return fmt.Sprintf("%s, code %s", t.typeWord(number), l.codeWord(code))
}
