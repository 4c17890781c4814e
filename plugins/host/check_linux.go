package host

import (
	"fmt"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
)

var kinds = map[socket.Kind]int{socket.Stream: unix.SOCK_STREAM, socket.Datagram: unix.SOCK_DGRAM,
	socket.Seqpacket: unix.SOCK_SEQPACKET, socket.Raw: unix.SOCK_RAW}

var domains = map[socket.Family]int{socket.FamilyIP4: unix.AF_INET, socket.FamilyIP6: unix.AF_INET6,
	socket.FamilyUnix: unix.AF_UNIX}

// check refuses a descriptor that is not the socket it should be, and makes it
// close-on-exec and non-blocking.
func check(fd int, d socket.Description, family socket.Family) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFSOCK {
		return fmt.Errorf("no socket")
	}
	got, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return err
	}
	if d.Layer {
		if got != unix.SOCK_STREAM {
			return fmt.Errorf("not a stream socketpair's end")
		}
	} else if !slices.ContainsFunc(append(d.Kinds[:len(d.Kinds):len(d.Kinds)], d.Kind), func(k socket.Kind) bool { return kinds[k] == got }) {
		return fmt.Errorf("not a %s socket", d.Kind)
	}
	if want, ok := domains[family]; ok {
		if got, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN); err != nil || got != want {
			return fmt.Errorf("not of the family %s", family)
		}
	}
	unix.CloseOnExec(fd) // it was received so; said again, as nothing depends on it alone
	return unix.SetNonblock(fd, true)
}

// familyOf is the family of a socket, FamilyNone when it is none that sosh knows.
func familyOf(fd int) socket.Family {
	got, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return socket.FamilyNone
	}
	for f, d := range domains {
		if d == got {
			return f
		}
	}
	return socket.FamilyNone
}

// localOf and remoteOf are getsockname(2) and getpeername(2), the zero address for none.
func localOf(fd int) socket.Address {
	sa, err := syscall.Getsockname(fd)
	if err != nil {
		return socket.Address{}
	}
	return socket.FromSockaddr(sa)
}

func remoteOf(fd int) socket.Address {
	sa, err := syscall.Getpeername(fd)
	if err != nil {
		return socket.Address{}
	}
	return socket.FromSockaddr(sa)
}

// nonblocking undoes what a plugin may have done to the file description that it
// shared with us for a call.
func nonblocking(fd int) {
	if fl, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); err == nil && fl&unix.O_NONBLOCK == 0 {
		unix.FcntlInt(uintptr(fd), unix.F_SETFL, fl|unix.O_NONBLOCK)
	}
}

func closeFD(fd int) { unix.Close(fd) }
