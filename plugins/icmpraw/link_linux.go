package icmpraw

import (
	"fmt"
	"net/netip"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A link is a socket for packets to one destination, with the kernel's times. Its
// calls never wait, and are made without the scheduler's knowing: a flood of
// packets would pay more for that than for the packets.
type link struct {
	fd  int
	ip6 bool
	to  []byte // the destination as a sockaddr

	// What recvmmsg(2) fills: headers[i] is slots[i]'s.
	headers   []mmsghdr
	slots     []slot
	got, next int // how many it has filled, and which of them is read next
	*slot         // of the packet that was read last
}

// mmsghdr is struct mmsghdr.
type mmsghdr struct {
	unix.Msghdr
	n uint32
}

type slot struct {
	header  *mmsghdr
	buffer  []byte
	vector  unix.Iovec
	name    unix.RawSockaddrInet6 // the larger of both families
	control [256]byte
}

// open takes the descriptor over. port is 0 for ICMP; at most batch packets of buffer
// bytes are received by one call.
func (l *link) open(fd int, dst netip.Addr, port uint16, buffer, batch int) error {
	l.fd, l.ip6 = fd, dst.Is6()
	l.to = sockaddr(dst, port)
	if l.to == nil {
		l.close()
		return fmt.Errorf("%s: no such interface", dst.Zone())
	}
	l.headers, l.slots = make([]mmsghdr, batch), make([]slot, batch)
	for i := range l.slots {
		s, h := &l.slots[i], &l.headers[i]
		s.header, s.buffer = h, make([]byte, buffer)
		s.vector.Base = &s.buffer[0]
		s.vector.SetLen(buffer)
		h.Iov, h.Name, h.Control = &s.vector, (*byte)(unsafe.Pointer(&s.name)), &s.control[0]
		h.SetIovlen(1)
		s.ready()
	}
	l.slot = &l.slots[0]
	return nil
}

// ready gives the kernel the whole slot again.
func (s *slot) ready() {
	s.header.Namelen = uint32(unsafe.Sizeof(s.name))
	s.header.SetControllen(len(s.control))
}

func (l *link) close() { unix.Close(l.fd) }

// sockaddr is the address as the kernel has it; nil for a zone that does not exist.
func sockaddr(ip netip.Addr, port uint16) []byte {
	if ip.Is4() {
		b := make([]byte, unix.SizeofSockaddrInet4)
		*(*uint16)(unsafe.Pointer(&b[0])) = unix.AF_INET
		b[2], b[3] = byte(port>>8), byte(port)
		copy(b[4:], ip.AsSlice())
		return b
	}
	b := make([]byte, unix.SizeofSockaddrInet6)
	*(*uint16)(unsafe.Pointer(&b[0])) = unix.AF_INET6
	b[2], b[3] = byte(port>>8), byte(port)
	copy(b[8:], ip.AsSlice())
	if ip.Zone() != "" {
		sa, err := hostAddress(ip).Sockaddr()
		if err != nil {
			return nil
		}
		*(*uint32)(unsafe.Pointer(&b[24])) = sa.(*syscall.SockaddrInet6).ZoneId
	}
	return b
}

// sendTo sends one packet. An error is an errno.
func (l *link) sendTo(b []byte) error {
	for {
		_, _, e := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(l.fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)),
			unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, uintptr(unsafe.Pointer(&l.to[0])), uintptr(len(l.to)))
		if e == 0 {
			return nil
		}
		if e != syscall.EINTR {
			return e
		}
	}
}

// read receives one packet, nil when there is none. Its sender, time and hop limit go
// to a. The bytes are valid until the next call.
func (l *link) read(a *answer) ([]byte, error) {
	if l.next == l.got {
		if err := l.fill(); err != nil || l.got == 0 {
			return nil, err
		}
	}
	l.slot = &l.slots[l.next]
	l.next++
	a.from, a.at, a.ttl = l.sender(), 0, -1
	l.controls(a)
	if a.at == 0 {
		a.at = time.Now().UnixNano()
	}
	return l.buffer[:l.header.n], nil
}

