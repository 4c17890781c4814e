package table

import (
	"io"

	"github.com/sosh-shell/sosh/core/socket"
)

// frames takes messages out of the bytes that a layer frames them in. The zero
// frames is ready.
type frames struct {
	raw  []byte // read, and not taken apart yet
	off  int    // raw[off:] is to come
	open bool   // a frame has begun: its fixed part is known
	head socket.Frame
	peer socket.Address
	data []byte // of the frame under way, with its final capacity
}

// next returns the next message; ok is false when read has no more for now. read
// is a read that does not wait: its error ends the call. A message for which fits
// says no stays where it is, and the error is [socket.Full].
func (f *frames) next(read func([]byte) (int, error), fits func(bytes int) bool) (m socket.Message, err error) {
	for {
		if !f.open {
			ok, err := f.begin()
			if err != nil {
				return m, err
			}
			if !ok {
				if err := f.more(read); err != nil {
					return m, err
				}
				continue
			}
		}
		if f.data == nil {
			if !fits(f.head.Data) {
				return m, socket.Full
			}
			f.data = make([]byte, 0, f.head.Data)
		}
		n := min(f.head.Data-len(f.data), len(f.raw)-f.off)
		f.data = append(f.data, f.raw[f.off:f.off+n]...)
		f.off += n
		if len(f.data) == f.head.Data {
			if f.head.Return {
				back, err := socket.ParseReturn(f.data, f.peer)
				f.open, f.data = false, nil
				if err == nil {
					err = &cameBack{back}
				}
				return m, err
			}
			m = socket.Message{Data: f.data, Type: f.head.Type, Peer: f.peer}
			f.open, f.data = false, nil
			return m, nil
		}
		if missing := f.head.Data - len(f.data); missing > readSize { // without a copy
			n, err := read(f.data[len(f.data):f.head.Data])
			if err != nil {
				return m, err
			}
			f.data = f.data[:len(f.data)+n]
			continue
		}
		if err := f.more(read); err != nil {
			return m, err
		}
	}
}

// cameBack is a return in the place of a message.
type cameBack struct{ socket.Return }

func (e *cameBack) Error() string {
	if e.Text != "" {
		return e.Text
	}
	return e.Errno.Error()
}

// begin takes the fixed part and the address off, when they are there.
func (f *frames) begin() (ok bool, err error) {
	have := f.raw[f.off:]
	if len(have) < socket.FrameHeader {
		return false, nil
	}
	if f.head, err = socket.ParseFrame(have); err != nil {
		return false, err
	}
	end := socket.FrameHeader + f.head.Address
	if len(have) < end {
		return false, nil
	}
	if f.peer, err = socket.ParseFrameAddress(have[socket.FrameHeader:end]); err != nil {
		return false, err
	}
	f.off += end
	f.open = true
	return true, nil
}

// more reads on. An idle socket keeps no buffer: it is let go when it is empty.
func (f *frames) more(read func([]byte) (int, error)) error {
	b := scratch.Get().(*[readSize]byte)
	defer scratch.Put(b)
	n, err := read(b[:])
	if err != nil {
		if f.off == len(f.raw) {
			f.raw, f.off = nil, 0
		}
		return err
	}
	f.raw = append(f.raw[:copy(f.raw, f.raw[f.off:])], b[:n]...)
	f.off = 0
	return nil
}

// broken is the error of an end within a frame, nil between two.
func (f *frames) broken() error {
	if f.open || f.off < len(f.raw) {
		return io.ErrUnexpectedEOF
	}
	return nil
}
