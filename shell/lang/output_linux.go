package lang

import (
	"os"

	"golang.org/x/sys/unix"
)

// pipeBuf is what a pipe takes at once when poll(2) says that it takes anything
// (PIPE_BUF, pipe(7)).
const pipeBuf = 4096

// Write implements io.Writer. It writes what fits, then asks whether more does.
func (o *output) Write(p []byte) (n int, err error) {
	conn, err := o.file.SyscallConn()
	if err != nil {
		return 0, err
	}
	for n < len(p) && err == nil {
		piece := p[n:min(len(p), n+pipeBuf)]
		ready := false
		if cerr := conn.Control(func(fd uintptr) { ready = o.ready(int(fd)) }); cerr != nil {
			return n, cerr
		}
		if !ready {
			return n, os.ErrDeadlineExceeded
		}
		var m int
		m, err = o.file.Write(piece)
		n += m
	}
	return n, err
}

// ready waits until something can be written, or the run has ended.
func (o *output) ready(fd int) bool {
	return await(fd, unix.POLLOUT, o.ended())
}

// await waits for an event on a descriptor that Go's runtime does not poll.
func await(fd int, events int16, ended <-chan struct{}) bool {
	for wait := 0; ; wait = 20 {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: events}}, wait)
		if n > 0 || err != nil && err != unix.EINTR {
			return true // or the call itself tells what is wrong
		}
		select {
		case <-ended:
			return false
		default:
		}
	}
}

// awaitInput waits until there is something to read, or ended is closed: a read
// of a descriptor that the shell was given cannot be cancelled.
func awaitInput(f *os.File, ended <-chan struct{}) bool {
	conn, err := f.SyscallConn()
	if err != nil {
		return true
	}
	ready := true
	conn.Control(func(fd uintptr) { ready = await(int(fd), unix.POLLIN, ended) })
	return ready
}
