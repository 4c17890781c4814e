package icmpraw

import (
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// The messages that a command wants: answers, and errors that say why there is none.
var (
	wanted4 = []uint8{0, 3, 4, 5, 11, 12}
	wanted6 = []uint8{1, 2, 3, 4, 129}
)

// attachFilters makes the kernel keep from a raw socket what is not about the echoes
// of that id: messages of other types before they are copied (raw(7), RFC 3542), and
// other people's by a classic BPF program (socket(7)).
func attachFilters(fd int, f form, id uint16) error {
	if f == raw6 {
		var block unix.ICMPv6Filter
		for i := range block.Data {
			block.Data[i] = ^uint32(0)
		}
		for _, t := range wanted6 {
			block.Data[t>>5] &^= 1 << (t & 31)
		}
		if err := unix.SetsockoptICMPv6Filter(fd, unix.IPPROTO_ICMPV6, unix.ICMPV6_FILTER, &block); err != nil {
			return err
		}
	} else {
		block := ^uint32(0)
		for _, t := range wanted4 {
			block &^= 1 << t
		}
		if err := unix.SetsockoptInt(fd, unix.SOL_RAW, unix.ICMP_FILTER, int(int32(block))); err != nil {
			return err
		}
	}
	program := echoFilter4(id)
	if f == raw6 {
		program = echoFilter6(id)
	}
	raw, err := bpf.Assemble(program)
	if err != nil {
		return err
	}
	code := make([]unix.SockFilter, len(raw))
	for i, in := range raw {
		code[i] = unix.SockFilter{Code: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K}
	}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]})
}

// A load beyond the packet's end refuses the packet, so lengths need no test.
const whole = 0x40000 // more than a packet has: it is kept as it is

// echoFilter4 takes echo replies with the id, and errors that quote an echo with it.
// Packets begin with their IP header.
func echoFilter4(id uint16) []bpf.Instruction {
	return []bpf.Instruction{
		bpf.LoadMemShift{Off: 0},          // X: bytes of the IP header
		bpf.LoadIndirect{Off: 0, Size: 1}, // the type
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0, SkipTrue: 2},
		bpf.LoadIndirect{Off: 4, Size: 2}, // of an echo reply: its id
		bpf.Jump{Skip: 10},
		bpf.LoadIndirect{Off: 8 + 9, Size: 1}, // of an error: the quoted packet's protocol
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: protoICMP, SkipTrue: 9},
		bpf.LoadIndirect{Off: 8, Size: 1}, // and the bytes of its IP header
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0x0f},
		bpf.ALUOpConstant{Op: bpf.ALUOpShiftLeft, Val: 2},
		bpf.ALUOpX{Op: bpf.ALUOpAdd},
		bpf.TAX{},
		bpf.LoadIndirect{Off: 8, Size: 1}, // its type
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 8, SkipTrue: 2},
		bpf.LoadIndirect{Off: 8 + 4, Size: 2}, // its id
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(id), SkipTrue: 1},
		bpf.RetConstant{Val: 0},
		bpf.RetConstant{Val: whole},
	}
}

// echoFilter6 is echoFilter4 for ICMPv6, whose packets come without their IP header.
func echoFilter6(id uint16) []bpf.Instruction {
	return []bpf.Instruction{
		bpf.LoadAbsolute{Off: 0, Size: 1}, // the type
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 129, SkipTrue: 2},
		bpf.LoadAbsolute{Off: 4, Size: 2}, // of an echo reply: its id
		bpf.Jump{Skip: 5},
		bpf.LoadAbsolute{Off: 8 + 6, Size: 1}, // of an error: the quoted packet's protocol
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: protoICMP6, SkipTrue: 4},
		bpf.LoadAbsolute{Off: 8 + 40, Size: 1}, // its type
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 128, SkipTrue: 2},
		bpf.LoadAbsolute{Off: 8 + 40 + 4, Size: 2}, // its id
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(id), SkipTrue: 1},
		bpf.RetConstant{Val: 0},
		bpf.RetConstant{Val: whole},
	}
}
