package icmpraw

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

var networks atomic.Int32

// A network is some namespaces, one behind the other, each joined to the next by a
// pair of interfaces: 10.9.N.1 and fd09:N::1 on this side, .2 and ::2 on that.
type network struct {
	t     testing.TB
	hosts []string // names of namespaces
}

// newNetwork makes one of n namespaces in which every packet finds its way.
func newNetwork(t testing.TB, n int) *network {
	t.Helper()
	needRoot(t)
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("needs ip(8), to make network namespaces")
	}
	w := &network{t: t}
	id := networks.Add(1)
	for i := range n {
		name := fmt.Sprintf("sosh-%d-%d-%d", os.Getpid(), id, i)
		w.command("ip", "netns", "add", name)
		t.Cleanup(func() { exec.Command("ip", "netns", "del", name).Run() })
		w.hosts = append(w.hosts, name)
		w.ip(i, "link", "set", "lo", "up")
		w.set(i, "net/ipv4/ip_forward", "1")
		w.set(i, "net/ipv6/conf/all/forwarding", "1")
		// Else a router is silent after a few errors to one host.
		w.set(i, "net/ipv4/icmp_ratemask", "0")
		w.set(i, "net/ipv6/icmp/ratelimit", "0")
		w.set(i, "net/ipv4/icmp_msgs_per_sec", "1000000")
		w.set(i, "net/ipv4/icmp_msgs_burst", "100000")
		w.set(i, "net/ipv6/conf/default/accept_dad", "0") // else a new address is of no use for a second
		w.set(i, "net/ipv6/neigh/default/retrans_time_ms", "20")
	}
	for i := range n - 1 {
		w.ip(i, "link", "add", "right", "type", "veth", "peer", "name", "left", "netns", w.hosts[i+1])
		for _, end := range []struct {
			host      int
			name, bit string
		}{{i, "right", "1"}, {i + 1, "left", "2"}} {
			w.ip(end.host, "addr", "add", fmt.Sprintf("10.9.%d.%s/24", i, end.bit), "dev", end.name)
			w.ip(end.host, "-6", "addr", "add", fmt.Sprintf("fd09:%d::%s/64", i, end.bit), "dev", end.name, "nodad")
			w.ip(end.host, "link", "set", end.name, "up")
		}
	}
	for i := range n {
		for j := range n - 1 { // the net between j and j+1
			if via := w.via(i, j); via != "" {
				w.ip(i, "route", "add", fmt.Sprintf("10.9.%d.0/24", j), "via", strings.Split(via, " ")[0])
				w.ip(i, "-6", "route", "add", fmt.Sprintf("fd09:%d::/64", j), "via", strings.Split(via, " ")[1])
			}
		}
	}
	for i := range n - 1 {
		w.meet(i, fmt.Sprintf("10.9.%d.2", i))
		w.meet(i, fmt.Sprintf("fd09:%d::2", i))
	}
	return w
}

// meet waits until a host and its neighbour have found each other.
func (w *network) meet(host int, neighbour string) {
	w.t.Helper()
	met := make(chan struct{})
	var once sync.Once
	w.in(host, func() {
		r := run(context.Background(), met, "ping", neighbour, "interval=20ms deadline=20s", func(r sdk.Row) {
			if field(r, "event") == "reply" {
				once.Do(func() { close(met) })
			}
		})
		if r.err != nil {
			w.t.Errorf("%s does not answer: %v", neighbour, r.err)
		}
	})
}

// via is the neighbour of host i on the way to net j: two addresses, "" for none.
func (w *network) via(i, j int) string {
	switch {
	case j > i:
		return fmt.Sprintf("10.9.%d.2 fd09:%d::2", i, i)
	case j < i-1:
		return fmt.Sprintf("10.9.%d.1 fd09:%d::1", i-1, i-1)
	}
	return ""
}

func (w *network) command(name string, args ...string) string {
	w.t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		w.t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// ip runs ip(8) in a host.
func (w *network) ip(host int, args ...string) {
	w.t.Helper()
	w.command("ip", append([]string{"-n", w.hosts[host]}, args...)...)
}

// exec is a program in a host.
func (w *network) exec(host int, args ...string) *exec.Cmd {
	return exec.Command("ip", append([]string{"netns", "exec", w.hosts[host]}, args...)...)
}

// set writes a sysctl of a host, if the kernel has it there.
func (w *network) set(host int, name, value string) {
	w.t.Helper()
	w.in(host, func() {
		path := filepath.Join("/proc/sys", name)
		if err := os.WriteFile(path, []byte(value), 0); err != nil && !os.IsNotExist(err) {
			w.t.Errorf("%s: %v", path, err)
		}
	})
}

// in runs f on a thread that is in the host, and ends that thread. Sockets and what f
// does itself are there; goroutines that it starts are not.
func (w *network) in(host int, f func()) {
	w.t.Helper()
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for good
		done <- func() error {
			ns, err := os.Open("/run/netns/" + w.hosts[host])
			if err != nil {
				return err
			}
			defer ns.Close()
			if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
				return err
			}
			f()
			return nil
		}()
	}()
	if err := <-done; err != nil {
		w.t.Errorf("entering %s: %v", w.hosts[host], err)
	}
}

// withoutRight takes CAP_NET_RAW from this thread, which a caller of in ends.
func withoutRight(t testing.TB) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		t.Error(err)
		return
	}
	data[0].Effective &^= 1 << unix.CAP_NET_RAW
	if err := unix.Capset(&header, &data[0]); err != nil {
		t.Error(err)
	}
}

// openPings lets everybody have ping sockets in a host.
func (w *network) openPings(host int) { w.set(host, "net/ipv4/ping_group_range", "0 2147483647") }
