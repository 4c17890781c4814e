package sdk

import (
	"net"
	"net/netip"

	"github.com/sosh-shell/sosh/core/socket"
)

// addressOf is a net.Addr in the contract's words: the kernel's where it is one of
// package net, else what it reads as.
func addressOf(a net.Addr) Address {
	switch a := a.(type) {
	case nil:
		return Address{}
	case *net.TCPAddr:
		if a != nil {
			return inetAddress(a.IP, a.Port, a.Zone)
		}
		return Address{}
	case *net.UDPAddr:
		if a != nil {
			return inetAddress(a.IP, a.Port, a.Zone)
		}
		return Address{}
	case *net.IPAddr:
		if a != nil {
			return inetAddress(a.IP, 0, a.Zone)
		}
		return Address{}
	case *net.UnixAddr:
		if a == nil || a.Name == "" {
			return Address{}
		}
		if a.Name[0] == '@' {
			return Address{Family: FamilyUnix, Path: "\x00" + a.Name[1:]}
		}
		return Address{Family: FamilyUnix, Path: a.Name}
	}
	return textAddress(a.String())
}

// textAddress is an address in words, cut where it is too long.
func textAddress(text string) Address {
	if text == "" {
		return Address{}
	}
	return Address{Family: FamilyText, Path: text[:min(len(text), socket.MaxFrameText)]}
}

func inetAddress(ip net.IP, port int, zone string) Address {
	a := Address{Family: FamilyIP4, Port: uint16(port)}
	addr, ok := netip.AddrFromSlice(ip)
	addr = addr.Unmap()
	switch {
	case !ok:
		return Address{}
	case addr.Is6():
		a.Family, addr = FamilyIP6, addr.WithZone(zone)
	}
	a.IP = addr
	return a
}

// netAddr is the address of a peer for WriteTo.
func netAddr(a Address, form socket.AddressForm) net.Addr {
	switch {
	case a.IP.IsValid() && form == HostOnly:
		return &net.IPAddr{IP: a.IP.AsSlice(), Zone: a.IP.Zone()}
	case a.IP.IsValid():
		return &net.UDPAddr{IP: a.IP.AsSlice(), Port: int(a.Port), Zone: a.IP.Zone()}
	case a.Family == FamilyUnix:
		return &net.UnixAddr{Net: "unixgram", Name: a.Text(PathForm)}
	}
	return textAddr(a.Path)
}

// textAddr is an address that only its protocol understands.
type textAddr string

func (textAddr) Network() string  { return "text" }
func (a textAddr) String() string { return string(a) }
