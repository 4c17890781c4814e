package sdk

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
)

// closeWait is how long a write may go without progress once the user has closed:
// a peer that does not read must not keep a layer alive.
const closeWait = 2 * time.Second

// beneath is what a layer works over: a descriptor that is its own.
type beneath struct {
	*polled
	sent, received atomic.Uint64
	remote         Address
	signs          bool // a layer of ours is beneath: it signs an orderly end

	resetting atomic.Bool // the close is to be a reset
	resetSeen atomic.Bool // the kernel has told a writer of a reset, and tells it once
	closing   atomic.Bool // writes have closeWait
	refused   refusals
	closed    sync.Once
}

// wrote counts, and gives a write that makes progress more time.
func (b *beneath) wrote(n int) {
	b.sent.Add(uint64(n))
	if n > 0 && b.closing.Load() {
		b.SetWriteDeadline(time.Now().Add(closeWait))
	}
}

// hurry says that the user has closed: what is left to write has closeWait, again
// after each bit of progress.
func (b *beneath) hurry() {
	if !b.closing.Swap(true) {
		b.SetWriteDeadline(time.Now().Add(closeWait))
	}
}

// CloseWrite implements Below.
func (b *beneath) CloseWrite() error { return b.shutdown(unix.SHUT_WR) }

// Reset implements Below (socket(7), SO_LINGER with a time of 0). Over another
// layer it does nothing: a socketpair has no reset.
func (b *beneath) Reset() error {
	b.resetting.Store(true)
	_, err := b.now(func(fd int) (int, error) {
		return 0, unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	})
	return err
}

// Close closes the layer's copy of the descriptor. The host has another, so that a
// reset would wait for the host's close: where the socket can, it happens now.
func (b *beneath) Close() error {
	b.closed.Do(func() {
		if b.resetting.Load() {
			b.now(func(fd int) (int, error) {
				if p, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PROTOCOL); err == nil && p == unix.IPPROTO_TCP {
					return 0, disconnect(fd)
				}
				return 0, nil
			})
		}
		b.file.Close()
	})
	return nil
}

// SyscallConn implements syscall.Conn, for a layer that sets an option of the socket
// beneath. Its reads and writes are not counted.
func (b *beneath) SyscallConn() (syscall.RawConn, error) { return b.raw, nil }

// failed notes what a write was told.
func (b *beneath) failed(err error) error {
	if errors.Is(err, syscall.ECONNRESET) {
		b.resetSeen.Store(true)
	}
	return err
}

// ended is the error of a read that gave nothing.
func (b *beneath) ended() error {
	if b.resetSeen.Load() {
		return syscall.ECONNRESET
	}
	if b.signs && !b.signed() {
		return errCut
	}
	return io.EOF
}

// belowBytes is a stream beneath a layer.
type belowBytes struct {
	beneath
	mu     sync.Mutex
	unread []byte // comes before what the descriptor gives
}

// Read implements net.Conn.
func (b *belowBytes) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if n := b.readUnread(p); n > 0 {
		return n, nil
	}
	n, err := b.read(func(fd int) (int, error) { return unix.Read(fd, p) })
	b.received.Add(uint64(n))
	if n == 0 && err == nil {
		err = b.ended()
	}
	return n, b.pairError(err)
}

func (b *belowBytes) readUnread(p []byte) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := copy(p, b.unread)
	if b.unread = b.unread[n:]; len(b.unread) == 0 {
		b.unread = nil // the host's buffer may be large
	}
	b.received.Add(uint64(n))
	return n
}

// rest are the bytes that nobody has read.
func (b *belowBytes) rest() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.unread
	b.unread = nil
	return r
}

// WriteTo implements io.WriterTo, for a layer that only shakes hands and gives below
// as it is: no buffer is held while nothing comes.
func (b *belowBytes) WriteTo(w io.Writer) (int64, error) {
	var least [small]byte
	for {
		n := b.readUnread(least[:])
		if n == 0 {
			break
		}
		w.Write(least[:n])
	}
	for {
		var buf *[bulk]byte
		n, err := b.read(func(fd int) (int, error) {
			buf = bulks.Get().(*[bulk]byte)
			n, err := unix.Read(fd, buf[:])
			if n <= 0 {
				bulks.Put(buf)
				buf = nil
			}
			return n, err
		})
		if buf == nil {
			if err == nil {
				err = b.ended()
			}
			return 0, b.pairError(err)
		}
		b.received.Add(uint64(n))
		w.Write(buf[:n])
		bulks.Put(buf)
	}
}

// Write implements net.Conn.
func (b *belowBytes) Write(p []byte) (int, error) {
	if b.closing.Load() {
		b.SetWriteDeadline(time.Now().Add(closeWait))
	}
	n, err := b.writeAll(p, b.wrote)
	return n, b.failed(err)
}

// SetNoDelay is as net.TCPConn's: whether small writes go out at once (tcp(7)). It
// fails where no TCP is beneath.
func (b *belowBytes) SetNoDelay(on bool) error {
	value := 0
	if on {
		value = 1
	}
	_, err := b.now(func(fd int) (int, error) {
		return 0, unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, value)
	})
	return err
}

// LocalAddr implements net.Conn: as the kernel says.
func (b *belowBytes) LocalAddr() net.Addr { return b.address(syscall.Getsockname, Address{}) }

// RemoteAddr implements net.Conn: as the kernel says, or, where another layer is
// beneath, the host.
func (b *belowBytes) RemoteAddr() net.Addr { return b.address(syscall.Getpeername, b.remote) }

func (b *beneath) address(ask func(int) (syscall.Sockaddr, error), known Address) net.Addr {
	var a Address
	b.now(func(fd int) (int, error) {
		sa, err := ask(fd)
		if err == nil {
			a = socket.FromSockaddr(sa)
		}
		return 0, err
	})
	if !known.IsZero() && (b.signs || a.IsZero() || a.Family == FamilyUnix && a.Path == "") {
		a = known
	}
	if a.IP.IsValid() {
		return &net.TCPAddr{IP: a.IP.AsSlice(), Port: int(a.Port), Zone: a.IP.Zone()}
	}
	return &net.UnixAddr{Net: "unix", Name: a.Path}
}
