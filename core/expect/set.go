package expect

import (
	"unicode"
	"unicode/utf8"
)

// A set is the characters, or the bytes, that one instruction takes.
type set struct {
	act  [256]action
	high []rune // the characters from U+0080 up: sorted pairs, no surrogates
}

// action is what a set does at a byte where a character may begin.
type action uint8

const (
	takes   action = 1 << iota // the byte is all of it: ASCII, or written \xHH
	begins                     // a character of the set begins so
	invalid                    // an invalid byte of this value is in the set
)

// newSet returns the set of the characters in runes, sorted pairs as in
// regexp/syntax. Surrogates are left out: no input decodes to one.
func newSet(runes []rune) *set {
	s := new(set)
	for i := 0; i < len(runes); i += 2 {
		lo, hi := runes[i], runes[i+1]
		for r := lo; r <= hi && r < utf8.RuneSelf; r++ {
			s.act[r] = takes
		}
		s.addHigh(max(lo, utf8.RuneSelf), min(hi, 0xd7ff))
		s.addHigh(max(lo, 0xe000), hi)
	}
	bad := s.hasAny(utf8.RuneError, utf8.RuneError)
	for b := 0x80; b < 0x100; b++ {
		if lo, hi := leadSpan(byte(b)); s.hasAny(lo, hi) {
			s.act[b] |= begins
		}
		if bad {
			s.act[b] |= invalid
		}
	}
	return s
}

func (s *set) addHigh(lo, hi rune) {
	if lo <= hi {
		s.high = append(s.high, lo, hi)
	}
}

// newByteSet returns the set of the bytes lo to hi as they stand.
func newByteSet(lo, hi byte) *set {
	s := new(set)
	for b := int(lo); b <= int(hi); b++ {
		s.act[b] = takes
	}
	return s
}

// without takes out what begins with b, valid or not.
func (s *set) without(b byte) {
	s.act[b] = 0
	lo, hi := leadSpan(b)
	if lo > hi {
		return
	}
	var high []rune
	for i := 0; i < len(s.high); i += 2 {
		if a, z := s.high[i], min(s.high[i+1], lo-1); a <= z {
			high = append(high, a, z)
		}
		if a, z := max(s.high[i], hi+1), s.high[i+1]; a <= z {
			high = append(high, a, z)
		}
	}
	s.high = high
}

// hasAny reports whether a character of the set is in lo to hi.
func (s *set) hasAny(lo, hi rune) bool {
	i := s.pairAt(lo)
	return lo <= hi && i < len(s.high) && s.high[i] <= hi
}

// hasAll reports whether one pair of the set covers lo to hi.
func (s *set) hasAll(lo, hi rune) bool {
	i := s.pairAt(lo)
	return i < len(s.high) && s.high[i] <= lo && hi <= s.high[i+1]
}

// pairAt is the index in high of the first pair that ends at r or later.
func (s *set) pairAt(r rune) int {
	i, j := 0, len(s.high)/2
	for i < j {
		m := int(uint(i+j) >> 1)
		if s.high[2*m+1] < r {
			i = m + 1
		} else {
			j = m
		}
	}
	return 2 * i
}

// union returns the set of what is in any of sets.
func union(sets []*set) *set {
	u := new(set)
	for _, s := range sets {
		for b, a := range s.act {
			u.act[b] |= a
		}
		u.high = append(u.high, s.high...)
	}
	u.high = sortPairs(u.high)
	return u
}

// meets is the set of conditions under which one of the set's bytes can come.
func (s *set) meets() uint16 {
	var m uint16
	for b, a := range s.act {
		if a != 0 {
			m |= byteMeets(byte(b))
		}
	}
	return m
}

// byteMeets is the set of conditions under which b can come next. A broken
// character is left in: whether b breaks it depends on what stands before.
func byteMeets(b byte) uint16 {
	m := bit(always) | bit(broken)
	if wordByte[b] {
		m |= bit(word)
	} else {
		m |= bit(notWord) | bit(brokenNotW)
	}
	switch b {
	case '\n':
		m |= bit(newline) | bit(lineEnd)
	case '\r':
		m |= bit(lineEnd)
	}
	return m
}

// orbit returns the sorted pairs of r and what differs from it only in case.
func orbit(r rune) []rune {
	pairs := []rune{r, r}
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		pairs = append(pairs, f, f)
	}
	return sortPairs(pairs)
}
