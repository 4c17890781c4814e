package sdk

import (
	"errors"
	"io"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
)

// reading is a way to read from a descriptor.
type reading func(func(fd int) (int, error)) (int, error)

// frameReader takes messages out of a stream of frames. The zero frameReader is
// ready. While it waits between two small messages it holds no large buffer.
type frameReader struct {
	head   [socket.FrameHeader + 255]byte // the fixed part and the address
	n      int                            // how much of it has come
	frame  socket.Frame
	data   []byte // of the message; its room is kept while it is small
	taken  bool   // the message was returned
	ahead  []byte // of the buffer, what comes after the message
	buffer *[bulk]byte
}

// keptRoom bounds what an idle frameReader keeps for the next message, in bytes.
const keptRoom = 16 << 10

// next waits for one message, valid until the next call. An end between two is
// io.EOF, one within a message io.ErrUnexpectedEOF. After a deadline it goes on
// where it was. read is the descriptor's: one that waits, or one that does not.
func (r *frameReader) next(read reading) (Message, error) {
	for {
		m, err := r.frameOf(read)
		if err != nil || !r.frame.Return { // a return is no message, and a layer has no use for it
			return m, err
		}
	}
}

func (r *frameReader) frameOf(read reading) (Message, error) {
	if r.taken {
		r.taken, r.n, r.frame = false, 0, socket.Frame{}
		if r.data = r.data[:0]; cap(r.data) > keptRoom {
			r.data = nil
		}
	}
	for r.n < r.need() {
		if len(r.ahead) == 0 {
			if err := r.more(read); err != nil {
				return Message{}, err
			}
		}
		c := copy(r.head[r.n:r.need()], r.ahead)
		r.n, r.ahead = r.n+c, r.ahead[c:]
		if r.n == socket.FrameHeader {
			var err error
			if r.frame, err = socket.ParseFrame(r.head[:r.n]); err != nil {
				return Message{}, err
			}
		}
	}
	peer, err := socket.ParseFrameAddress(r.head[socket.FrameHeader:r.n])
	if err != nil {
		return Message{}, err
	}
	for len(r.data) < r.frame.Data {
		if len(r.ahead) == 0 {
			if err := r.more(read); err != nil {
				return Message{}, err
			}
		}
		c := min(len(r.ahead), r.frame.Data-len(r.data))
		r.data, r.ahead = append(r.data, r.ahead[:c]...), r.ahead[c:]
	}
	r.taken = true
	return Message{Data: r.data, Type: r.frame.Type, Peer: peer}, nil
}

// need is the length of the frame's head, as far as it is known.
func (r *frameReader) need() int {
	if r.n < socket.FrameHeader {
		return socket.FrameHeader
	}
	return socket.FrameHeader + r.frame.Address
}

// more reads on into an empty buffer.
func (r *frameReader) more(read reading) error {
	if r.buffer != nil {
		bulks.Put(r.buffer)
		r.buffer = nil
	}
	n, err := read(func(fd int) (int, error) {
		buf := bulks.Get().(*[bulk]byte)
		n, err := unix.Read(fd, buf[:])
		if err != nil || n == 0 {
			bulks.Put(buf)
			return n, err
		}
		r.buffer = buf
		return n, nil
	})
	if err != nil {
		return err
	}
	if n == 0 {
		if r.n > 0 {
			return io.ErrUnexpectedEOF
		}
		return io.EOF
	}
	r.ahead = r.buffer[:n]
	return nil
}

// writeFrame writes head and data, and returns how many bytes of them went out.
func writeFrame(p *polled, head, data []byte) (int, error) {
	done := 0
	for done < len(head) {
		n, err := p.write(func(fd int) (int, error) {
			return unix.SendmsgBuffers(fd, [][]byte{head[done:], data}, nil, nil, unix.MSG_NOSIGNAL)
		})
		if done += n; err != nil {
			return done, err
		}
	}
	n, err := p.writeAll(data[done-len(head):], nil)
	return done + n, err
}

// frameHead is all of m's frame but the data.
func frameHead(dst []byte, m Message) ([]byte, error) {
	if len(m.Data) > socket.MaxMessage {
		return dst, Faultf(Failed, "a message of %d bytes: %d are the most", len(m.Data), socket.MaxMessage)
	}
	return socket.AppendFrameHeader(dst[:0], m), nil
}

func isDeadline(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}
