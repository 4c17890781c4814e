package socket

import (
	"net"
	"net/netip"
	"strconv"
)

// Family is an address family, by the word that sosh uses for it.
type Family string

// The families.
const (
	FamilyNone Family = ""
	FamilyIP4  Family = "ip4"  // AF_INET
	FamilyIP6  Family = "ip6"  // AF_INET6
	FamilyUnix Family = "unix" // AF_UNIX
	FamilyText Family = "text" // no kernel's: words that only the protocol understands
)

// Address is one end of a socket in the kernel's sense. The zero Address is
// the absence of one. Addresses compare with ==.
type Address struct {
	Family Family
	IP     netip.Addr // with a zone where the address has a scope
	Port   uint16     // 0 when none was chosen yet, and for protocols without ports
	Path   string     // FamilyUnix: begins with NUL for an abstract name; FamilyText: the words, at most [MaxText] bytes
}

// MaxText bounds the words of an address of [FamilyText] in bytes.
const MaxText = 1024

// AddressOf returns the address of an IP and a port.
func AddressOf(ap netip.AddrPort) Address {
	a := Address{Family: FamilyIP4, IP: ap.Addr(), Port: ap.Port()}
	if ap.Addr().Is6() && !ap.Addr().Is4In6() {
		a.Family = FamilyIP6
	}
	if a.Family == FamilyIP4 {
		a.IP = a.IP.Unmap()
	}
	return a
}

// IsZero reports whether there is no address.
func (a Address) IsZero() bool { return a == Address{} }

// Text writes the address in the form of its protocol, "" for none: a
// protocol without ports never shows one.
func (a Address) Text(form AddressForm) string {
	switch {
	case a.Family == FamilyUnix && len(a.Path) > 0 && a.Path[0] == 0:
		return "@" + a.Path[1:]
	case a.Family == FamilyUnix, a.Family == FamilyText:
		return a.Path
	case !a.IP.IsValid():
		return ""
	case form == HostOnly:
		return a.IP.String()
	}
	return net.JoinHostPort(a.IP.String(), strconv.Itoa(int(a.Port)))
}

// Host is the address without its port, "" where there is none.
func (a Address) Host() string {
	if !a.IP.IsValid() {
		return ""
	}
	return a.IP.String()
}
