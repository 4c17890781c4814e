package host_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/host"
	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
	"github.com/sosh-shell/sosh/plugins/unruly"
)

// BenchmarkEndOfUnruly tells how long a plugin lives on once it can be found out: from
// the call, or from its deadline for one that does not answer, to the exit of its
// process. Those that end by themselves are left out.
func BenchmarkEndOfUnruly(b *testing.B) {
	const limit = 300 * time.Millisecond
	for of, construct := range map[string]func() socket.Protocol{unruly.Name: unruly.New, unruly.WildName: unruly.Wild} {
		for _, how := range slices.Sorted(maps.Keys(outcomes[of])) {
			want := outcomes[of][how]
			if !want.ended || strings.Contains(want.says, "died in open") {
				continue
			}
			b.Run(of+"/"+how, func(b *testing.B) {
				var longest time.Duration
				for b.Loop() {
					longest = max(longest, lived(b, construct, how, limit))
				}
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(float64(longest.Microseconds())/1000, "ms-at-most")
			})
		}
	}
}

// lived misbehaves once, with a process that runs already.
func lived(b *testing.B, construct func() socket.Protocol, how string, limit time.Duration) time.Duration {
	b.Helper()
	name := construct().Describe().Name
	h := plugintest.Host(b, host.Descriptors, func(c *host.Config) { c.Log, c.CallTimeout = nil, limit }, construct)
	defer h.Close()
	p, err := h.Protocol(name)
	must(b, err)
	open := func(how string) {
		k, err := p.Open(b.Context(), socket.OpenRequest{Family: socket.FamilyIP4, Options: []socket.Setting{{Name: "do", Value: how}}})
		if err == nil {
			unix.Close(k.FD)
		}
	}
	open("nothing")
	pid, err := unix.PidfdOpen(h.Plugins()[0].PID, 0)
	must(b, err)
	defer unix.Close(pid)
	exit := make(chan time.Time, 1)
	go func() {
		ready := []unix.PollFd{{Fd: int32(pid), Events: unix.POLLIN}}
		for ready[0].Revents == 0 {
			unix.Poll(ready, 10_000) // the host's end is that of the process, at the latest
		}
		exit <- time.Now()
	}()
	begin := time.Now()
	open(how)
	select {
	case end := <-exit:
		d := end.Sub(begin)
		if d >= limit {
			d -= limit
		}
		return d
	case <-time.After(10 * time.Second):
		b.Fatal("it lives on")
	}
	return 0
}
