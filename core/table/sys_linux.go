package table

import (
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
)

// The system calls on a held descriptor. None waits: reads and writes carry
// MSG_DONTWAIT, as a plugin that was lent the descriptor may have cleared
// O_NONBLOCK, which all copies share.

func sysRecv(fd int, p []byte) (int, error) {
	return transfer(unix.SYS_RECVFROM, fd, p, unix.MSG_DONTWAIT)
}

func sysSend(fd int, p []byte) (int, error) {
	return transfer(unix.SYS_SENDTO, fd, p, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
}

// brief is the size up to which a transfer is so short that telling Go's
// scheduler of it would cost as much as the copying.
const brief = 4 << 10

// transfer is recv(2) or send(2): x/sys has them only with an address, which
// costs an allocation a call.
func transfer(trap uintptr, fd int, p []byte, flags uintptr) (int, error) {
	call := unix.Syscall6
	if len(p) <= brief {
		call = unix.RawSyscall6
	}
	for {
		n, _, errno := call(trap, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), flags, 0, 0)
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
			continue
		}
		return 0, errno
	}
}

// sysSendfile moves at most count bytes from the file's offset, which it advances.
func sysSendfile(fd, file, count int) (int, error) {
	for {
		n, err := unix.Sendfile(fd, file, nil, count)
		if err != unix.EINTR {
			return max(n, 0), err
		}
	}
}

func sysLocal(fd int) socket.Address {
	sa, err := syscall.Getsockname(fd)
	if err != nil {
		return socket.Address{}
	}
	return known(socket.FromSockaddr(sa))
}

func sysRemote(fd int) socket.Address {
	sa, err := syscall.Getpeername(fd)
	if err != nil {
		return socket.Address{}
	}
	return socket.FromSockaddr(sa)
}

// known turns the all-zero name of an unbound socket into no address.
func known(a socket.Address) socket.Address {
	if a.IP.IsValid() && a.IP.IsUnspecified() && a.Port == 0 {
		return socket.Address{}
	}
	return a
}

// sysTakeError reads and clears SO_ERROR.
func sysTakeError(fd int) error {
	n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return err
	}
	if n != 0 {
		return syscall.Errno(n)
	}
	return nil
}

// sysDisconnect dissolves a connect under way: connect(2) with AF_UNSPEC.
func sysDisconnect(fd int) error {
	var sa unix.RawSockaddrAny // AF_UNSPEC is 0
	_, _, errno := unix.Syscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&sa)), unix.SizeofSockaddrInet4)
	if errno != 0 {
		return errno
	}
	return nil
}

func sysSetNonblock(fd int) error { return unix.SetNonblock(fd, true) }

// sysReplace puts the file behind from in the place of fd and closes from.
func sysReplace(fd, from int) error {
	err := unix.Dup3(from, fd, unix.O_CLOEXEC)
	unix.Close(from)
	return err
}

func sysClose(fd int) error { return unix.Close(fd) }

// sysResetOnClose makes close(2) send a RST: SO_LINGER with a time of zero, socket(7).
func sysResetOnClose(fd int) error {
	return unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
}

// sysLingers reports whether close(2) would wait: SO_LINGER with a time.
func sysLingers(fd int) bool {
	var l unix.Linger
	size := uint32(unsafe.Sizeof(l))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_LINGER,
		uintptr(unsafe.Pointer(&l)), uintptr(unsafe.Pointer(&size)), 0)
	return errno == 0 && l.Onoff != 0 && l.Linger > 0
}

// sysUnread is the number of received bytes in the kernel: SIOCINQ, tcp(7).
func sysUnread(fd int) int {
	n, err := unix.IoctlGetInt(fd, unix.SIOCINQ)
	if err != nil {
		return 0
	}
	return n
}

// sysReady reports whether the descriptor is ready now.
func sysReady(fd int, d direction) bool {
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	if d == toWrite {
		p[0].Events = unix.POLLOUT
	}
	n, _ := unix.Poll(p, 0)
	return n > 0
}

func sysIsRegular(f *os.File) bool {
	var st unix.Stat_t
	if unix.Fstat(int(f.Fd()), &st) != nil {
		return false
	}
	return st.Mode&unix.S_IFMT == unix.S_IFREG
}
