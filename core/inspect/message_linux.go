package inspect

import (
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
)

// memInfo are the words of SO_MEMINFO (linux/sock_diag.h) that say something of a
// socket with messages.
const (
	memReceiveQueue = 0
	memReceiveBound = 1
	memDrops        = 8
	memWords        = 9
)

// messageFacts are what the kernel knows of a datagram or raw socket: what it
// dropped for want of room, and how much waits.
func messageFacts(fd int) []socket.Setting {
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil || kind == unix.SOCK_STREAM {
		return nil
	}
	var words [memWords]uint32
	size := uint32(unsafe.Sizeof(words))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&words)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 || size < uint32(unsafe.Sizeof(words)) {
		return nil
	}
	num := func(n uint32) string { return strconv.FormatUint(uint64(n), 10) }
	return []socket.Setting{
		{Name: "kernel.drops", Value: num(words[memDrops])},
		{Name: "kernel.queue", Value: num(words[memReceiveQueue])},
		{Name: "kernel.rcvbuf", Value: num(words[memReceiveBound])},
	}
}

// Kind is the kernel's word for the sort of the socket (SO_TYPE), "" when it has none
// that sosh knows.
func Kind(fd int) socket.Kind {
	n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return ""
	}
	return map[int]socket.Kind{unix.SOCK_STREAM: socket.Stream, unix.SOCK_DGRAM: socket.Datagram,
		unix.SOCK_SEQPACKET: socket.Seqpacket, unix.SOCK_RAW: socket.Raw}[n]
}
