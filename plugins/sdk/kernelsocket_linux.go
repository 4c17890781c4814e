package sdk

import (
	"context"
	"errors"
	"io"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
)

// kernelSocket is a socket of the kernel's that stays in this process.
type kernelSocket struct {
	*polled
	kind Kind
	unix bool // AF_UNIX
}

// newKernelSocket takes the descriptor over, also when it fails.
func newKernelSocket(fd int) (far, error) {
	number, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	kind, ok := map[int]Kind{unix.SOCK_STREAM: Stream, unix.SOCK_DGRAM: Datagram, unix.SOCK_SEQPACKET: Seqpacket, unix.SOCK_RAW: Raw}[number]
	if err == nil && !ok {
		err = Faultf(Unsupported, "sockets of the type %d cannot be carried", number)
	}
	if err != nil {
		closeFD(fd)
		return nil, err
	}
	domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		closeFD(fd)
		return nil, err
	}
	p, err := newPolled(fd, "socket")
	if err != nil {
		return nil, err
	}
	return &kernelSocket{polled: p, kind: kind, unix: domain == unix.AF_UNIX}, nil
}

func (k *kernelSocket) sort() Kind { return k.kind }

func (k *kernelSocket) lend(mark Mark, f func(Lent) error) error {
	var err error
	if cerr := k.raw.Control(func(fd uintptr) { err = f(Lent{FD: int(fd), Mark: mark}) }); cerr != nil {
		return syscall.ENOTCONN
	}
	return err
}

func (k *kernelSocket) look() (f socket.Facts, ok bool) {
	return f, k.lend(nil, func(l Lent) error { f = factsOf(l.FD); return nil }) == nil
}

func (k *kernelSocket) connected() bool {
	_, err := k.now(unixPeer)
	return err == nil
}

func unixPeer(fd int) (int, error) {
	_, err := unix.Getpeername(fd)
	return 0, err
}

func (k *kernelSocket) waitConnected(ctx context.Context) error {
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { k.SetWriteDeadline(past); close(ended) })
	errno := 0
	_, err := k.polled.write(func(fd int) (int, error) {
		// The poller may remember an event from before the connect.
		if !ready(fd, unix.POLLOUT) {
			return 0, unix.EAGAIN
		}
		var err error
		errno, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
		return 0, err
	})
	if !stop() {
		<-ended
		k.SetWriteDeadline(time.Time{})
	}
	var is syscall.Errno
	switch {
	case err != nil && !errors.As(err, &is): // given up, or closed meanwhile
		k.now(func(fd int) (int, error) { return 0, disconnect(fd) })
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return syscall.ENOTCONN
	case err != nil:
		return err
	case errno != 0:
		return syscall.Errno(errno)
	}
	return nil
}

func (k *kernelSocket) waitClient() error {
	_, err := k.read(func(fd int) (int, error) {
		if !ready(fd, unix.POLLIN) {
			return 0, unix.EAGAIN
		}
		return 0, nil
	})
	return err
}

// bytes implements far. While nothing comes it holds no buffer.
func (k *kernelSocket) bytes(f func([]byte) error) error {
	for {
		var buf *[middling]byte
		n, err := k.read(func(fd int) (int, error) {
			buf = middlings.Get().(*[middling]byte)
			n, err := unix.Read(fd, buf[:])
			if err != nil || n == 0 {
				middlings.Put(buf)
				buf = nil
			}
			return n, err
		})
		if buf == nil {
			if err == nil {
				err = io.EOF
			}
			return err
		}
		err = f(buf[:n])
		middlings.Put(buf)
		if err != nil {
			return err
		}
	}
}

func (k *kernelSocket) write(p []byte) error {
	_, err := k.writeAll(p, nil)
	return err
}

func (k *kernelSocket) canEnd(How) error { return nil }

// endWriting implements far. One that fails finds the connection gone already, which
// its reader tells.
func (k *kernelSocket) endWriting(p Protocol, mark Mark) error {
	if s, ok := p.(Shutdowner); ok {
		k.lend(mark, func(l Lent) error {
			_, err := s.Shutdown(context.Background(), l, ShutdownWrite)
			return err
		})
		return nil
	}
	k.shutdown(unix.SHUT_WR)
	return nil
}

// reset implements far (socket(7), SO_LINGER with a time of 0).
func (k *kernelSocket) reset() {
	k.now(func(fd int) (int, error) {
		return 0, unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	})
}

func (k *kernelSocket) close() { k.file.Close() }

// disconnect aborts a connect(2): with AF_UNSPEC the socket is as new.
func disconnect(fd int) error {
	var sa unix.RawSockaddr // its family is AF_UNSPEC
	_, _, errno := unix.Syscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&sa)), unix.SizeofSockaddrInet4)
	if errno != 0 {
		return errno
	}
	return nil
}

// ready asks poll(2) without waiting; an error or a hangup counts as ready.
func ready(fd int, events int16) bool {
	p := []unix.PollFd{{Fd: int32(fd), Events: events}}
	for {
		n, err := unix.Poll(p, 0)
		if err != unix.EINTR {
			return n > 0
		}
	}
}
