package expect

import (
	"bytes"
	"slices"
)

// maxPrefix bounds the prefix that is searched for, since its beginnings are
// tried one by one at the end of every piece.
const maxPrefix = 64

// findPrefix collects the bytes that every match begins with. What has no width
// may only make a match rarer, so it is passed over.
func (p *program) findPrefix() {
	for pc := p.start; len(p.prefix) < maxPrefix; pc = p.insts[pc].out {
		switch in := &p.insts[pc]; in.op {
		case opByte:
			p.prefix = append(p.prefix, in.b)
		case opRaw:
			b, ok := in.set.single()
			if !ok {
				return
			}
			p.prefix = append(p.prefix, b)
		case opSave, opLineStart, opLineEnd, opCursor, opStreamEnd, opWordEdge, opNoWordEdge:
		default:
			return
		}
	}
}

// single returns the one byte that s takes, if it takes just one.
func (s *set) single() (byte, bool) {
	i := slices.IndexFunc(s.act[:], func(a action) bool { return a != 0 })
	if i < 0 || s.act[i] != takes || slices.ContainsFunc(s.act[i+1:], func(a action) bool { return a != 0 }) {
		return 0, false
	}
	return byte(i), true
}

// skip returns how many bytes of p no match can begin at.
func (g *program) skip(p []byte) int {
	if len(g.prefix) == 0 {
		for i, b := range p {
			if g.first[b] {
				return i
			}
		}
		return len(p)
	}
	if i := bytes.Index(p, g.prefix); i >= 0 {
		return i
	}
	// Its beginning may be at the end of p, the rest in the next piece.
	for i := max(0, len(p)-len(g.prefix)+1); i < len(p); i++ {
		if bytes.HasPrefix(g.prefix, p[i:]) {
			return i
		}
	}
	return len(p)
}
