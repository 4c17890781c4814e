package udp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// The requests of RFC 3678 hold addresses as sockaddr_storage, which is aligned as
// a pointer: so is the first one, after the interface's number.
const (
	storage     = 128 // sizeof(struct sockaddr_storage)
	firstInside = int(unsafe.Sizeof(uintptr(0)))
)

// verb is a request of RFC 3678: for all sources of a group, and for one.
type verb struct {
	all, one         int
	allName, oneName string
}

var (
	joining = verb{unix.MCAST_JOIN_GROUP, unix.MCAST_JOIN_SOURCE_GROUP, "MCAST_JOIN_GROUP", "MCAST_JOIN_SOURCE_GROUP"}
	leaving = verb{unix.MCAST_LEAVE_GROUP, unix.MCAST_LEAVE_SOURCE_GROUP, "MCAST_LEAVE_GROUP", "MCAST_LEAVE_SOURCE_GROUP"}
)

func join(c *sdk.Calls, fd int, value string) error  { return each(c, fd, "join", joining, value) }
func leave(c *sdk.Calls, fd int, value string) error { return each(c, fd, "leave", leaving, value) }

// each makes one request for each of the memberships, and stops at the first failure.
func each(c *sdk.Calls, fd int, option string, v verb, value string) error {
	ms, err := parseMemberships(option, value)
	if err != nil {
		return err
	}
	for _, m := range ms {
		if err := v.request(c, fd, m); err != nil {
			return explained(m, err)
		}
	}
	return nil
}

// request joins or leaves. An IPv6 socket takes IPv4 groups as well.
func (v verb) request(c *sdk.Calls, fd int, m membership) error {
	level, symbol := unix.IPPROTO_IP, "IPPROTO_IP, "
	if m.group.Is6() {
		level, symbol = unix.IPPROTO_IPV6, "IPPROTO_IPV6, "
		if !sdk.Is6(fd) {
			return sdk.Faultf(sdk.Usage, "%s is an IPv6 group, and this socket is IPv4: open one with -6", m.group)
		}
	}
	index := 0
	if m.iface != "" {
		ifc, err := interfaceNamed(m.iface)
		if err != nil {
			return err
		}
		index = ifc.Index
	}
	req := make([]byte, firstInside+storage, firstInside+2*storage)
	binary.NativeEndian.PutUint32(req, uint32(index))
	putAddress(req[firstInside:], m.group)
	if !m.source.IsValid() {
		return c.SetBytes(fd, symbol+v.allName, level, v.all, req, fmt.Sprintf("{gr_interface=%d, gr_group=%s}", index, m.group))
	}
	req = req[:cap(req)]
	putAddress(req[firstInside+storage:], m.source)
	return c.SetBytes(fd, symbol+v.oneName, level, v.one, req,
		fmt.Sprintf("{gsr_interface=%d, gsr_group=%s, gsr_source=%s}", index, m.group, m.source))
}

// explained says what the errnos of these requests stand for.
func explained(m membership, err error) error {
	why := ""
	switch {
	case errors.Is(err, unix.ENODEV) && m.iface == "":
		why = "no route says on which interface: write " + m.group.String() + "%IFACE"
	case errors.Is(err, unix.EADDRINUSE):
		why = m.String() + " is joined already"
	case errors.Is(err, unix.EADDRNOTAVAIL):
		why = m.String() + " is not joined, or not so"
	case errors.Is(err, unix.EINVAL):
		why = "a group is joined from all sources or from some, not both"
	case errors.Is(err, unix.ENOBUFS):
		why = "no more groups a socket are allowed: sysctl net.ipv4.igmp_max_memberships"
	default:
		return err
	}
	return fmt.Errorf("%w (%s)", err, why)
}

// putAddress writes a sockaddr_storage without a port.
func putAddress(b []byte, ip netip.Addr) {
	if ip.Is4() {
		binary.NativeEndian.PutUint16(b, unix.AF_INET)
		copy(b[4:], ip.AsSlice())
		return
	}
	binary.NativeEndian.PutUint16(b, unix.AF_INET6)
	copy(b[8:], ip.AsSlice())
}

