package telnet

import (
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// inlineUrgent keeps urgent bytes in the stream (socket(7), SO_OOBINLINE). A peer
// sends the DATA MARK of a SYNCH as one (RFC 854): taken out of the stream, it would
// leave its IAC before the next byte of data. Below another layer there is no urgency.
func inlineUrgent(below sdk.Below) {
	c, ok := below.(syscall.Conn)
	if !ok {
		return
	}
	if raw, err := c.SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) { unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_OOBINLINE, 1) })
	}
}
