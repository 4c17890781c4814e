package sdk

import (
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
)

// An end of a socketpair says nothing of how it came about, and the layer above must
// not take a cut for an end: a body that only the end delimits would look whole. So a
// layer signs its orderly end: before it ends the pair it gives its own end of it a
// name, one that the kernel chooses (unix(7), autobind), which the other end sees as
// its peer's (getpeername(2)), also when the layer has closed since. An end without
// one is a cut, and so is that of a process that died.
//
// pairMark tells a pair of a layer's from any other unix socket: SO_PRIORITY means
// nothing on one (socket(7)). What has no mark ends as it always did.
const pairMark = 6

// markPair marks the host's end, before anybody has it.
func markPair(theirs int) { unix.SetsockoptInt(theirs, unix.SOL_SOCKET, unix.SO_PRIORITY, pairMark) }

// isPair reports whether p is the host's end of a layer's pair.
func isPair(p *polled) bool {
	is, _ := p.now(func(fd int) (int, error) {
		domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
		if err != nil || domain != unix.AF_UNIX {
			return 0, err
		}
		mark, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PRIORITY)
		if err != nil || mark != pairMark {
			return 0, err
		}
		return 1, nil
	})
	return is == 1
}

// sign says that the end that comes is in order.
func (u *upper) sign() {
	u.now(func(fd int) (int, error) { return 0, unix.Bind(fd, &unix.SockaddrUnix{}) })
}

// signed reports whether the layer beneath has ended in order.
func (b *beneath) signed() bool {
	is, _ := b.now(func(fd int) (int, error) {
		sa, err := syscall.Getpeername(fd)
		if err != nil || socket.FromSockaddr(sa).Path == "" {
			return 0, err
		}
		return 1, nil
	})
	return is == 1
}

// errCut is an end beneath that nobody signed. Why it came the host asks the layer itself.
var errCut = Faultf(Truncated, "the layer beneath was cut short")

// pairError is a read's error: a pair's own reset is no word of the peer's, only that
// the layer's process went with bytes unread.
func (b *beneath) pairError(err error) error {
	if b.signs && err == unix.ECONNRESET && !b.resetSeen.Load() {
		return errCut
	}
	return err
}
