package socket

import (
	"encoding/binary"
	"strings"
	"syscall"
	"unicode/utf8"
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
	// Text is why the socket's author refused the message, in words: at most
	// [MaxReturnText] bytes, "" where the errno says it all.
	Text string
}

// MaxReturnText bounds a return's text in bytes. What is longer is cut between two
// characters.
const MaxReturnText = 1 << 10

// returnFixed is the length of a return's data before its text in bytes: the errno's
// number, big-endian, then origin, type and code, then the text's length, big-endian.
// After the text comes the address of who sent it. Both ends of the pair are of one
// system, whose numbers they are.
const returnFixed = 9

// AppendReturn appends r's frame to dst.
func AppendReturn(dst []byte, r Return) []byte {
	text := ReturnText(r.Text)
	data := binary.BigEndian.AppendUint32(nil, uint32(r.Errno))
	data = append(data, r.Origin, r.Type, r.Code)
	data = append(binary.BigEndian.AppendUint16(data, uint16(len(text))), text...)
	data = appendAddress(data, r.By)
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
	n := int(binary.BigEndian.Uint16(data[7:]))
	if n > min(MaxReturnText, len(data)-returnFixed) {
		return Return{}, Faultf(Failed, "malformed return in a frame")
	}
	text, rest := data[returnFixed:returnFixed+n], data[returnFixed+n:]
	by, err := ParseFrameAddress(rest)
	if err != nil {
		return Return{}, err
	}
	return Return{Errno: syscall.Errno(binary.BigEndian.Uint32(data)), Origin: data[4], Type: data[5], Code: data[6], To: to, By: by,
		Text: ReturnText(string(text))}, nil
}

// ReturnText makes text fit for a return: valid UTF-8 of at most [MaxReturnText] bytes.
func ReturnText(text string) string {
	text = strings.ToValidUTF8(text[:min(len(text), 2*MaxReturnText)], "\uFFFD")
	if len(text) <= MaxReturnText {
		return text
	}
	n := MaxReturnText
	for !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}
