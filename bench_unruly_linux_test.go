package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/core/table"
	"github.com/sosh-shell/sosh/plugins/host"
	"github.com/sosh-shell/sosh/plugins/unruly"
)

// BenchmarkBesideUnruly sends one byte over a tcp socket and waits for it to come
// back, with and without a plugin beside that misbehaves, in turn. It reports the
// medians, over the rounds, of the ratio of the medians, of the 99th percentiles and of
// the means: as soon as the misbehaviour has begun, and a second later, when what a
// plugin may say at once is said.
func BenchmarkBesideUnruly(b *testing.B) {
	for _, c := range []struct {
		name string
		form host.Form
		of   func() socket.Protocol
		how  string
	}{
		{"nothing", host.Descriptors, unruly.New, "print"},
		{"hang", host.Descriptors, unruly.New, "hang"},
		{"logs", host.Descriptors, unruly.New, "babble"},
		{"rows", host.Descriptors, unruly.New, "rows"},
		{"words", host.Stream, unruly.Wild, "words"},
		{"pings", host.Descriptors, unruly.Wild, "pings"},
		{"settings", host.Descriptors, unruly.Wild, "settings"},
		{"two-gib", host.Descriptors, unruly.Wild, "two-gib"},
		{"descriptors", host.Descriptors, unruly.Wild, "give-flood"},
		{"layer-flood", host.Descriptors, unruly.Layer, "flood"},
		{"fork", host.Descriptors, unruly.New, "fork"},
		{"storm", host.Descriptors, unruly.New, "fork-storm"},
		{"memory", host.Descriptors, unruly.New, "eat"},
		{"burn-1", host.Descriptors, unruly.New, "burn-1"},
		{"burn", host.Descriptors, unruly.New, "burn"},
	} {
		b.Run(c.name, func(b *testing.B) {
			tab := benchTable(b)
			s, err := tab.Open(b.Context(), table.Spec{Protocol: "tcp", Connect: echoServer(b)})
			if err != nil {
				b.Fatal(err)
			}
			turn, err := s.Read(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			defer turn.Done()
			echo(b, s, turn, nil) // warm
			var all []time.Duration
			var atOnce, later ratios
			for b.Loop() {
				var alone, first, second []time.Duration
				for range 2 { // each turn is short, so that what else the machine does meets all
					alone = append(alone, echo(b, s, turn, nil)...)
					cpus, end := begin(b, c.form, c.of, c.how)
					settled := time.After(time.Second)
					first = echo(b, s, turn, first)
					atOnce.loads = append(atOnce.loads, cpus())
					<-settled
					cpus()
					second = echo(b, s, turn, second)
					later.loads = append(later.loads, cpus())
					end()
					alone = append(alone, echo(b, s, turn, nil)...)
				}
				atOnce.add(first, alone)
				later.add(second, alone)
				all = append(all, alone...)
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(percentile(all, 0.5).Nanoseconds())/1000, "alone-us")
			atOnce.report(b, "")
			later.report(b, "-later")
		})
	}
}

// echoes of one turn.
const echoes = 3000

func echo(b *testing.B, s *table.Socket, turn *table.Turn, out []time.Duration) []time.Duration {
	b.Helper()
	ctx := b.Context()
	p := make([]byte, 1)
	for range echoes {
		begin := time.Now()
		if _, err := s.Send(ctx, []byte{'x'}); err != nil {
			b.Fatal(err)
		}
		if _, err := turn.Take(ctx, p); err != nil {
			b.Fatal(err)
		}
		out = append(out, time.Since(begin))
	}
	return out
}

func percentile(list []time.Duration, p float64) time.Duration {
	list = slices.Sorted(slices.Values(list))
	return list[int(float64(len(list)-1)*p)]
}

func mean(list []time.Duration) (sum time.Duration) {
	for _, d := range list {
		sum += d
	}
	return sum / time.Duration(len(list))
}

func ratio(a, b []time.Duration, p float64) float64 {
	return float64(percentile(a, p)) / float64(percentile(b, p))
}

// ratios are those of the rounds, and how many processors the plugin kept busy.
type ratios struct{ medians, tails, means, loads []float64 }

func (r *ratios) add(beside, alone []time.Duration) {
	r.medians = append(r.medians, ratio(beside, alone, 0.5))
	r.tails = append(r.tails, ratio(beside, alone, 0.99))
	r.means = append(r.means, float64(mean(beside))/float64(mean(alone)))
}

func (r *ratios) report(b *testing.B, when string) {
	b.ReportMetric(median(r.loads), "cpus"+when)
	b.ReportMetric(median(r.medians), "median-ratio"+when)
	b.ReportMetric(median(r.tails), "p99-ratio"+when)
	b.ReportMetric(median(r.means), "mean-ratio"+when)
}

// begin makes a plugin misbehave until end is called. cpus tells how many processors
// the plugin's process has kept busy since it was called last.
func begin(b *testing.B, form host.Form, construct func() socket.Protocol, how string) (cpus func() float64, end func()) {
	b.Helper()
	name := construct().Describe().Name
	h, err := host.New(host.Config{Form: form, Bundled: map[string]func() socket.Protocol{name: construct}})
	if err != nil {
		b.Fatal(err)
	}
	p, err := h.Protocol(name)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	open := func(how string) error {
		k, err := p.Open(ctx, socket.OpenRequest{Options: []socket.Setting{{Name: "do", Value: how}}})
		if err == nil {
			b.Cleanup(func() { closeDescriptor(k.FD) })
		}
		return err
	}
	switch {
	case how == "rows":
		begun := make(chan struct{})
		n := 0
		go p.Run(ctx, socket.RunRequest{Command: "unruly-run", Args: []string{"flood"}}, func(socket.Row) error {
			if n++; n == 2 {
				close(begun)
			}
			return nil
		})
		<-begun
	case name == unruly.LayerName:
		fd, _, err := socketPair()
		if err != nil {
			b.Fatal(err)
		}
		k, err := p.Wrap(ctx, socket.WrapRequest{FD: fd, Kind: socket.Stream, Options: []socket.Setting{{Name: "do", Value: how}}})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { closeDescriptor(k.FD) })
	default:
		err := open("start it")
		if err != nil {
			b.Fatalf("starting: %v; %q", err, h.Log(name))
		}
		done := make(chan struct{})
		go func() { open(how); close(done) }()
		select { // the misbehaviour is under way
		case <-done:
		case <-time.After(30 * time.Millisecond):
		}
	}
	pid := h.Plugins()[0].PID
	at, used := time.Now(), processorTime(pid)
	cpus = func() float64 {
		now := processorTime(pid)
		n := max(float64(now-used)/float64(time.Since(at)), 0)
		at, used = time.Now(), now
		return n
	}
	return cpus, func() { cancel(); h.Close() }
}

// processorTime is what the threads of a process have used so far: schedstat of the
// kernel's sched-stats documentation. 0 when it is gone.
func processorTime(pid int) (sum time.Duration) {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	for _, f := range files {
		text, _ := os.ReadFile(f)
		var ns int64
		fmt.Sscan(string(text), &ns)
		sum += time.Duration(ns)
	}
	return sum
}