// fill receives what is there, as much as there are slots.
func (l *link) fill() error {
	for i := range l.got {
		l.slots[i].ready()
	}
	l.got, l.next = 0, 0
	for {
		n, _, e := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(l.fd), uintptr(unsafe.Pointer(&l.headers[0])),
			uintptr(len(l.headers)), unix.MSG_DONTWAIT, 0, 0)
		switch e {
		case 0:
			l.got = int(n)
			return nil
		case syscall.EAGAIN:
			return nil
		case syscall.EINTR:
		default:
			return e
		}
	}
}

// readError receives the next queued error, nil when there is none: the packet that
// was refused, and what is said of it. a gets its destination, its time, and who says
// so.
func (l *link) readError(a *answer) ([]byte, *unix.SockExtendedErr, error) {
	if l.next < l.got {
		return nil, nil, nil // its slot is in use
	}
	l.slot = &l.slots[0]
	for {
		l.ready()
		n, _, err := unix.RawSyscall(unix.SYS_RECVMSG, uintptr(l.fd), uintptr(unsafe.Pointer(&l.header.Msghdr)),
			unix.MSG_DONTWAIT|unix.MSG_ERRQUEUE)
		switch err {
		case 0:
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			l.ready()
			return nil, nil, nil
		default:
			return nil, nil, err
		}
		a.dst, a.from, a.at, a.ttl = l.sender(), netip.Addr{}, 0, -1
		e := l.controls(a)
		l.got, l.next = 1, 1 // the slot must be made ready for others
		if e == nil {
			continue
		}
		if a.at == 0 {
			a.at = time.Now().UnixNano()
		}
		return l.buffer[:n], e, nil
	}
}

func (l *link) sender() netip.Addr {
	if l.header.Namelen == 0 {
		return netip.Addr{}
	}
	return rawAddress(unsafe.Slice((*byte)(unsafe.Pointer(&l.name)), unsafe.Sizeof(l.name)))
}

// rawAddress reads a sockaddr, without its zone: addresses are compared.
func rawAddress(b []byte) netip.Addr {
	switch {
	case len(b) >= unix.SizeofSockaddrInet4 && *(*uint16)(unsafe.Pointer(&b[0])) == unix.AF_INET:
		return netip.AddrFrom4([4]byte(b[4:]))
	case len(b) >= unix.SizeofSockaddrInet6 && *(*uint16)(unsafe.Pointer(&b[0])) == unix.AF_INET6:
		return netip.AddrFrom16([16]byte(b[8:]))
	}
	return netip.Addr{}
}

// senderPort is the port of the last packet's sender, or of a refused packet's
// destination.
func (l *link) senderPort() uint16 {
	b := unsafe.Slice((*byte)(unsafe.Pointer(&l.name)), 4)
	return uint16(b[2])<<8 | uint16(b[3])
}

// controls reads what came beside the last packet: cmsg(3).
func (l *link) controls(a *answer) *unix.SockExtendedErr {
	var refused *unix.SockExtendedErr
	rest := l.control[:min(int(l.header.Controllen), len(l.control))]
	for len(rest) >= unix.SizeofCmsghdr {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&rest[0]))
		size := int(h.Len)
		if size < unix.CmsgLen(0) || size > len(rest) {
			break
		}
		data := rest[unix.CmsgLen(0):size]
		switch {
		case h.Level == unix.SOL_SOCKET && h.Type == unix.SCM_TIMESTAMPNS && len(data) >= int(unsafe.Sizeof(unix.Timespec{})):
			a.at = (*unix.Timespec)(unsafe.Pointer(&data[0])).Nano()
		case len(data) >= 4 && (h.Level == unix.IPPROTO_IP && h.Type == unix.IP_TTL || h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_HOPLIMIT):
			a.ttl = int(*(*int32)(unsafe.Pointer(&data[0])))
		case len(data) >= int(unsafe.Sizeof(unix.SockExtendedErr{})) && (h.Level == unix.IPPROTO_IP && h.Type == unix.IP_RECVERR ||
			h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_RECVERR):
			refused = (*unix.SockExtendedErr)(unsafe.Pointer(&data[0]))
			a.from = rawAddress(data[unsafe.Sizeof(unix.SockExtendedErr{}):]) // SO_EE_OFFENDER
		}
		rest = rest[min(unix.CmsgSpace(size-unix.CmsgLen(0)), len(rest)):]
	}
	return refused
}
