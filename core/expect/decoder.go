package expect

// decoded is what a byte did to the character that had begun before it.
type decoded uint8

const (
	interrupted decoded = iota // it is no part of it, or none had begun
	continued                  // it is, and more must follow
	completed                  // it is the last of it
)

// A decoder follows the UTF-8 of the stream, a byte at a time. One is enough
// for all threads: the only byte that can be inside a valid character is one
// that continues the last lead byte.
type decoder struct {
	left   uint8 // bytes that must still follow; 0: no character has begun
	lo, hi byte  // the range of the next one
	code   rune  // the bits so far
}

func (d *decoder) step(b byte) decoded {
	if b < 0x80 {
		d.left = 0
		return interrupted
	}
	if d.left > 0 && d.lo <= b && b <= d.hi {
		d.code = d.code<<6 | rune(b&0x3f)
		d.lo, d.hi = 0x80, 0xbf
		if d.left--; d.left > 0 {
			return continued
		}
		return completed
	}
	d.lo, d.hi = 0x80, 0xbf
	switch {
	case b < 0xc2 || b > 0xf4:
		d.left = 0
	case b < 0xe0:
		d.left, d.code = 1, rune(b&0x1f)
	case b < 0xf0:
		d.left, d.code = 2, rune(b&0x0f)
		switch b {
		case 0xe0:
			d.lo = 0xa0 // less would be overlong
		case 0xed:
			d.hi = 0x9f // more would be a surrogate
		}
	default:
		d.left, d.code = 3, rune(b&0x07)
		switch b {
		case 0xf0:
			d.lo = 0x90
		case 0xf4:
			d.hi = 0x8f
		}
	}
	return interrupted
}

// span returns the first and the last character that the one in progress, or
// just completed, can be.
func (d *decoder) span() (lo, hi rune) {
	shift := 6 * uint(d.left)
	return d.code << shift, d.code<<shift | (1<<shift - 1)
}

// leadSpan returns the characters that begin with b; lo > hi when none do.
func leadSpan(b byte) (lo, hi rune) {
	var d decoder
	d.step(b)
	if d.left == 0 {
		return 1, 0
	}
	return d.valid()
}

// valid returns the first and the last character that the one in progress can
// become. The bounds of the next byte are part of what the last one says.
func (d *decoder) valid() (lo, hi rune) {
	next := 6 * uint(d.left-1)
	lo = (d.code<<6 | rune(d.lo&0x3f)) << next
	hi = (d.code<<6|rune(d.hi&0x3f))<<next | (1<<next - 1)
	return lo, hi
}
