package table

import (
	"encoding/binary"
	"errors"
	"net/netip"
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

// errEnd is the end of a connection with messages.
var errEnd = errors.New("end")

// sysRecvMessage receives one message, whole. On a unix socket a message may be
// longer than any buffer kept for it, so its length is asked for first.
func sysRecvMessage(fd int, unixSocket bool) (socket.Message, error) {
	b := scratch.Get().(*[readSize]byte)
	defer scratch.Put(b)
	p := b[:]
	if unixSocket {
		n, err := sysPeekLength(fd)
		if err != nil {
			return socket.Message{}, err
		}
		if n > len(p) {
			p = make([]byte, n)
		}
	}
	for {
		n, _, _, from, err := syscall.Recvmsg(fd, p, nil, unix.MSG_DONTWAIT)
		switch {
		case err == syscall.EINTR:
			continue
		case err != nil:
			return socket.Message{}, err
		case n == 0 && sysHasConnections(fd) && sysHungUp(fd) && sysUnread(fd) == 0:
			// An empty message that is the last one before the end cannot be told from it.
			return socket.Message{}, errEnd
		}
		return socket.Message{Data: append([]byte(nil), p[:n]...), Peer: known(socket.FromSockaddr(from))}, nil
	}
}

// sysPeekLength is the true length of the next message.
func sysPeekLength(fd int) (int, error) {
	for {
		n, _, _, _, err := syscall.Recvmsg(fd, nil, nil, unix.MSG_DONTWAIT|unix.MSG_PEEK|unix.MSG_TRUNC)
		if err != syscall.EINTR {
			return n, err
		}
	}
}

// sysHasConnections reports whether a socket with messages has them over
// connections, which end.
func sysHasConnections(fd int) bool {
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	return err == nil && kind == unix.SOCK_SEQPACKET
}

// sysHungUp reports whether the peer has ended its direction: only then is a read
// of nothing an end, and not an empty message.
func sysHungUp(fd int) bool {
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
	n, _ := unix.Poll(p, 0)
	return n > 0 && p[0].Revents&(unix.POLLRDHUP|unix.POLLHUP) != 0
}

// sysSendMessage sends one message, to an address or, with the zero one, to the
// socket's peer.
func sysSendMessage(fd int, p []byte, to socket.Address) error {
	var sa syscall.Sockaddr
	if !to.IsZero() {
		var err error
		if sa, err = to.Sockaddr(); err != nil {
			return err
		}
	}
	for {
		_, err := syscall.SendmsgN(fd, p, nil, sa, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		if err != syscall.EINTR {
			return err
		}
	}
}

func sysShutdown(fd int, how socket.How) error { return unix.Shutdown(fd, int(how)) }

// sysCopy is another descriptor of the same socket.
func sysCopy(fd int) (int, error) { return unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0) }

// returnable are the errnos that stand for an ICMP error (icmp_err_convert of the
// kernel; udp(7), raw(7)).
var returnable = []syscall.Errno{syscall.ECONNREFUSED, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EMSGSIZE, syscall.EPROTO,
	syscall.EACCES, syscall.ENOPROTOOPT, syscall.EHOSTDOWN, syscall.ENONET, syscall.EOPNOTSUPP}

// queued is one entry of the kernel's queue of errors: struct sock_extended_err.
type queued struct {
	errno             uint32
	origin, typ, code uint8
	to, by            socket.Address
}

// sysErrorQueue takes one entry off the queue; ok is false when it is empty.
func sysErrorQueue(fd int) (q queued, ok bool) {
	var data [1]byte
	var oob [512]byte
	_, n, _, to, err := syscall.Recvmsg(fd, data[:], oob[:], unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
	if err != nil {
		return q, false
	}
	q.to = known(socket.FromSockaddr(to))
	messages, err := syscall.ParseSocketControlMessage(oob[:n])
	if err != nil {
		return q, true
	}
	for _, m := range messages {
		if m.Header.Type != unix.IP_RECVERR && m.Header.Type != unix.IPV6_RECVERR || len(m.Data) < extendedErr {
			continue
		}
		q.errno = binary.NativeEndian.Uint32(m.Data)
		q.origin, q.typ, q.code = m.Data[4], m.Data[5], m.Data[6]
		q.by = offender(m.Data[extendedErr:])
	}
	return q, true
}

// extendedErr is the size of struct sock_extended_err in bytes; the address of who
// sent the error follows it.
const extendedErr = 16

// offender reads the sockaddr behind a struct sock_extended_err.
func offender(b []byte) socket.Address {
	if len(b) < 8 {
		return socket.Address{}
	}
	switch binary.NativeEndian.Uint16(b) {
	case unix.AF_INET:
		return socket.Address{Family: socket.FamilyIP4, IP: netip.AddrFrom4([4]byte(b[4:8]))}
	case unix.AF_INET6:
		if len(b) >= 24 {
			return socket.Address{Family: socket.FamilyIP6, IP: netip.AddrFrom16([16]byte(b[8:24]))}
		}
	}
	return socket.Address{}
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

// sysSplice moves at most count bytes from one descriptor to another without
// copying them, one of them being a pipe: splice(2). The socket must be non-blocking.
func sysSplice(from, to, count int) (int, error) {
	for {
		n, err := unix.Splice(from, nil, to, nil, count, unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
		if err != unix.EINTR {
			return int(max(n, 0)), err
		}
	}
}

// sysPipe makes a pipe, with room for size bytes where the system allows that.
func sysPipe(size int) (r, w, room int, err error) {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return -1, -1, 0, err
	}
	room, err = unix.FcntlInt(uintptr(p[1]), unix.F_SETPIPE_SZ, size)
	if err != nil { // beyond what a user may have in pipes: pipe(7)
		if room, err = unix.FcntlInt(uintptr(p[1]), unix.F_GETPIPE_SZ, 0); err != nil {
			room = 64 << 10
		}
	}
	return p[0], p[1], room, nil
}

// sysReadPipe takes what a pipe has, EAGAIN when it is empty.
func sysReadPipe(fd int, p []byte) (int, error) {
	for {
		n, err := unix.Read(fd, p)
		if err != unix.EINTR {
			return max(n, 0), err
		}
	}
}

// sysPacket tells what packets of the socket look like: the protocol's number, and
// whether messages come and go with their IP header.
func sysPacket(fd int) (protocol int, headerIn, headerOut bool) {
	domain, _ := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	kind, _ := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if domain != unix.AF_INET && domain != unix.AF_INET6 {
		return 0, false, false
	}
	protocol, _ = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PROTOCOL)
	headerIn = kind == unix.SOCK_RAW && domain == unix.AF_INET
	if headerIn {
		on, err := unix.GetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_HDRINCL)
		headerOut = err == nil && on != 0
	}
	return protocol, headerIn, headerOut
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
	return known(socket.FromSockaddr(sa))
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
