package icmpraw

import (
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func needProgram(t *testing.T, names ...string) {
	t.Helper()
	for _, n := range names {
		if _, err := exec.LookPath(n); err != nil {
			t.Skipf("needs %s(8), to compare with", n)
		}
	}
}

var hopLine = regexp.MustCompile(`(?m)^ *([0-9]+)  ([0-9a-f.:]+)`)

// hopsOf are the addresses in what traceroute prints.
func hopsOf(text string) []string {
	var out []string
	for _, m := range hopLine.FindAllStringSubmatch(text, -1) {
		out = append(out, m[1]+" "+m[2])
	}
	return out
}

func TestTracerouteAndTraceroute8SeeTheSameHops(t *testing.T) {
	needProgram(t, "traceroute")
	w := newNetwork(t, 4) // two routers: three hops
	for _, c := range []struct{ host, family string }{{"10.9.2.2", "-4"}, {"fd09:2::2", "-6"}} {
		for _, form := range []struct{ name, ours, theirs string }{
			{"echo, by a raw socket", "numeric=on", "-I"},
			{"echo, by a ping socket", "numeric=on", "-I"},
			{"UDP", "numeric=on udp=on", "-U"},
		} {
			t.Run(c.family+" "+form.name, func(t *testing.T) {
				theirs, err := w.exec(0, "traceroute", c.family, "-n", form.theirs, c.host).CombinedOutput()
				if err != nil {
					t.Fatalf("%v: %s", err, theirs)
				}
				var ours ran
				if strings.Contains(form.name, "ping socket") {
					w.openPings(0)
				}
				w.in(0, func() {
					if strings.Contains(form.name, "ping socket") {
						withoutRight(t)
					}
					ours = run(t.Context(), nil, "traceroute", c.host, form.ours, nil)
				})
				got, want := hopsOf(ours.text()), hopsOf(string(theirs))
				if ours.err != nil || len(want) != 3 || !slices.Equal(got, want) {
					t.Errorf("%v\nours:\n%s\ntheirs:\n%s", ours.err, ours.text(), theirs)
				}
				for _, row := range ours.rows[1:] {
					if field(row, "received") != "3" {
						t.Errorf("%s", row.Text)
					}
				}
			})
		}
	}
}

func TestTracerouteSaysWhereItEnds(t *testing.T) {
	w := newNetwork(t, 3)
	w.ip(1, "route", "add", "unreachable", "10.9.77.0/24")
	w.ip(0, "route", "add", "10.9.77.0/24", "via", "10.9.0.2")
	w.ip(1, "route", "add", "blackhole", "10.9.78.0/24")
	w.ip(0, "route", "add", "10.9.78.0/24", "via", "10.9.0.2")
	w.in(0, func() {
		r := run(t.Context(), nil, "traceroute", "10.9.77.1", "numeric=on", nil)
		if r.err == nil || !strings.Contains(r.err.Error(), "10.9.0.2 says unreachable: host") || !strings.Contains(r.text(), "!H") {
			t.Errorf("%v\n%s", r.err, r.text())
		}
		r = run(t.Context(), nil, "traceroute", "10.9.78.1", "numeric=on wait=50ms max-hops=3", nil)
		if r.err == nil || !strings.Contains(r.text(), "\n 3  *  *  *\n") || !strings.Contains(r.err.Error(), "within 3 hops") {
			t.Errorf("%v\n%s", r.err, r.text())
		}
		r = run(t.Context(), nil, "traceroute", "10.9.1.2", "numeric=on first=2 queries=1 parallel=1", nil)
		if r.err != nil || !slices.Equal(hopsOf(r.text()), []string{"2 10.9.1.2"}) {
			t.Errorf("%v\n%s", r.err, r.text())
		}
	})
}

// TestPingAndPing8HearTheSameRouter: a hop limit that ends on the way, a host that is
// not there, a network that nobody knows.
func TestPingAndPing8HearTheSameRouter(t *testing.T) {
	needProgram(t, "ping")
	w := newNetwork(t, 4)
	w.openPings(0)
	w.ip(1, "route", "add", "unreachable", "10.9.77.0/24")
	w.ip(0, "route", "add", "10.9.77.0/24", "via", "10.9.0.2")
	w.ip(1, "route", "add", "prohibit", "10.9.76.0/24")
	w.ip(0, "route", "add", "10.9.76.0/24", "via", "10.9.0.2")
	for _, c := range []struct{ host, ours, theirs, says, theySay string }{
		{"10.9.2.2", "ttl=1", "-t1", "from 10.9.0.2: seq=1 time to live exceeded", "From 10.9.0.2 icmp_seq=1 Time to live exceeded"},
		{"10.9.2.2", "ttl=2", "-t2", "from 10.9.1.2: seq=1 time to live exceeded", "From 10.9.1.2 icmp_seq=1 Time to live exceeded"},
		{"fd09:2::2", "ttl=1", "-t1", "from fd09::2: seq=1 time to live exceeded", "From fd09::2 icmp_seq=1 Time exceeded: Hop limit"},
		{"10.9.77.1", "ttl=64", "-t64", "from 10.9.0.2: seq=1 unreachable: host", "From 10.9.0.2 icmp_seq=1 Destination Host Unreachable"},
		{"10.9.76.1", "ttl=64", "-t64", "from 10.9.0.2: seq=1 unreachable: prohibited", "From 10.9.0.2 icmp_seq=1 Packet filtered"},
	} {
		theirs, _ := w.exec(0, "ping", "-n", "-c1", "-W1", c.theirs, c.host).CombinedOutput()
		if !strings.Contains(string(theirs), c.theySay) {
			t.Errorf("ping(8) says\n%s", theirs)
		}
		for _, right := range []bool{true, false} {
			if !right && c.host == "10.9.76.1" {
				continue // the kernel sends one host five of these, then one a second
			}
			w.in(0, func() {
				if !right {
					withoutRight(t)
				}
				r := run(t.Context(), nil, "ping", c.host, "count=1 timeout=1s "+c.ours, nil)
				if r.err == nil || !strings.Contains(r.text(), c.says) || field(r.summary(t), "errors") != "1" {
					t.Errorf("with the right %v: %v\n%s", right, r.err, r.text())
				}
				r.declaredFields(t, "ping")
			})
		}
	}
}

// TestCaptureAgreesWithPing: what tcpdump saw on the wire, as tshark reads it.
func TestCaptureAgreesWithPing(t *testing.T) {
	needProgram(t, "tcpdump", "tshark")
	w := newNetwork(t, 4)
	for _, c := range []struct{ host, filter, name string }{{"10.9.2.2", "icmp", "icmp"}, {"fd09:2::2", "icmp6 and (ip6[40]==128 or ip6[40]==129)", "icmpv6"}} {
		file := t.TempDir() + "/capture"
		dump := w.exec(0, "tcpdump", "-i", "right", "-n", "-U", "--immediate-mode", "-c", "10", "-w", file, c.filter)
		says, err := dump.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := dump.Start(); err != nil {
			t.Fatal(err)
		}
		heard := make([]byte, 4096)
		for text := ""; !strings.Contains(text, "listening on"); {
			n, err := says.Read(heard)
			if text += string(heard[:n]); err != nil {
				t.Fatalf("tcpdump: %v: %s", err, text)
			}
		}
		var r ran
		w.in(0, func() { r = run(t.Context(), nil, "ping", c.host, "count=5 interval=2ms size=100 pattern=5a", nil) })
		for {
			if _, err := says.Read(heard); err != nil {
				break
			}
		}
		if err := dump.Wait(); err != nil {
			t.Fatal(err)
		}
		fields := []string{"type", "seq", "checksum.status"}
		if c.name == "icmpv6" {
			fields = []string{"type", "echo.sequence_number", "checksum.status"}
		}
		args := []string{"-r", file, "-T", "fields"}
		for _, f := range fields {
			args = append(args, "-e", c.name+"."+f)
		}
		var complaint strings.Builder
		shark := exec.Command("tshark", args...)
		shark.Stderr = &complaint
		out, err := shark.Output()
		if err != nil {
			t.Fatalf("tshark: %v: %s", err, complaint.String())
		}
		var got, want []string
		for line := range strings.Lines(string(out)) {
			got = append(got, strings.Join(strings.Fields(line), " "))
		}
		request, reply := 8, 0
		if c.name == "icmpv6" {
			request, reply = 128, 129
		}
		for seq := 1; seq <= 5; seq++ {
			want = append(want, fmt.Sprintf("%d %d 1", request, seq), fmt.Sprintf("%d %d 1", reply, seq))
		}
		if r.err != nil || field(r.summary(t), "received") != "5" || !slices.Equal(got, want) {
			t.Errorf("%v\nping:\n%s\ncapture:\n%s", r.err, r.text(), strings.Join(got, "\n"))
		}
	}
}
