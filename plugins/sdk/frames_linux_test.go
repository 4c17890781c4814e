package sdk

import (
	"bytes"
	"io"
	"testing"

	"github.com/sosh-shell/sosh/core/socket"
)

// FuzzFrames: whatever a host writes, a frame is a message, and nothing else is.
func FuzzFrames(f *testing.F) {
	f.Add(socket.AppendFrame(socket.AppendFrame(nil, socket.Message{}), socket.Message{Type: 1, Data: []byte("hi")}), []byte{3, 1})
	f.Add([]byte{0, 7, 0, 0, 0, 0, 0, 0, 4, 0, 80, 127, 0, 0, 1}, []byte{})
	f.Add([]byte{0, 0, 0, 0, 4, 0, 0, 0, 1}, []byte{})
	f.Fuzz(func(t *testing.T, in, sizes []byte) {
		rest := in
		read := func(get func(int) (int, error)) (int, error) {
			u, theirs, err := newUpper(true)
			if err != nil {
				t.Fatal(err)
			}
			n := min(len(rest), 4096)
			if len(sizes) > 0 {
				n, sizes = min(n, int(sizes[0])+1), sizes[1:]
			}
			other, err := newPolled(theirs, "host")
			if err != nil {
				t.Fatal(err)
			}
			other.writeAll(rest[:n], nil)
			other.file.Close()
			rest = rest[n:]
			defer u.file.Close()
			return u.read(get)
		}
		var r frameReader
		var again []byte
		for {
			m, err := r.next(read)
			if err != nil {
				if err == io.EOF && !sameFrames(again, in) {
					t.Errorf("%x became %x", in, again)
				}
				return
			}
			again = socket.AppendFrame(again, m)
		}
	})
}

// sameFrames compares but for the forms of an address, of which one has several.
func sameFrames(a, b []byte) bool {
	for len(a) > 0 && len(b) > 0 {
		fa, ea := socket.ParseFrame(a)
		fb, eb := socket.ParseFrame(b)
		if ea != nil || eb != nil || fa.Type != fb.Type || fa.Data != fb.Data {
			return false
		}
		a, b = a[socket.FrameHeader+fa.Address:], b[socket.FrameHeader+fb.Address:]
		if !bytes.Equal(a[:fa.Data], b[:fb.Data]) {
			return false
		}
		a, b = a[fa.Data:], b[fb.Data:]
	}
	return len(a) == 0 && len(b) == 0
}
