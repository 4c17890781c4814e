package expect

import "slices"

// classes numbers the bytes so that those of one number are alike to every
// instruction, condition and decoder of the program. An automaton has a column
// for a class, not for a byte.
func (p *program) classes() (of [256]uint8, n int) {
	for b := range of {
		switch {
		case b == '\n':
			of[b] = 1
		case b == '\r':
			of[b] = 2
		case wordByte[b]:
			of[b] = 3
		}
	}
	n = 4
	// refine splits every class by key, which is below 8.
	refine := func(key func(b byte) uint8) {
		var to [256 * 8]int16
		before := of
		next := int16(0)
		for b := range of {
			k := &to[int(before[b])*8+int(key(byte(b)))]
			if *k == 0 {
				next++
				*k = next
			}
			of[b] = uint8(*k - 1)
		}
		n = int(next)
	}
	refine(func(b byte) uint8 { return 0 })
	bound := slices.Clone(decoderBounds)
	var single [256]bool
	done := make(map[*set]bool)
	for i := range p.insts {
		in := &p.insts[i]
		switch in.op {
		case opByte:
			single[in.b] = true
		case opSet, opRaw:
			if done[in.set] {
				continue
			}
			done[in.set] = true
			refine(func(b byte) uint8 { return uint8(in.set.act[b]) })
			if len(in.set.high) > 0 && !slices.Equal(in.set.high, allHigh) {
				bound = everyHigh // which characters it has shows in any of their bytes
			}
		}
	}
	for b, is := range single {
		if is {
			refine(func(x byte) uint8 {
				if x == byte(b) {
					return 1
				}
				return 0
			})
		}
	}
	for _, from := range bound {
		refine(func(b byte) uint8 {
			if b >= from {
				return 1
			}
			return 0
		})
	}
	return of, n
}

// allHigh is the high of a set that has every character from U+0080 up.
var allHigh = []rune{0x80, 0xd7ff, 0xe000, 0x10ffff}

// decoderBounds are the bytes at which the decoder changes its mind.
var decoderBounds = []byte{0x80, 0x90, 0xa0, 0xc0, 0xc2, 0xe0, 0xe1, 0xed, 0xee, 0xf0, 0xf1, 0xf4, 0xf5}

var everyHigh = func() (all []byte) {
	for b := 0x80; b < 0x100; b++ {
		all = append(all, byte(b))
	}
	return all
}()
