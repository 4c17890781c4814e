package expect

// A cond is what a thread assumes about the bytes to come: the lookahead of
// the assertions it has passed. All that one thread can assume at once is one
// of these, because each pair of them is another, or a contradiction.
type cond uint8

const (
	always     cond = iota
	notWord         // no word byte is next: a non-word byte, or the end
	word            // a word byte is next
	lineEnd         // \n, \r\n or the end is next
	newline         // \n is next: the rest of \r\n
	streamEnd       // the end is next
	broken          // the character that has begun will not become a valid one
	brokenNotW      // broken and notWord
	// A thread that starts inside what may be a character, and so must begin
	// with a byte, or else assume that it is none. Only within a closure.
	inside
	insideNotW
	never
)

// inChar is no condition: it marks a thread within its set's character.
const inChar = never + 1

// conj is a and b at the same place; b is what an assertion adds.
func conj(a, b cond) cond {
	switch {
	case a == b, a == always:
		return b
	case a == streamEnd || b == streamEnd:
		if a == word || a == newline || b == word {
			return never
		}
		return streamEnd
	case a == newline:
		if b == word {
			return never
		}
		return newline
	case a == lineEnd || b == lineEnd:
		if a == word || b == word {
			return never
		}
		return lineEnd
	}
	// b is word or notWord. A word byte is ASCII, so it breaks any character.
	switch a {
	case broken, inside:
		if b == word {
			return word
		}
		return a + 1
	case brokenNotW, insideNotW:
		if b == notWord {
			return a
		}
	}
	return never
}

// weaker[c] is the set of conditions that hold whenever c does. A thread is
// covered by one above it at the same instruction under such a condition.
var weaker = [...]uint16{
	always:     bit(always),
	notWord:    bit(always) | bit(notWord),
	word:       bit(always) | bit(word) | bit(broken) | bit(inside),
	lineEnd:    bit(always) | bit(notWord) | bit(lineEnd) | anyBroken,
	newline:    bit(always) | bit(notWord) | bit(lineEnd) | bit(newline) | anyBroken,
	streamEnd:  bit(always) | bit(notWord) | bit(lineEnd) | bit(streamEnd) | anyBroken,
	broken:     bit(always) | bit(broken),
	brokenNotW: bit(always) | bit(notWord) | bit(broken) | bit(brokenNotW),
	inside:     bit(always) | bit(inside),
	insideNotW: bit(always) | bit(notWord) | bit(inside) | bit(insideNotW),
	never:      0,
	inChar:     bit(inChar),
}

const anyBroken = 1<<broken | 1<<brokenNotW | 1<<inside | 1<<insideNotW

func bit(c cond) uint16 { return 1 << c }

// after is what remains of c when b has come: always if b fulfils it, never if
// b breaks it. got is what b did to the character that had begun.
func after(c cond, b byte, got decoded) cond {
	switch c {
	case always:
		return always
	case word:
		if wordByte[b] {
			return always
		}
	case notWord:
		if !wordByte[b] {
			return always
		}
	case lineEnd:
		switch b {
		case '\n':
			return always
		case '\r':
			return newline
		}
	case newline:
		if b == '\n' {
			return always
		}
	case brokenNotW, broken:
		switch {
		case got == continued:
			return broken
		case got == interrupted && (c == broken || !wordByte[b]):
			return always
		}
	}
	return never
}

// atEnd reports whether c holds when no byte follows.
func (c cond) atEnd() bool { return c != word && c != newline && c != never && c != inChar }

var wordByte = func() (t [256]bool) {
	for b := range t {
		t[b] = '0' <= b && b <= '9' || 'A' <= b && b <= 'Z' || b == '_' || 'a' <= b && b <= 'z'
	}
	return t
}()
