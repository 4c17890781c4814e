package udp

import (
	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// options are those of udp(7), socket(7), ip(7) and ipv6(7) that people ask for.
var options = append(sdk.Options{
	sdk.SockOption("reuseaddr", sdk.BoolOption, "off", "SO_REUSEADDR", unix.SO_REUSEADDR,
		"share an address and port: each receiver of a group gets a copy, else the last one bound gets all"),
	sdk.SockOption("reuseport", sdk.BoolOption, "off", "SO_REUSEPORT", unix.SO_REUSEPORT, "share one port between several sockets of one user, by sender"),
	sdk.SockOption("broadcast", sdk.BoolOption, "off", "SO_BROADCAST", unix.SO_BROADCAST, "allow sending to broadcast addresses"),
	{Option: sdk.Option{Name: "recverr", Type: sdk.BoolOption, Default: "on", Help: "hand up ICMP errors that come back, also without a peer"},
		Get: getRecvErr, Set: setRecvErr},
	{Option: sdk.Option{Name: "join", Type: sdk.StringOption,
		Help: "receive a group: [SOURCE@]GROUP[%IFACE], several between spaces; reads as the groups joined"},
		Get: joined, Set: join},
	{Option: sdk.Option{Name: "leave", Type: sdk.StringOption, Help: "receive a group no more, as join names it; reads as nothing"},
		Get: func(int) (string, error) { return "", nil }, Set: leave},
	{Option: sdk.Option{Name: "mcastif", Type: sdk.StringOption, Help: "interface that multicasts go out of, by name, number or address; empty for the route's"},
		Get: getOutgoing, Set: setOutgoing},
	sdk.IPOption("mcastttl", sdk.IntOption, "1", "IP_MULTICAST_TTL", unix.IP_MULTICAST_TTL, "IPV6_MULTICAST_HOPS", unix.IPV6_MULTICAST_HOPS,
		"hop limit of sent multicasts").Within(0, 255),
	sdk.IPOption("mcastloop", sdk.BoolOption, "on", "IP_MULTICAST_LOOP", unix.IP_MULTICAST_LOOP, "IPV6_MULTICAST_LOOP", unix.IPV6_MULTICAST_LOOP,
		"sent multicasts come to receivers on this machine, too"),
	sdk.IPOption("mcastall", sdk.BoolOption, "on", "IP_MULTICAST_ALL", unix.IP_MULTICAST_ALL, "IPV6_MULTICAST_ALL", unix.IPV6_MULTICAST_ALL,
		"also groups that other sockets of this machine have joined"),
}, sdk.IPOptions()...)

// declared is made once: Describe must answer at once, and always the same.
var declared = options.Declare()

// setRecvErr sets it for both protocols on an IPv6 socket, which may have IPv4 peers.
func setRecvErr(c *sdk.Calls, fd int, value string) error {
	v, ok := map[string]int{"off": 0, "on": 1}[value]
	if !ok {
		return sdk.Faultf(sdk.Usage, "recverr is on or off, not %q", value)
	}
	if sdk.Is6(fd) {
		if err := c.SetInt(fd, "IPPROTO_IPV6, IPV6_RECVERR", unix.IPPROTO_IPV6, unix.IPV6_RECVERR, v); err != nil {
			return err
		}
	}
	return c.SetInt(fd, "IPPROTO_IP, IP_RECVERR", unix.IPPROTO_IP, unix.IP_RECVERR, v)
}

func getRecvErr(fd int) (string, error) {
	level, opt := unix.IPPROTO_IP, unix.IP_RECVERR
	if sdk.Is6(fd) {
		level, opt = unix.IPPROTO_IPV6, unix.IPV6_RECVERR
	}
	n, err := unix.GetsockoptInt(fd, level, opt)
	if err != nil {
		return "", err
	}
	return map[bool]string{false: "off", true: "on"}[n != 0], nil
}
