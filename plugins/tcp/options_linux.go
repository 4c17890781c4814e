package tcp

import (
	"encoding/binary"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// options are those of tcp(7), socket(7), ip(7) and ipv6(7) that people ask for.
// The bounds of times and counts are the kernel's (include/net/tcp.h).
var options = append(sdk.Options{
	tcp("nodelay", sdk.BoolOption, "off", "TCP_NODELAY", unix.TCP_NODELAY, "send small writes at once (Nagle's algorithm off)"),
	tcp("cork", sdk.BoolOption, "off", "TCP_CORK", unix.TCP_CORK, "hold back partial segments, at most 200 ms"),
	tcp("quickack", sdk.BoolOption, "", "TCP_QUICKACK", unix.TCP_QUICKACK, "acknowledge at once; the kernel may turn it off again"),
	sdk.SockOption("keepalive", sdk.BoolOption, "off", "SO_KEEPALIVE", unix.SO_KEEPALIVE, "probe a silent peer, and end the connection when it is gone"),
	seconds("keepidle", "TCP_KEEPIDLE", unix.TCP_KEEPIDLE, "silence before the first keepalive probe").Within(1, 32767),
	seconds("keepintvl", "TCP_KEEPINTVL", unix.TCP_KEEPINTVL, "time between keepalive probes").Within(1, 32767),
	tcp("keepcnt", sdk.IntOption, "", "TCP_KEEPCNT", unix.TCP_KEEPCNT, "unanswered probes before the connection ends").Within(1, 127),
	{Option: sdk.Option{Name: "usertimeout", Type: sdk.DurationOption, Unit: "milliseconds", Default: "0s",
		Help: "how long sent bytes may stay unacknowledged; 0 leaves it to the kernel"},
		Symbol: "IPPROTO_TCP, TCP_USER_TIMEOUT", Level: unix.IPPROTO_TCP, Opt: unix.TCP_USER_TIMEOUT, Scale: time.Millisecond},
	tcp("syncnt", sdk.IntOption, "", "TCP_SYNCNT", unix.TCP_SYNCNT, "SYNs sent again before a connect fails").Within(1, 127),
	seconds("linger2", "TCP_LINGER2", unix.TCP_LINGER2, "how long a closed socket waits for the peer's FIN").Within(1, 120),
	sdk.SockOption("reuseaddr", sdk.BoolOption, "on", "SO_REUSEADDR", unix.SO_REUSEADDR, "bind to a port that old connections still linger on"),
	sdk.SockOption("reuseport", sdk.BoolOption, "off", "SO_REUSEPORT", unix.SO_REUSEPORT, "share one port between several listeners of one user"),
	{Option: sdk.Option{Name: "bindnoport", Type: sdk.BoolOption, Default: "off",
		Help: "bind to port 0 chooses the port at connect: more connections from one address"},
		Symbol: "IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT", Level: unix.IPPROTO_IP, Opt: unix.IP_BIND_ADDRESS_NO_PORT},
	{Option: sdk.Option{Name: "linger", Type: sdk.DurationOption, Unit: "seconds", Default: "off",
		Help: "how long close waits for unsent bytes; off does not wait, 0 makes close a reset"},
		Get: getLinger, Set: setLinger},
	seconds("deferaccept", "TCP_DEFER_ACCEPT", unix.TCP_DEFER_ACCEPT, "a listener wakes only when data has come, for about this long; 0 at once"),
	tcp("fastopen", sdk.IntOption, "0", "TCP_FASTOPEN", unix.TCP_FASTOPEN, "queue of connections that bring data in their SYN, of a listener (RFC 7413)").Within(0, 65535),
	tcp("fastopenconnect", sdk.BoolOption, "off", "TCP_FASTOPEN_CONNECT", unix.TCP_FASTOPEN_CONNECT,
		"connect waits for the first data and sends it in the SYN, where the server has given a cookie"),
	tcp("fastopennocookie", sdk.BoolOption, "off", "TCP_FASTOPEN_NO_COOKIE", unix.TCP_FASTOPEN_NO_COOKIE, "data in a SYN without a cookie"),
	tcp("maxseg", sdk.IntOption, "", "TCP_MAXSEG", unix.TCP_MAXSEG, "largest segment in bytes; smaller than the path allows only").Within(88, 32767),
	size("windowclamp", "TCP_WINDOW_CLAMP", unix.TCP_WINDOW_CLAMP, "bound of the window that is offered to the peer"),
	tcp("congestion", sdk.StringOption, "", "TCP_CONGESTION", unix.TCP_CONGESTION, "congestion control: cubic, reno, bbr, ..."),
	size("notsent", "TCP_NOTSENT_LOWAT", unix.TCP_NOTSENT_LOWAT, "unsent bytes above which the socket is not writable"),
	tcp("thinlinear", sdk.BoolOption, "off", "TCP_THIN_LINEAR_TIMEOUTS", unix.TCP_THIN_LINEAR_TIMEOUTS,
		"a thin stream sends again after equal times, not doubled ones"),
	sdk.SockOption("oobinline", sdk.BoolOption, "off", "SO_OOBINLINE", unix.SO_OOBINLINE, "urgent data stays among the rest (RFC 6093)"),
	sdk.IPOption("minttl", sdk.IntOption, "0", "IP_MINTTL", unix.IP_MINTTL, "IPV6_MINHOPCOUNT", unix.IPV6_MINHOPCOUNT,
		"drop packets that come with fewer hops left (RFC 5082)").Within(0, 255),
}, sdk.IPOptions()...)

// declared is made once: Describe must answer at once, and always the same.
var declared = options.Declare()

func tcp(name string, t sdk.OptionType, def, symbol string, opt int, help string) sdk.SocketOption {
	return sdk.SocketOption{Option: sdk.Option{Name: name, Type: t, Default: def, Help: help},
		Symbol: "IPPROTO_TCP, " + symbol, Level: unix.IPPROTO_TCP, Opt: opt}
}

func seconds(name, symbol string, opt int, help string) sdk.SocketOption {
	o := tcp(name, sdk.DurationOption, "", symbol, opt, help)
	o.Unit, o.Scale = "seconds", time.Second
	return o
}

func size(name, symbol string, opt int, help string) sdk.SocketOption {
	o := tcp(name, sdk.SizeOption, "", symbol, opt, help)
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
	d, err := sdk.ParseDuration(value)
	if err != nil || d%time.Second != 0 || d > time.Hour {
		return sdk.Faultf(sdk.Usage, "linger is off or whole seconds up to an hour, not %q", value)
	}
	return c.SetLinger(fd, int(d/time.Second))
}
