package telnet

import (
	"net"

	"golang.org/x/sys/unix"
)

// urgent sends bytes, the last of them urgent.
func urgent(c *net.TCPConn, b []byte) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	cerr := raw.Control(func(fd uintptr) { err = unix.Sendto(int(fd), b, unix.MSG_OOB, nil) })
	if cerr != nil {
		return cerr
	}
	return err
}