// setOutgoing names the interface of an IPv4 socket by its number and its address:
// only the address can be read back.
func setOutgoing(c *sdk.Calls, fd int, value string) error {
	index, address := 0, [4]byte{}
	if value != "" {
		ifc, err := interfaceNamed(value)
		if err != nil {
			return err
		}
		index, address = ifc.Index, address4(ifc)
		if ip, err := netip.ParseAddr(value); err == nil && ip.Is4() {
			address = ip.As4()
		}
	}
	if sdk.Is6(fd) {
		return c.SetInt(fd, "IPPROTO_IPV6, IPV6_MULTICAST_IF", unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_IF, index)
	}
	req := make([]byte, 12) // struct ip_mreqn: group, address, number
	copy(req[4:], address[:])
	binary.NativeEndian.PutUint32(req[8:], uint32(index))
	return c.SetBytes(fd, "IPPROTO_IP, IP_MULTICAST_IF", unix.IPPROTO_IP, unix.IP_MULTICAST_IF, req,
		fmt.Sprintf("{imr_address=%s, imr_ifindex=%d}", netip.AddrFrom4(address), index))
}

func getOutgoing(fd int) (string, error) {
	if sdk.Is6(fd) {
		n, err := unix.GetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_IF)
		if err != nil || n == 0 {
			return "", err
		}
		return interfaceName(n), nil
	}
	a, err := unix.GetsockoptInet4Addr(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_IF)
	ip := netip.AddrFrom4(a)
	if err != nil || ip.IsUnspecified() {
		return "", err
	}
	if ifc := interfaceWith(ip); ifc != nil {
		return ifc.Name, nil
	}
	return ip.String(), nil
}

func interfaceName(index int) string {
	if ifc, err := net.InterfaceByIndex(index); err == nil {
		return ifc.Name
	}
	return fmt.Sprint(index)
}

// joined lists what the socket has joined. The kernel lists the groups of the whole
// machine, and answers of one socket only when it is asked for a group by name: so
// it is asked for each.
func joined(fd int) (string, error) {
	var out []string
	for _, g := range machineGroups(sdk.Is6(fd)) {
		ms, err := membershipsOf(fd, g)
		if err != nil {
			return "", err
		}
		for _, m := range ms {
			out = append(out, m.String())
		}
	}
	return strings.Join(out, " "), nil
}

// maxSources bounds the sources of a group that are listed
// (net.ipv4.igmp_max_msf is 10 unless raised).
const maxSources = 128

// membershipsOf asks whether this socket has joined the group there: once for all
// sources, or once for each source (RFC 3678 section 4.1.2, struct group_filter).
func membershipsOf(fd int, g machineGroup) ([]membership, error) {
	level := unix.IPPROTO_IP
	if g.group.Is6() {
		level = unix.IPPROTO_IPV6
	}
	mode := firstInside + storage
	sources := mode + 8
	b := make([]byte, sources+maxSources*storage)
	binary.NativeEndian.PutUint32(b, uint32(g.index))
	putAddress(b[firstInside:], g.group)
	binary.NativeEndian.PutUint32(b[mode+4:], maxSources)
	length := uint32(len(b))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), uintptr(level), unix.MCAST_MSFILTER,
		uintptr(unsafe.Pointer(&b[0])), uintptr(unsafe.Pointer(&length)), 0)
	switch errno {
	case 0:
	case unix.EADDRNOTAVAIL, unix.ENODEV:
		return nil, nil // others have joined it
	default:
		return nil, errno
	}
	m := membership{group: g.group, iface: g.iface}
	if binary.NativeEndian.Uint32(b[mode:]) == unix.MCAST_EXCLUDE {
		return []membership{m}, nil
	}
	var out []membership
	n := min(binary.NativeEndian.Uint32(b[mode+4:]), maxSources)
	for i := range int(n) {
		at := b[sources+i*storage:]
		if g.group.Is4() {
			m.source = netip.AddrFrom4([4]byte(at[4:8]))
		} else {
			m.source = netip.AddrFrom16([16]byte(at[8:24]))
		}
		out = append(out, m)
	}
	return out, nil
}
