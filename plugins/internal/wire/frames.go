package wire

import (
	"bufio"
	"io"

	"github.com/sosh-shell/sosh/core/socket"
)

// ReadMessage takes one message out of a stream of frames (socket.AppendFrame). An end
// between two is io.EOF, one within a message io.ErrUnexpectedEOF; a malformed frame is
// an error that is socket.Failed. Returns are passed over: they go the other way.
func ReadMessage(r *bufio.Reader) (socket.Message, error) {
	for {
		m, isReturn, err := readFrame(r)
		if err != nil || !isReturn {
			return m, err
		}
	}
}

func readFrame(r *bufio.Reader) (m socket.Message, isReturn bool, err error) {
	var head [socket.FrameHeader]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return m, false, err
	}
	f, err := socket.ParseFrame(head[:])
	if err != nil {
		return m, false, err
	}
	rest := make([]byte, f.Address+min(f.Data, MaxFrame))
	for have := 0; ; rest = append(rest, make([]byte, min(f.Address+f.Data-have, max(have, MaxFrame)))...) {
		// Room grows with what has come: a length alone takes none.
		n, err := io.ReadFull(r, rest[have:])
		if have += n; err == io.EOF && f.Address+f.Data > 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return m, false, err
		}
		if have == f.Address+f.Data {
			break
		}
	}
	peer, err := socket.ParseFrameAddress(rest[:f.Address])
	return socket.Message{Data: rest[f.Address:], Type: f.Type, Peer: peer}, f.Return, err
}
