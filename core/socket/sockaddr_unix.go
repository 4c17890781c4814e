//go:build unix

package socket

import (
	"net"
	"net/netip"
	"strconv"
	"syscall"
)

// Sockaddr returns the address in the form of the system calls. An unknown
// zone or a zero Address is an error that is [Usage].
func (a Address) Sockaddr() (syscall.Sockaddr, error) {
	switch a.Family {
	case FamilyIP4:
		return &syscall.SockaddrInet4{Port: int(a.Port), Addr: a.IP.As4()}, nil
	case FamilyIP6:
		sa := &syscall.SockaddrInet6{Port: int(a.Port), Addr: a.IP.As16()}
		if z := a.IP.Zone(); z != "" {
			id, err := zoneID(z)
			if err != nil {
				return nil, err
			}
			sa.ZoneId = id
		}
		return sa, nil
	case FamilyUnix:
		return &syscall.SockaddrUnix{Name: unixName(a.Path)}, nil
	}
	return nil, Faultf(Usage, "no address")
}

// FromSockaddr is the inverse of Sockaddr; the zero Address for nil and for
// families that sosh does not know.
func FromSockaddr(sa syscall.Sockaddr) Address {
	switch sa := sa.(type) {
	case *syscall.SockaddrInet4:
		return Address{Family: FamilyIP4, IP: netip.AddrFrom4(sa.Addr), Port: uint16(sa.Port)}
	case *syscall.SockaddrInet6:
		ip := netip.AddrFrom16(sa.Addr)
		if sa.ZoneId != 0 {
			ip = ip.WithZone(zoneName(sa.ZoneId))
		}
		return Address{Family: FamilyIP6, IP: ip, Port: uint16(sa.Port)}
	case *syscall.SockaddrUnix:
		p := sa.Name
		switch {
		case p == "@": // package syscall's word for a socket that has no name
			p = ""
		case len(p) > 0 && p[0] == '@':
			p = "\x00" + p[1:]
		}
		return Address{Family: FamilyUnix, Path: p}
	}
	return Address{}
}

// unixName maps an abstract name to package syscall's spelling of it.
func unixName(p string) string {
	if len(p) > 0 && p[0] == 0 {
		return "@" + p[1:]
	}
	return p
}

func zoneID(zone string) (uint32, error) {
	if ifc, err := net.InterfaceByName(zone); err == nil {
		return uint32(ifc.Index), nil
	}
	n, err := strconv.ParseUint(zone, 10, 32)
	if err != nil {
		return 0, Faultf(Usage, "no interface is named %q", zone)
	}
	return uint32(n), nil
}

func zoneName(id uint32) string {
	if ifc, err := net.InterfaceByIndex(int(id)); err == nil {
		return ifc.Name
	}
	return strconv.FormatUint(uint64(id), 10)
}
