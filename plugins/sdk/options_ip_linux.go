package sdk

import (
	"errors"
	"math"

	"golang.org/x/sys/unix"
)

// SockOption declares an option of socket(7): an int of the level SOL_SOCKET.
func SockOption(name string, t OptionType, def, symbol string, opt int, help string) SocketOption {
	o := SocketOption{Option: Option{Name: name, Type: t, Default: def, Help: help},
		Symbol: "SOL_SOCKET, " + symbol, Level: unix.SOL_SOCKET, Opt: opt}
	if t == SizeOption {
		o.Unit = "bytes"
	}
	return o
}

// IPOption declares an option of ip(7) that ipv6(7) has too, under another number:
// the socket's family decides which is meant. symbol4 and symbol6 are IP_TTL and
// IPV6_UNICAST_HOPS.
func IPOption(name string, t OptionType, def, symbol4 string, opt4 int, symbol6 string, opt6 int, help string) SocketOption {
	return SocketOption{Option: Option{Name: name, Type: t, Default: def, Help: help},
		Symbol: "IPPROTO_IP, " + symbol4, Level: unix.IPPROTO_IP, Opt: opt4,
		Symbol6: "IPPROTO_IPV6, " + symbol6, Level6: unix.IPPROTO_IPV6, Opt6: opt6}
}

// Within returns the option with bounds, in the kernel's unit.
func (o SocketOption) Within(least, most int64) SocketOption {
	o.Min, o.Max = least, most
	return o
}

// Needing returns the option with the capability that it needs.
func (o SocketOption) Needing(capability string) SocketOption {
	o.Needs = capability
	return o
}

// BufferOptions are the sizes of the kernel's buffers of any socket (socket(7)).
func BufferOptions() Options {
	return Options{
		SockOption("rcvbuf", SizeOption, "", "SO_RCVBUF", unix.SO_RCVBUF, "receive buffer; the kernel doubles what is set, up to its limit, and then no longer adapts it"),
		SockOption("sndbuf", SizeOption, "", "SO_SNDBUF", unix.SO_SNDBUF, "send buffer; the kernel doubles what is set, up to its limit, and then no longer adapts it"),
	}
}

// IPOptions are the options of socket(7), ip(7) and ipv6(7) that every protocol
// over IP has, whatever it carries. Each call returns a new table.
func IPOptions() Options {
	pmtudisc := IPOption("pmtudisc", StringOption, "", "IP_MTU_DISCOVER", unix.IP_MTU_DISCOVER,
		"IPV6_MTU_DISCOVER", unix.IPV6_MTU_DISCOVER, "path MTU discovery")
	pmtudisc.Words = []OptionWord{{"dont", unix.IP_PMTUDISC_DONT}, {"want", unix.IP_PMTUDISC_WANT}, {"do", unix.IP_PMTUDISC_DO},
		{"probe", unix.IP_PMTUDISC_PROBE}, {"interface", unix.IP_PMTUDISC_INTERFACE}, {"omit", unix.IP_PMTUDISC_OMIT}}
	return append(BufferOptions(),
		IPOption("ttl", IntOption, "", "IP_TTL", unix.IP_TTL, "IPV6_UNICAST_HOPS", unix.IPV6_UNICAST_HOPS,
			"hop limit of sent packets").Within(1, 255).counting("hops"),
		IPOption("tos", IntOption, "0", "IP_TOS", unix.IP_TOS, "IPV6_TCLASS", unix.IPV6_TCLASS,
			"DSCP and ECN byte of sent packets (traffic class of IPv6)").Within(0, 255),
		pmtudisc,
		SockOption("priority", IntOption, "0", "SO_PRIORITY", unix.SO_PRIORITY,
			"queueing priority within this machine; above 6 needs CAP_NET_ADMIN").Within(0, math.MaxInt32).Needing("CAP_NET_ADMIN"),
		SockOption("mark", IntOption, "0", "SO_MARK", unix.SO_MARK,
			"firewall and routing mark; needs CAP_NET_ADMIN").Within(0, math.MaxUint32).Needing("CAP_NET_ADMIN"),
		SockOption("device", StringOption, "", "SO_BINDTODEVICE", unix.SO_BINDTODEVICE,
			"only this network interface; empty for any").Needing("CAP_NET_RAW"),
		SockOption("dontroute", BoolOption, "off", "SO_DONTROUTE", unix.SO_DONTROUTE, "only to neighbours: no packet goes through a gateway"),
		IPOption("freebind", BoolOption, "off", "IP_FREEBIND", unix.IP_FREEBIND, "IPV6_FREEBIND", unix.IPV6_FREEBIND,
			"bind to an address that this machine does not have yet"),
		IPOption("transparent", BoolOption, "off", "IP_TRANSPARENT", unix.IP_TRANSPARENT, "IPV6_TRANSPARENT", unix.IPV6_TRANSPARENT,
			"bind to addresses that are not this machine's; needs CAP_NET_ADMIN").Needing("CAP_NET_ADMIN"),
		SocketOption{Option: Option{Name: "v6only", Type: BoolOption, Help: "an IPv6 socket takes no IPv4; must be set before bind"},
			Get: getV6Only, Set: setV6Only},
	)
}

func (o SocketOption) counting(unit string) SocketOption {
	o.Unit = unit
	return o
}

// Is6 reports whether the socket's family is AF_INET6.
func Is6(fd int) bool {
	domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	return err == nil && domain == unix.AF_INET6
}

func getV6Only(fd int) (string, error) {
	n, err := unix.GetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY)
	switch {
	case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOPROTOOPT):
		return "off", nil // an IPv4 socket: it has no such option, and takes only IPv4
	case err != nil:
		return "", err
	case n != 0:
		return "on", nil
	}
	return "off", nil
}

func setV6Only(c *Calls, fd int, value string) error {
	v, ok := map[string]int{"off": 0, "on": 1}[value]
	if !ok {
		return Faultf(Usage, "v6only is on or off, not %q", value)
	}
	if !Is6(fd) {
		return Faultf(Usage, "v6only is for IPv6 sockets, and this one is IPv4")
	}
	return c.SetInt(fd, "IPPROTO_IPV6, IPV6_V6ONLY", unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, v)
}
