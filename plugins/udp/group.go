package udp

import (
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// maxGroups bounds how many groups one setting names: more than the kernel lets a
// socket join (net.ipv4.igmp_max_memberships, 20 unless raised).
const maxGroups = 1024

// membership is a group on an interface, from one source or from all.
type membership struct {
	source netip.Addr // zero for all
	group  netip.Addr
	iface  string // a name, a number or an address of it; empty for the route's
}

// String writes it as [parseMembership] reads it.
func (m membership) String() string {
	s := m.group.String()
	if m.source.IsValid() {
		s = m.source.String() + "@" + s
	}
	if m.iface != "" {
		s += "%" + m.iface
	}
	return s
}

// parseMemberships reads what join and leave take: memberships between spaces.
func parseMemberships(option, text string) ([]membership, error) {
	words := strings.Fields(text)
	if len(words) == 0 || len(words) > maxGroups {
		return nil, sdk.Faultf(sdk.Usage, "%s takes groups: GROUP, GROUP%%IFACE or SOURCE@GROUP%%IFACE", option)
	}
	var out []membership
	for _, w := range words {
		m, err := parseMembership(w)
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

// parseMembership reads [SOURCE@]GROUP[%IFACE]; a comma may stand for the percent sign.
func parseMembership(text string) (m membership, err error) {
	source, rest, fromOne := strings.Cut(text, "@")
	if !fromOne {
		rest = text
	}
	group, iface, on := strings.Cut(strings.Replace(rest, ",", "%", 1), "%")
	if m.group, err = netip.ParseAddr(group); err != nil {
		return m, sdk.Faultf(sdk.Usage, "%q is no address of a group", group)
	}
	if m.group = m.group.Unmap(); !m.group.IsMulticast() {
		return m, sdk.Faultf(sdk.Usage, "%s is no group: they are 224.0.0.0 to 239.255.255.255, and IPv6 addresses that begin with ff", m.group)
	}
	if on && (iface == "" || strings.ContainsAny(iface, "%@, ")) {
		return m, sdk.Faultf(sdk.Usage, "%q names no interface: GROUP%%IFACE", text)
	}
	m.iface = iface
	if !fromOne {
		return m, nil
	}
	if m.source, err = netip.ParseAddr(source); err != nil || m.source.Zone() != "" {
		return m, sdk.Faultf(sdk.Usage, "%q is no address of a source", source)
	}
	m.source = m.source.Unmap()
	if m.source.Is4() != m.group.Is4() || m.source.IsMulticast() || m.source.IsUnspecified() {
		return m, sdk.Faultf(sdk.Usage, "%s cannot be the source of %s", m.source, m.group)
	}
	return m, nil
}

// interfaceNamed finds an interface by its name, its number, or one of its addresses.
func interfaceNamed(word string) (*net.Interface, error) {
	if ifc, err := net.InterfaceByName(word); err == nil {
		return ifc, nil
	}
	if n, err := strconv.ParseUint(word, 10, 31); err == nil {
		if ifc, err := net.InterfaceByIndex(int(n)); err == nil {
			return ifc, nil
		}
	}
	if ip, err := netip.ParseAddr(word); err == nil {
		if ifc := interfaceWith(ip.Unmap().WithZone("")); ifc != nil {
			return ifc, nil
		}
		return nil, sdk.Faultf(sdk.Usage, "no interface has the address %s", word)
	}
	return nil, sdk.Faultf(sdk.Usage, "no interface is named %q", word)
}

// interfaceWith is the interface that has the address, nil for none.
func interfaceWith(ip netip.Addr) *net.Interface {
	all, err := net.Interfaces()
	if err != nil {
		return nil
	}
	for i := range all {
		addrs, err := all[i].Addrs()
		if err != nil {
			continue
		}
		for _, a := range addrs {
			if n, ok := a.(*net.IPNet); ok && n.IP.Equal(ip.AsSlice()) {
				return &all[i]
			}
		}
	}
	return nil
}

// address4 is the interface's first IPv4 address, zero for none.
func address4(ifc *net.Interface) (ip [4]byte) {
	addrs, err := ifc.Addrs()
	if err != nil {
		return ip
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil {
			return [4]byte(n.IP.To4())
		}
	}
	return ip
}
