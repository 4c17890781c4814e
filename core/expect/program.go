package expect

import (
	"encoding/binary"
	"fmt"
	"regexp/syntax"
	"slices"
	"unicode/utf8"
)

// maxProgram bounds a pattern's instructions, and with them the memory and the
// time a byte that a matcher can take.
const maxProgram = 10_000

type op uint8

const (
	opFail op = iota
	opMatch
	opByte // the byte in.b
	opSet  // a character or byte of in.set
	opRaw  // a byte of in.set, written as \xHH: it may begin inside a character
	opAlt  // out, then arg
	opSave // the offset in slot arg
	opNop
	opLineStart
	opLineEnd
	opCursor
	opStreamEnd
	opWordEdge
	opNoWordEdge
)

type inst struct {
	op    op
	b     byte
	meets uint16 // for the ops that take a byte: the conditions they can meet
	out   uint32
	arg   uint32
	set   *set
}

// A program is the instructions of a pattern and what is known about its
// starts. It is not changed once built.
type program struct {
	insts []inst
	start uint32
	slots int // two a group, the whole match first

	prefix   []byte    // what every match begins with; the rest of these is for patterns without
	first    [256]bool // the bytes a match can begin with
	anchored bool      // a match can begin only at the cursor
	eager    bool      // a match can begin and end before any byte: start without waiting for one
	inner    bool      // a start inside a character must know that it is one
	behind   bool      // a start looks at the byte before it
	cursor   bool      // a start may be for the cursor only
}

// errTooLarge says what a program may hold.
var errTooLarge = fmt.Errorf("it needs more than %d steps: use smaller repeat counts", maxProgram)

// build turns a compiled RE2 program into ours: characters from U+0080 up into
// their bytes, stand-ins of the translation into what they stand for.
func build(prog *syntax.Prog, sets []*set) (*program, error) {
	p := &program{slots: prog.NumCap}
	at := make([]uint32, len(prog.Inst))
	cache := make(map[string]*set)
	for i := range prog.Inst {
		at[i] = uint32(len(p.insts))
		if len(p.insts) > maxProgram {
			return nil, errTooLarge
		}
		p.addInst(&prog.Inst[i], sets, cache)
	}
	for i := range p.insts {
		in := &p.insts[i]
		if in.op == opByte && in.arg == chained {
			continue // out is already ours
		}
		in.out = at[in.out]
		if in.op == opAlt {
			in.arg = at[in.arg]
		}
	}
	p.start = at[prog.Start]
	p.finish()
	return p, nil
}

// chained in arg marks a byte of a longer character that is not its last.
const chained = 1

func (p *program) addInst(si *syntax.Inst, sets []*set, cache map[string]*set) {
	in := inst{out: si.Out}
	switch si.Op {
	case syntax.InstAlt, syntax.InstAltMatch:
		in.op, in.arg = opAlt, si.Arg
	case syntax.InstCapture:
		in.op, in.arg = opSave, si.Arg
	case syntax.InstMatch:
		in.op = opMatch
	case syntax.InstFail:
		in.op = opFail
	case syntax.InstNop:
		in.op = opNop
	case syntax.InstEmptyWidth:
		switch syntax.EmptyOp(si.Arg) {
		case syntax.EmptyBeginLine:
			in.op = opLineStart
		case syntax.EmptyEndLine:
			in.op = opLineEnd
		case syntax.EmptyBeginText:
			in.op = opCursor
		case syntax.EmptyEndText:
			in.op = opStreamEnd
		case syntax.EmptyWordBoundary:
			in.op = opWordEdge
		case syntax.EmptyNoWordBoundary:
			in.op = opNoWordEdge
		}
	default:
		p.addRunes(si, sets, cache)
		return
	}
	p.insts = append(p.insts, in)
}

func (p *program) addRunes(si *syntax.Inst, sets []*set, cache map[string]*set) {
	runes := si.Rune
	if len(runes) == 1 {
		if runes[0] == mark || runes[0] == setMark {
			p.insts = append(p.insts, inst{op: opNop, out: si.Out})
			return
		}
		if si.Op != syntax.InstRune1 && syntax.Flags(si.Arg)&syntax.FoldCase != 0 {
			runes = orbit(runes[0])
		} else {
			runes = []rune{runes[0], runes[0]}
		}
	}
	if len(runes) == 2 && runes[0] == runes[1] && utf8.ValidRune(runes[0]) && runes[0] != utf8.RuneError {
		p.addChar(runes[0], si.Out)
		return
	}
	var key []byte
	for _, r := range runes {
		key = binary.LittleEndian.AppendUint32(key, uint32(r))
	}
	in := inst{op: opSet, out: si.Out}
	s := cache[string(key)]
	if s == nil {
		s = setOf(runes, sets)
		cache[string(key)] = s
	}
	in.set, in.meets = s, s.meets()
	switch {
	case in.meets == 0:
		in.op = opFail
	case isByteMark(runes[0]):
		in.op = opRaw
	}
	p.insts = append(p.insts, in)
}

// addChar adds the bytes of one character. They need no look at what they are
// part of: valid UTF-8 is never found inside other valid UTF-8.
func (p *program) addChar(r rune, out uint32) {
	var buf [utf8.UTFMax]byte
	for _, b := range buf[:utf8.EncodeRune(buf[:], r)] {
		next := uint32(len(p.insts)) + 1
		p.insts = append(p.insts, inst{op: opByte, b: b, meets: byteMeets(b), out: next, arg: chained})
	}
	last := &p.insts[len(p.insts)-1]
	last.out, last.arg = out, 0
}

// finish removes what costs time at every step and looks at the starts.
func (p *program) finish() {
	for i := range p.insts {
		in := &p.insts[i]
		in.out = p.past(in.out)
		if in.op == opAlt {
			in.arg = p.past(in.arg)
		}
	}
	p.start = p.past(p.start)
	p.findPrefix()
	p.findFirst()
}

// past returns the first instruction from pc on that is no opNop. The empty
// loop that would be endless here cannot be written: a loop has an opAlt.
func (p *program) past(pc uint32) uint32 {
	for p.insts[pc].op == opNop {
		pc = p.insts[pc].out
	}
	return pc
}

// findFirst walks what can be reached without a byte: once from any place, and
// once more passing no \A.
func (p *program) findFirst() {
	seen := make([]bool, len(p.insts))
	p.anchored = true
	var walk func(pc uint32, cursor bool)
	walk = func(pc uint32, cursor bool) {
		for !seen[pc] {
			seen[pc] = true
			in := &p.insts[pc]
			switch in.op {
			case opFail:
				return
			case opMatch:
				p.eager, p.inner = true, true
			case opByte:
				p.first[in.b] = true
			case opSet, opRaw:
				for b, a := range in.set.act {
					p.first[b] = p.first[b] || a != 0
				}
				p.inner = p.inner || in.op == opSet && slices.ContainsFunc(in.set.act[0x80:0xc0], func(a action) bool { return a != 0 })
			case opAlt:
				walk(in.out, cursor)
				pc = in.arg
				continue
			case opCursor:
				p.cursor = true
				if !cursor {
					return
				}
			case opLineStart, opWordEdge, opNoWordEdge:
				p.behind = true
			}
			if in.op == opMatch || in.op == opByte || in.op == opSet || in.op == opRaw {
				p.anchored = p.anchored && cursor
				return
			}
			pc = in.out
		}
	}
	walk(p.start, false)
	clear(seen)
	walk(p.start, true)
}
