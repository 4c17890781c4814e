package tcp

import (
	"context"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// facts are what TCP_INFO says of a connection (tcp(7)), in people's units.
var facts = []struct {
	name, help string
	of         func(*unix.TCPInfo) string
}{
	{"rtt", "smoothed round-trip time", func(i *unix.TCPInfo) string { return micros(i.Rtt) }},
	{"rttvar", "variation of the round-trip time", func(i *unix.TCPInfo) string { return micros(i.Rttvar) }},
	{"mss", "largest segment that is sent, in bytes", func(i *unix.TCPInfo) string { return number(i.Snd_mss) }},
	{"pmtu", "path MTU in bytes", func(i *unix.TCPInfo) string { return number(i.Pmtu) }},
	{"cwnd", "congestion window in segments", func(i *unix.TCPInfo) string { return number(i.Snd_cwnd) }},
	{"unacked", "segments sent and not acknowledged; of a listener, connections that wait", func(i *unix.TCPInfo) string { return number(i.Unacked) }},
	{"retransmits", "segments sent again, in all", func(i *unix.TCPInfo) string { return number(i.Total_retrans) }},
}

// declaredFacts is made once: Describe must answer at once, and always the same.
var declaredFacts = func() (out []sdk.Fact) {
	for _, f := range facts {
		out = append(out, sdk.Fact{Name: f.name, Help: f.help})
	}
	return out
}()

// Info implements sdk.Informer.
func (protocol) Info(_ context.Context, s sdk.Lent, names []string) ([]sdk.Setting, error) {
	if len(names) == 0 {
		for _, f := range facts {
			names = append(names, f.name)
		}
	}
	info, err := unix.GetsockoptTCPInfo(s.FD, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return nil, err
	}
	var out []sdk.Setting
names:
	for _, n := range names {
		for _, f := range facts {
			if f.name == n {
				out = append(out, sdk.Setting{Name: n, Value: f.of(info)})
				continue names
			}
		}
		return nil, sdk.Faultf(sdk.Usage, "tcp has no fact %q", n)
	}
	return out, nil
}

func micros(n uint32) string { return sdk.FormatDuration(time.Duration(n) * time.Microsecond) }
func number(n uint32) string { return strconv.FormatUint(uint64(n), 10) }
