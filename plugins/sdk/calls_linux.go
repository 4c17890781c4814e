package sdk

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
)

// Calls makes socket calls and writes down each as strace(1) would: the zero
// Calls is ready. Errors are the bare errno. For one goroutine.
type Calls struct{ Report Report }

// note adds a call to the report. ok is what a call that succeeded returned.
func (c *Calls) note(err error, ok string, format string, args ...any) {
	result := ok
	if errno, is := err.(syscall.Errno); is {
		result = fmt.Sprintf("%s (%s)", unix.ErrnoName(errno), errno)
	} else if err != nil {
		result = err.Error()
	}
	c.Report = append(c.Report, Syscall{Call: fmt.Sprintf(format, args...), Result: result})
}

// Socket is socket(2), non-blocking and close-on-exec. kind is a SOCK_ number,
// proto an IPPROTO_ number. A family that sockets cannot have is [Usage].
func (c *Calls) Socket(family Family, kind, proto int) (int, error) {
	domain, name := unix.AF_INET, "AF_INET"
	switch family {
	case FamilyNone, FamilyIP4:
	case FamilyIP6:
		domain, name = unix.AF_INET6, "AF_INET6"
	case FamilyUnix:
		domain, name = unix.AF_UNIX, "AF_UNIX"
	default:
		return -1, Faultf(Usage, "no address family is named %q", string(family))
	}
	fd, err := unix.Socket(domain, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, proto)
	c.note(err, "fd", "socket(%s, %s|SOCK_CLOEXEC|SOCK_NONBLOCK, %s)", name, kindName(kind), protoName(domain, proto))
	return fd, err
}

// Bind is bind(2).
func (c *Calls) Bind(fd int, a Address) error {
	sa, err := a.Sockaddr()
	if err != nil {
		return err
	}
	err = syscall.Bind(fd, sa)
	c.note(err, "0", "bind(fd, %s)", sockaddrText(a))
	return err
}

// Listen is listen(2).
func (c *Calls) Listen(fd, backlog int) error {
	err := unix.Listen(fd, backlog)
	c.note(err, "0", "listen(fd, %d)", backlog)
	return err
}

// Connect is connect(2). On a non-blocking socket it begins to connect and
// returns EINPROGRESS.
func (c *Calls) Connect(fd int, a Address) error {
	sa, err := a.Sockaddr()
	if err != nil {
		return err
	}
	err = syscall.Connect(fd, sa)
	c.note(err, "0", "connect(fd, %s)", sockaddrText(a))
	return err
}

// Disconnect is connect(2) with AF_UNSPEC: it dissolves a connection, or one that
// is being made, and the socket can connect again.
func (c *Calls) Disconnect(fd int) error {
	err := disconnect(fd)
	c.note(err, "0", "connect(fd, {AF_UNSPEC})")
	return err
}

// Accept is accept4(2), the new socket non-blocking and close-on-exec. A
// connection that its peer has given up already is passed over.
func (c *Calls) Accept(fd int) (int, error) {
	for {
		nfd, sa, err := syscall.Accept4(fd, unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
		peer := "NULL"
		if err == nil {
			peer = sockaddrText(socket.FromSockaddr(sa))
		}
		c.note(err, "fd", "accept4(fd, %s, SOCK_CLOEXEC|SOCK_NONBLOCK)", peer)
		if err != syscall.EINTR && err != syscall.ECONNABORTED {
			return nfd, err
		}
	}
}

// Shutdown is shutdown(2).
func (c *Calls) Shutdown(fd int, how How) error {
	err := unix.Shutdown(fd, int(how))
	name := strconv.Itoa(int(how))
	if how >= ShutdownRead && how <= ShutdownBoth {
		name = [...]string{"SHUT_RD", "SHUT_WR", "SHUT_RDWR"}[how]
	}
	c.note(err, "0", "shutdown(fd, %s)", name)
	return err
}

// sockaddrText is an address as in strace(1), shortened to what people ask about.
func sockaddrText(a Address) string {
	switch a.Family {
	case FamilyIP4:
		return fmt.Sprintf("{AF_INET, %s:%d}", a.IP, a.Port)
	case FamilyIP6:
		return fmt.Sprintf("{AF_INET6, [%s]:%d}", a.IP, a.Port)
	case FamilyUnix:
		if name, ok := strings.CutPrefix(a.Path, "\x00"); ok {
			return fmt.Sprintf("{AF_UNIX, @%q}", name)
		}
		return fmt.Sprintf("{AF_UNIX, %q}", a.Path)
	}
	return "{AF_UNSPEC}"
}

func kindName(kind int) string {
	switch kind {
	case unix.SOCK_STREAM:
		return "SOCK_STREAM"
	case unix.SOCK_DGRAM:
		return "SOCK_DGRAM"
	case unix.SOCK_SEQPACKET:
		return "SOCK_SEQPACKET"
	case unix.SOCK_RAW:
		return "SOCK_RAW"
	}
	return strconv.Itoa(kind)
}

func protoName(domain, proto int) string {
	if domain != unix.AF_UNIX {
		switch proto {
		case unix.IPPROTO_TCP:
			return "IPPROTO_TCP"
		case unix.IPPROTO_UDP:
			return "IPPROTO_UDP"
		case unix.IPPROTO_ICMP:
			return "IPPROTO_ICMP"
		case unix.IPPROTO_ICMPV6:
			return "IPPROTO_ICMPV6"
		}
	}
	return strconv.Itoa(proto)
}
