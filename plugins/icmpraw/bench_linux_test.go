package icmpraw

import (
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"
)

// These compare with ping(8), each round one after the other, so that what else the
// machine does meets both.

func needPing8(b *testing.B) {
	needRoot(b)
	if _, err := exec.LookPath("ping"); err != nil {
		b.Skip("needs ping(8), to compare with")
	}
}

// middle is the median of what the rounds gave.
func middle(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}

func BenchmarkFloodAgainstPing8(b *testing.B) {
	needPing8(b)
	for _, host := range []string{"127.0.0.1", "::1"} {
		b.Run(host, func(b *testing.B) {
			const packets = 50000
			var ours, theirs, ratio []float64
			for b.Loop() {
				start := time.Now()
				r := run(b.Context(), nil, "ping", host, "flood=on count="+strconv.Itoa(packets), nil)
				took := time.Since(start).Seconds()
				if r.err != nil || field(r.summary(b), "received") != strconv.Itoa(packets) {
					b.Fatalf("%v\n%s", r.err, r.text())
				}
				out, err := exec.Command("ping", "-f", "-q", "-c", strconv.Itoa(packets), host).Output()
				m := regexp.MustCompile(`time ([0-9]+)ms`).FindSubmatch(out)
				if err != nil || m == nil {
					b.Fatalf("ping(8): %v: %s", err, out)
				}
				ms, _ := strconv.ParseFloat(string(m[1]), 64)
				ours, theirs = append(ours, packets/took), append(theirs, packets/ms*1000)
				ratio = append(ratio, packets/took/(packets/ms*1000))
			}
			b.ReportMetric(middle(ours), "packets/s")
			b.ReportMetric(middle(theirs), "ping8-packets/s")
			b.ReportMetric(middle(ratio), "times-ping8")
		})
	}
}

func BenchmarkRoundTripAgainstPing8(b *testing.B) {
	needPing8(b)
	for _, interval := range []string{"2ms", "20ms"} { // ping(8) stays awake below 10 ms
		b.Run(interval, func(b *testing.B) {
			const packets = "200"
			var ours, theirs, ratio []float64
			every, _ := time.ParseDuration(interval)
			for b.Loop() {
				r := run(b.Context(), nil, "ping", "127.0.0.1", "interval="+interval+" count="+packets, nil)
				if r.err != nil {
					b.Fatal(r.err)
				}
				median, _ := strconv.ParseFloat(field(r.summary(b), "median"), 64)
				out, err := exec.Command("ping", "-i", strconv.FormatFloat(every.Seconds(), 'f', -1, 64), "-c", packets, "127.0.0.1").Output()
				if err != nil {
					b.Fatal(err)
				}
				var all []float64
				for _, m := range regexp.MustCompile(`time=([0-9.]+) ms`).FindAllSubmatch(out, -1) {
					ms, _ := strconv.ParseFloat(string(m[1]), 64)
					all = append(all, ms)
				}
				ours, theirs = append(ours, median*1000), append(theirs, middle(all)*1000)
				ratio = append(ratio, median/middle(all))
			}
			b.ReportMetric(middle(ours), "us")
			b.ReportMetric(middle(theirs), "ping8-us")
			b.ReportMetric(middle(ratio), "times-ping8")
		})
	}
}
