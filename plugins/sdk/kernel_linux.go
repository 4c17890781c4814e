package sdk

import (
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
)

// tcpStates are the kernel's words for the first byte of TCP_INFO
// (include/net/tcp_states.h).
var tcpStates = [...]string{1: "ESTABLISHED", "SYN-SENT", "SYN-RECEIVED", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT",
	"CLOSED", "CLOSE-WAIT", "LAST-ACK", "LISTEN", "CLOSING", "SYN-RECV"}

// TCPState is the kernel's word for that number, "" for none that is known.
func TCPState(n uint8) string {
	if int(n) < len(tcpStates) {
		return tcpStates[n]
	}
	return ""
}

// factsOf asks the kernel. What it does not know stays empty.
func factsOf(fd int) (f socket.Facts) {
	if sa, err := syscall.Getsockname(fd); err == nil {
		f.Local = socket.FromSockaddr(sa)
	}
	if kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE); err == nil && kind == unix.SOCK_RAW {
		f.Local.Port = 0 // raw(7): what is there is the protocol's number
	}
	if sa, err := syscall.Getpeername(fd); err == nil {
		f.Remote = socket.FromSockaddr(sa)
	}
	if p, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PROTOCOL); err == nil && p == unix.IPPROTO_TCP {
		if info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
			f.State = TCPState(info.State)
			return f
		}
	}
	listens, _ := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	switch {
	case listens != 0:
		f.State = "LISTEN"
	case !f.Remote.IsZero():
		f.State = "connected"
	case f.Local.Port != 0, f.Local.Path != "", f.Local.IP.IsValid() && !f.Local.IP.IsUnspecified():
		f.State = "bound"
	default:
		f.State = "open"
	}
	return f
}

func closeFD(fd int) { unix.Close(fd) }

// inode is the number of a socket, and of no other (sockfs); 0 when there is none.
func inode(fd int) uint64 {
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil {
		return 0
	}
	return st.Ino
}
