package sdk

import (
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// bulk is the size of the buffers that bytes in motion are read into.
const bulk = 256 << 10

var bulks = sync.Pool{New: func() any { return new([bulk]byte) }}

// polled is a descriptor in Go's poller. Not a net.Conn: net.FileConn would change
// the socket's options, and asks for an address that it remembers.
type polled struct {
	file *os.File
	raw  syscall.RawConn

	mu   sync.Mutex
	dead bool // deadlines no longer change
}

// newPolled takes the descriptor over, also when it fails.
func newPolled(fd int, name string) (*polled, error) {
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, err
	}
	unix.CloseOnExec(fd)
	p := &polled{file: os.NewFile(uintptr(fd), name)}
	var err error
	if p.raw, err = p.file.SyscallConn(); err == nil {
		// What the poller cannot wait for has no deadlines.
		err = p.file.SetDeadline(time.Time{})
	}
	if err != nil {
		p.file.Close()
		return nil, err
	}
	return p, nil
}

// SetDeadline is net.Conn's.
func (p *polled) SetDeadline(t time.Time) error { return p.deadline(p.file.SetDeadline, t) }

// SetReadDeadline is net.Conn's.
func (p *polled) SetReadDeadline(t time.Time) error { return p.deadline(p.file.SetReadDeadline, t) }

// SetWriteDeadline is net.Conn's.
func (p *polled) SetWriteDeadline(t time.Time) error { return p.deadline(p.file.SetWriteDeadline, t) }

func (p *polled) deadline(set func(time.Time) error, t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead {
		return nil
	}
	return closedError(set(t))
}

// interrupt makes every read and write fail, those under way and those to come.
func (p *polled) interrupt() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dead = true
	p.file.SetDeadline(past)
}

// read waits until f, which does not wait, has an answer other than EAGAIN.
func (p *polled) read(f func(fd int) (int, error)) (n int, err error) {
	werr := p.raw.Read(func(fd uintptr) bool {
		n, err = again(f, int(fd))
		return err != unix.EAGAIN
	})
	if werr != nil {
		return 0, closedError(werr)
	}
	return n, err
}

// write is read for writing.
func (p *polled) write(f func(fd int) (int, error)) (n int, err error) {
	werr := p.raw.Write(func(fd uintptr) bool {
		n, err = again(f, int(fd))
		return err != unix.EAGAIN
	})
	if werr != nil {
		return 0, closedError(werr)
	}
	return n, err
}

// now calls f with the descriptor, and does not wait.
func (p *polled) now(f func(fd int) (int, error)) (n int, err error) {
	cerr := p.raw.Control(func(fd uintptr) { n, err = again(f, int(fd)) })
	if cerr != nil {
		return 0, closedError(cerr)
	}
	return n, err
}

func again(f func(fd int) (int, error), fd int) (int, error) {
	for {
		n, err := f(fd)
		if err != unix.EINTR {
			return max(n, 0), err
		}
	}
}

// closedError gives the poller's error for a closed descriptor its identity.
func closedError(err error) error {
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	return net.ErrClosed
}

// writeAll writes all of b, and returns how much went out.
func (p *polled) writeAll(b []byte, progress func(int)) (int, error) {
	done := 0
	for done < len(b) {
		n, err := p.write(func(fd int) (int, error) {
			return unix.SendmsgN(fd, b[done:], nil, nil, unix.MSG_NOSIGNAL)
		})
		done += n
		if progress != nil {
			progress(n)
		}
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// shutdown is shutdown(2); that the socket is no longer connected is no failure
// of it.
func (p *polled) shutdown(how int) error {
	_, err := p.now(func(fd int) (int, error) { return 0, unix.Shutdown(fd, how) })
	if err == unix.ENOTCONN {
		return nil
	}
	return err
}
