package sdk

import (
	"bytes"
	"io"
	"time"

	"golang.org/x/sys/unix"
)

// upper is our end of the socketpair whose other end the host has.
type upper struct {
	*polled
	framed bool
	in     frameReader
	head   []byte
	tail   bytes.Buffer // what a deadline has cut off; the pump's that writes
	mute   bool         // the host takes no more
}

// newUpper makes the pair.
func newUpper(framed bool) (u *upper, theirs int, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, -1, err
	}
	for _, fd := range fds {
		// As far as net.core.wmem_max allows: fewer and longer turns of the two sides.
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, bulk)
	}
	markPair(fds[1])
	p, err := newPolled(fds[0], "layer")
	if err != nil {
		unix.Close(fds[1])
		return nil, -1, err
	}
	return &upper{polled: p, framed: framed}, fds[1], nil
}

// bytes waits for bytes of the user's and hands them to f. The end is io.EOF, also
// where the user has closed without reading all: whatever came before is here.
func (u *upper) bytes(f func([]byte) error) error {
	var buf *[bulk]byte
	n, err := u.read(func(fd int) (int, error) {
		buf = bulks.Get().(*[bulk]byte)
		n, err := unix.Read(fd, buf[:])
		if err != nil || n == 0 {
			bulks.Put(buf)
			buf = nil
		}
		return n, err
	})
	if buf == nil {
		return ending(err)
	}
	defer bulks.Put(buf)
	return f(buf[:n])
}

// waiting is bytes for what is there already.
func (u *upper) waiting(f func([]byte) error) error {
	buf := bulks.Get().(*[bulk]byte)
	defer bulks.Put(buf)
	for {
		n, err := u.now(func(fd int) (int, error) { return unix.Read(fd, buf[:]) })
		if n == 0 {
			return ending(err)
		}
		if err := f(buf[:n]); err != nil {
			return err
		}
	}
}

func ending(err error) error {
	if err == nil || err == unix.ECONNRESET {
		return io.EOF
	}
	return err
}

// maxTail bounds what is kept for a host that does not read while it unwraps, in bytes.
const maxTail = 1 << 20

// put writes head and data to the host. Where a deadline ends that, the rest is kept
// for flush; beyond maxTail it waits all the same. A host that takes no more is no
// error: the layer must go on to its end.
func (u *upper) put(head, data []byte) {
	if u.mute {
		return
	}
	done := 0
	if u.tail.Len() == 0 {
		var err error
		if done, err = writeFrame(u.polled, head, data); err == nil {
			return
		} else if !isDeadline(err) {
			u.mute = true
			return
		}
	}
	u.tail.Write(head[min(done, len(head)):])
	u.tail.Write(data[max(done-len(head), 0):])
	if u.tail.Len() > maxTail {
		u.SetWriteDeadline(time.Time{})
		u.flush()
		u.SetWriteDeadline(past)
	}
}

// flush writes what was kept.
func (u *upper) flush() {
	_, err := u.writeAll(u.tail.Bytes(), nil)
	u.mute = u.mute || err != nil
	u.tail = bytes.Buffer{}
}

// Write is put for bytes.
func (u *upper) Write(p []byte) (int, error) {
	u.put(nil, p)
	return len(p), nil
}

// putMessage is put for a message.
func (u *upper) putMessage(m Message) error {
	head, err := frameHead(u.head, m)
	if err == nil {
		u.head = head
		u.put(head, m.Data)
	}
	return err
}

// hungUp reports whether both directions of the pair have ended.
func (u *upper) hungUp() bool {
	p := []unix.PollFd{{}}
	u.now(func(fd int) (int, error) {
		p[0].Fd = int32(fd)
		return unix.Poll(p, 0)
	})
	return p[0].Revents&(unix.POLLHUP|unix.POLLERR) != 0
}

// untilHungUp waits until both directions have ended.
func (u *upper) untilHungUp() error {
	_, err := u.read(func(fd int) (int, error) {
		p := []unix.PollFd{{Fd: int32(fd)}}
		if _, err := unix.Poll(p, 0); err != nil {
			return 0, err
		}
		if p[0].Revents&(unix.POLLHUP|unix.POLLERR) == 0 {
			return 0, unix.EAGAIN
		}
		return 0, nil
	})
	return err
}

// close closes our end. What the host has not read stays readable; what it wrote
// and nobody took is thrown away first, or its end would be a reset.
func (u *upper) close() {
	u.shutdown(unix.SHUT_RDWR)
	u.waiting(func([]byte) error { return nil })
	u.file.Close()
}

// stopReads makes reads that wait end with a deadline.
func (u *upper) stopReads() { u.SetReadDeadline(past) }
