package tcp

import (
	"encoding/binary"
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// options are those of tcp(7), socket(7), ip(7) and ipv6(7) that people ask for.
var options = sdk.Options{
	tcp("nodelay", sdk.BoolOption, "off", "TCP_NODELAY", unix.TCP_NODELAY, "send small writes at once (Nagle's algorithm off)"),
	tcp("cork", sdk.BoolOption, "off", "TCP_CORK", unix.TCP_CORK, "hold back partial segments, at most 200 ms"),
	tcp("quickack", sdk.BoolOption, "", "TCP_QUICKACK", unix.TCP_QUICKACK, "acknowledge at once; the kernel may turn it off again"),
	sock("keepalive", sdk.BoolOption, "off", "SO_KEEPALIVE", unix.SO_KEEPALIVE, "probe a silent peer, and end the connection when it is gone"),
	seconds("keepidle", "TCP_KEEPIDLE", unix.TCP_KEEPIDLE, "silence before the first keepalive probe"),
	seconds("keepintvl", "TCP_KEEPINTVL", unix.TCP_KEEPINTVL, "time between keepalive probes"),
	tcp("keepcnt", sdk.IntOption, "", "TCP_KEEPCNT", unix.TCP_KEEPCNT, "unanswered probes before the connection ends"),
	{Option: sdk.Option{Name: "usertimeout", Type: sdk.DurationOption, Unit: "milliseconds", Default: "0s",
		Help: "how long sent bytes may stay unacknowledged; 0 leaves it to the kernel"},
		Symbol: "IPPROTO_TCP, TCP_USER_TIMEOUT", Level: unix.IPPROTO_TCP, Opt: unix.TCP_USER_TIMEOUT, Scale: time.Millisecond},
	sock("reuseaddr", sdk.BoolOption, "on", "SO_REUSEADDR", unix.SO_REUSEADDR, "bind to a port that old connections still linger on"),
	sock("reuseport", sdk.BoolOption, "off", "SO_REUSEPORT", unix.SO_REUSEPORT, "share one port between several listeners of one user"),
	size("rcvbuf", "SO_RCVBUF", unix.SO_RCVBUF, "receive buffer; the kernel doubles what is set, and then no longer adapts it"),
	size("sndbuf", "SO_SNDBUF", unix.SO_SNDBUF, "send buffer; the kernel doubles what is set, and then no longer adapts it"),
	{Option: sdk.Option{Name: "linger", Type: sdk.DurationOption, Unit: "seconds", Default: "off",
		Help: "how long close waits for unsent bytes; off does not wait, 0 makes close a reset"},
		Get: getLinger, Set: setLinger},
	{Option: sdk.Option{Name: "ttl", Type: sdk.IntOption, Unit: "hops", Help: "hop limit of sent packets"},
		Symbol: "IPPROTO_IP, IP_TTL", Level: unix.IPPROTO_IP, Opt: unix.IP_TTL,
		Symbol6: "IPPROTO_IPV6, IPV6_UNICAST_HOPS", Level6: unix.IPPROTO_IPV6, Opt6: unix.IPV6_UNICAST_HOPS},
	{Option: sdk.Option{Name: "tos", Type: sdk.IntOption, Default: "0", Help: "DSCP and ECN byte of sent packets (traffic class of IPv6)"},
		Symbol: "IPPROTO_IP, IP_TOS", Level: unix.IPPROTO_IP, Opt: unix.IP_TOS,
		Symbol6: "IPPROTO_IPV6, IPV6_TCLASS", Level6: unix.IPPROTO_IPV6, Opt6: unix.IPV6_TCLASS},
	sock("priority", sdk.IntOption, "0", "SO_PRIORITY", unix.SO_PRIORITY, "queueing priority within this machine"),
	sock("mark", sdk.IntOption, "0", "SO_MARK", unix.SO_MARK, "firewall and routing mark; needs CAP_NET_ADMIN"),
	sock("device", sdk.StringOption, "", "SO_BINDTODEVICE", unix.SO_BINDTODEVICE, "only this network interface; empty for any"),
	{Option: sdk.Option{Name: "transparent", Type: sdk.BoolOption, Default: "off", Help: "bind to addresses that are not this machine's; needs CAP_NET_ADMIN"},
		Symbol: "IPPROTO_IP, IP_TRANSPARENT", Level: unix.IPPROTO_IP, Opt: unix.IP_TRANSPARENT,
		Symbol6: "IPPROTO_IPV6, IPV6_TRANSPARENT", Level6: unix.IPPROTO_IPV6, Opt6: unix.IPV6_TRANSPARENT},
	tcp("fastopen", sdk.IntOption, "0", "TCP_FASTOPEN", unix.TCP_FASTOPEN, "queue of connections that bring data in their SYN, of a listener (RFC 7413)"),
	tcp("maxseg", sdk.IntOption, "", "TCP_MAXSEG", unix.TCP_MAXSEG, "largest segment in bytes; smaller than the path allows only"),
	{Option: sdk.Option{Name: "v6only", Type: sdk.BoolOption, Help: "an IPv6 socket takes no IPv4; must be set before bind"},
		Get: getV6Only, Set: setV6Only},
	tcp("congestion", sdk.StringOption, "", "TCP_CONGESTION", unix.TCP_CONGESTION, "congestion control: cubic, reno, bbr, ..."),
	tcp("notsent", sdk.SizeOption, "", "TCP_NOTSENT_LOWAT", unix.TCP_NOTSENT_LOWAT, "unsent bytes above which the socket is not writable"),
}

// declared is made once: Describe must answer at once, and always the same.
var declared = options.Declare()

func tcp(name string, t sdk.OptionType, def, symbol string, opt int, help string) sdk.SocketOption {
	return sdk.SocketOption{Option: sdk.Option{Name: name, Type: t, Default: def, Help: help},
		Symbol: "IPPROTO_TCP, " + symbol, Level: unix.IPPROTO_TCP, Opt: opt}
}

func sock(name string, t sdk.OptionType, def, symbol string, opt int, help string) sdk.SocketOption {
	return sdk.SocketOption{Option: sdk.Option{Name: name, Type: t, Default: def, Help: help},
		Symbol: "SOL_SOCKET, " + symbol, Level: unix.SOL_SOCKET, Opt: opt}
}

func seconds(name, symbol string, opt int, help string) sdk.SocketOption {
	o := tcp(name, sdk.DurationOption, "", symbol, opt, help)
	o.Unit, o.Scale = "seconds", time.Second
	return o
}

func size(name, symbol string, opt int, help string) sdk.SocketOption {
	o := sock(name, sdk.SizeOption, "", symbol, opt, help)
	o.Unit = "bytes"
	return o
}

func getLinger(fd int) (string, error) {
	// x/sys has no getter for struct linger, two ints: read as eight bytes, and
	// taken apart in the machine's own byte order.
	v, err := unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_LINGER)
	if err != nil {
		return "", err
	}
	b := binary.NativeEndian.AppendUint64(nil, v)
	if binary.NativeEndian.Uint32(b) == 0 {
		return "off", nil
	}
	return sdk.FormatDuration(time.Duration(binary.NativeEndian.Uint32(b[4:])) * time.Second), nil
}

func setLinger(c *sdk.Calls, fd int, value string) error {
	if value == "off" {
		return c.SetLinger(fd, -1)
	}
	d, ok := sdk.ParseDuration(value)
	if !ok || d%time.Second != 0 || d > time.Hour {
		return sdk.Faultf(sdk.Usage, "linger is off or whole seconds up to an hour, not %q", value)
	}
	return c.SetLinger(fd, int(d/time.Second))
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

func setV6Only(c *sdk.Calls, fd int, value string) error {
	v, ok := map[string]int{"off": 0, "on": 1}[value]
	if !ok {
		return sdk.Faultf(sdk.Usage, "v6only is on or off, not %q", value)
	}
	if domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN); err == nil && domain != unix.AF_INET6 {
		return sdk.Faultf(sdk.Usage, "v6only is for IPv6 sockets, and this one is IPv4")
	}
	return c.SetInt(fd, "IPPROTO_IPV6, IPV6_V6ONLY", unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, v)
}
