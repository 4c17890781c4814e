package socket

import (
	"encoding/binary"
	"syscall"
)

// A Return is what came back for a message that was sent over a carried socket: an
// ICMP error as the kernel queues it (ip(7), IP_RECVERR), or the errno with which the
// far socket refused the message. It travels in a frame, among the messages.
type Return struct {
	Errno syscall.Errno
	// Origin, Type and Code are those of struct sock_extended_err; all 0 where there
	// was none.
	Origin, Type, Code uint8
	To                 Address // where the message was going; zero for the socket's peer
	By                 Address // who sent the error; zero where the system itself did
}

// returnFixed is the length of a return's data before the address in bytes: the
// errno's number, big-endian, then origin, type and code. Both ends of the pair are
// of one system, whose numbers they are.
const returnFixed = 7

// AppendReturn appends r's frame to dst.
func AppendReturn(dst []byte, r Return) []byte {
	data := binary.BigEndian.AppendUint32(nil, uint32(r.Errno))
	data = appendAddress(append(data, r.Origin, r.Type, r.Code), r.By)
	at := len(dst)
	dst = AppendFrame(dst, Message{Data: data, Peer: r.To})
	dst[at+2] = 1
	return dst
}

// ParseReturn is the return of a frame's data, to is the frame's address. Anything
// malformed is an error that is [Failed].
func ParseReturn(data []byte, to Address) (Return, error) {
	if len(data) < returnFixed {
		return Return{}, Faultf(Failed, "malformed return in a frame")
	}
	by, err := ParseFrameAddress(data[returnFixed:])
	if err != nil {
		return Return{}, err
	}
	return Return{Errno: syscall.Errno(binary.BigEndian.Uint32(data)), Origin: data[4], Type: data[5], Code: data[6], To: to, By: by}, nil
}
