package icmpraw

import (
	"strings"
	"testing"
)

func TestFlagsRefuseWhatCannotBeMeant(t *testing.T) {
	for _, text := range []string{"count=0", "count=x", "count=-1", "interval=0", "interval=1us", "interval=-1s", "size=65508", "size=-1",
		"timeout=0", "timeout=x", "ttl=0", "ttl=256", "tos=256", "pattern=xyz", "pattern=", "pattern=" + strings.Repeat("00", 17),
		"flood=maybe", "ipv4=on ipv6=on", "interface=", "interface=0123456789abcdef", "nonsense=1", "flood=on interval=1s"} {
		expectUsage(t, "ping", text)
	}
	for _, text := range []string{"max-hops=0", "max-hops=256", "first=31", "queries=11", "wait=0", "parallel=65", "port=65500 udp=on", "size=1401"} {
		expectUsage(t, "traceroute", text)
	}
	expectUsage(t, "nonsense", "")
}
