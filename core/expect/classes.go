package expect

import (
	"slices"
	"unicode/utf8"
)

// classes numbers the bytes so that those of one number are alike to every
// instruction, condition and decoder of the program. An automaton has a column
// for a class, not for a byte.
func (p *program) classes() (of [256]uint8, n int) {
	var own [256]bool // the bytes that are like no other
	var sets []*set
	for i := range p.insts {
		switch in := &p.insts[i]; in.op {
		case opByte:
			own[in.b] = true
		case opSet, opRaw:
			sets = append(sets, in.set)
		}
	}
	done := make(map[*set]bool)
	for _, s := range sets {
		if len(s.high) > 0 && !slices.Equal(s.high, allHigh) && !done[s] {
			for b := 0x80; b < 0x100; b++ {
				own[b] = true // which characters it has shows in any of their bytes
			}
			break
		}
		done[s] = true
	}
	for b := range of {
		switch {
		case wordByte[b]:
			of[b] = 1
		case b == '\n':
			of[b] = 2
		case b == '\r':
			of[b] = 3
		case b >= utf8.RuneSelf:
			of[b] = uint8(4 + slices.IndexFunc(decoderBounds, func(end int) bool { return b < end }))
		}
	}
	// split splits every class by key, which is below 0x200.
	split := func(key func(b int) int) {
		number := make(map[int]uint8)
		for b := range of {
			k := int(of[b])<<9 | key(b)
			if _, ok := number[k]; !ok {
				number[k] = uint8(len(number))
			}
			of[b] = number[k]
		}
		n = len(number)
	}
	split(func(b int) int {
		if own[b] {
			return 0x100 + b
		}
		return 0
	})
	clear(done)
	for _, s := range sets {
		if !done[s] {
			done[s] = true
			split(func(b int) int { return int(s.act[b]) })
		}
	}
	return of, n
}

// allHigh is the high of a set that has every character from U+0080 up.
var allHigh = []rune{0x80, 0xd7ff, 0xe000, 0x10ffff}

// decoderBounds end the ranges of bytes that the decoder does not tell apart.
var decoderBounds = []int{0x90, 0xa0, 0xc0, 0xc2, 0xe0, 0xe1, 0xed, 0xee, 0xf0, 0xf1, 0xf4, 0xf5, 0x100}
