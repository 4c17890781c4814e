package icmpraw

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// A tracer sends probes and reads what comes back: by ICMP a prober, or by UDP.
type tracer interface {
	// probe sends probe n with that hop limit, and returns when.
	probe(n, ttl int) (at int64, err error)
	// outcome reads one answer, the number of its probe and whether it came from the
	// host itself; 0 when nothing has come.
	outcome(a *answer) (n int, reached bool, err error)
	descriptor() int
	close()
}

// A hopProbe is one probe and what became of it.
type hopProbe struct {
	hop     int
	sent    int64
	settled bool
	from    netip.Addr // the zero one for no answer
	rtt     time.Duration
	failure string // what was said, other than that the hops were used up
	mark    string // the same, in short
	reached bool
	final   bool // no hop is behind this one
}

// trace is one run of traceroute.
type trace struct {
	tracer
	*stopper
	names   *names
	out     func(sdk.Row) error
	types   types
	host    string
	dst     netip.Addr
	first   int
	most    int // the last hop that is wanted; less once the end is known
	queries int
	wait    time.Duration
	window  int

	probes  []hopProbe // probe n is at n-1
	pending int
	printed int // hops
}

func runTrace(ctx context.Context, req sdk.RunRequest, out func(sdk.Row) error) error {
	f := readFlags("traceroute", req.Flags)
	t := &trace{out: out, host: req.Args[0], most: f.number("max-hops", 1, 255, 0), first: f.number("first", 1, 255, 0),
		queries: f.number("queries", 1, 10, 0), wait: f.duration("wait"), window: f.number("parallel", 1, 64, 0)}
	port, udp := f.number("port", 1, 65535, 0), f.on("udp")
	how := probing{source: f.source(), size: f.size("size", 1400), tos: -1}
	numeric, family := f.on("numeric"), f.family()
	switch {
	case f.err != nil:
		return f.err
	case t.first > t.most:
		return sdk.Faultf(sdk.Usage, "--first is %d, and --max-hops %d", t.first, t.most)
	case udp && port+t.most*t.queries > 65535:
		return sdk.Faultf(sdk.Usage, "--port is too high: each of %d probes has its own port, up to 65535", t.most*t.queries)
	}
	var err error
	if how.dst, err = destination(ctx, t.host, family, how.source); err != nil {
		return err
	}
	t.dst = how.dst.WithZone("")
	t.types = ip4Types
	if t.dst.Is6() {
		t.types = ip6Types
	}
	if t.tracer, err = openTracer(how, udp, uint16(port)); err != nil {
		return err
	}
	defer t.tracer.close()
	if t.stopper, err = newStopper(ctx, req.Interrupt); err != nil {
		return err
	}
	defer t.stopper.close()
	t.names = newNames(ctx, numeric)
	defer t.names.close()
	err = out(sdk.Row{Text: fmt.Sprintf("traceroute to %s (%s): at most %d hops, %d bytes of data", t.host, how.dst, t.most, how.size)})
	if err != nil {
		return err
	}
	return t.run(ctx)
}

func openTracer(how probing, udp bool, port uint16) (tracer, error) {
	if udp {
		return openUDP(how, port)
	}
	p, err := openProber(how)
	if err != nil {
		return nil, err
	}
	return &echoTracer{prober: p}, nil
}

func (t *trace) run(ctx context.Context) error {
	t.printed = t.first - 1
	for {
		if t.asked.Load() {
			if err := ctx.Err(); err != nil {
				return err
			}
			return sdk.Faultf(sdk.Interrupted, "interrupted at hop %d", t.printed+1)
		}
		for t.pending < t.window && t.first+len(t.probes)/t.queries <= t.most {
			sent, err := t.next()
			if err != nil {
				return err
			}
			if !sent {
				break
			}
		}
		got, err := t.take()
		if err != nil {
			return err
		}
		t.expire()
		if done, err := t.print(); done || err != nil {
			return err
		}
		if !got {
			if err := t.pause(); err != nil {
				return err
			}
		}
	}
}

// next sends the next probe; false when the device's queue is full for now.
func (t *trace) next() (bool, error) {
	n := len(t.probes) + 1
	hop := t.first + (n-1)/t.queries
	at, err := t.probe(n, hop)
	switch {
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.ENOBUFS):
		return false, t.poll(time.Millisecond, unix.POLLOUT)
	case err != nil && n == 1:
		return false, fmt.Errorf("cannot send: %w", err)
	}
	p := hopProbe{hop: hop, sent: at}
	if err != nil {
		p.settled, p.failure = true, err.Error()
	} else {
		t.pending++
	}
	t.probes = append(t.probes, p)
	return true, nil
}

// take reads what has come.
func (t *trace) take() (got bool, err error) {
	var a answer
	for range drainMost {
		n, reached, err := t.outcome(&a)
		if err != nil || n == 0 {
			return got, err
		}
		got = true
		if n > len(t.probes) || t.probes[n-1].settled {
			continue // a second answer, or a late one
		}
		p := &t.probes[n-1]
		p.settled, p.from, p.reached = true, a.from, reached
		p.rtt = max(time.Duration(a.at-p.sent), 0)
		t.pending--
		if !a.reply && t.types.of(a.typ).word != "time-exceeded" && !reached {
			p.failure, p.mark = t.types.describe(a.typ, a.code), t.types.mark(a.typ, a.code)
		}
		if p.final = reached || p.failure != ""; p.final {
			t.most = min(t.most, p.hop)
		}
	}
	return got, nil
}

// mark is an error as traceroute(8) abbreviates it.
func (t types) mark(typ, code uint8) string {
	l := t.of(typ)
	switch w := l.codeWord(code); {
	case l.word == "packet-too-big", l.word == "unreachable" && w == "fragmentation-needed":
		return "!F"
	case l.word != "unreachable":
		return fmt.Sprintf("!<%d-%d>", typ, code)
	case w == "net", w == "no-route":
		return "!N"
	case w == "host", w == "address":
		return "!H"
	case w == "protocol", w == "port":
		return "!P"
	case w == "source-route-failed":
		return "!S"
	case w == "prohibited", w == "net-prohibited", w == "host-prohibited":
		return "!X"
	}
	return fmt.Sprintf("!<%d>", code)
}

// expire gives up the probes that have waited too long.
func (t *trace) expire() {
	now := time.Now().UnixNano()
	for i := range t.probes {
		if p := &t.probes[i]; !p.settled && now-p.sent >= int64(t.wait) {
			p.settled = true
			t.pending--
		}
	}
}

// pause waits for an answer, or until the oldest probe has waited too long.
func (t *trace) pause() error {
	d := t.wait
	now := time.Now().UnixNano()
	for i := range t.probes {
		if p := &t.probes[i]; !p.settled {
			d = min(d, time.Duration(p.sent+int64(t.wait)-now))
		}
	}
	return t.poll(max(d, 0), unix.POLLIN)
}

func (t *trace) poll(d time.Duration, events int16) error {
	return t.pollFor(d, []unix.PollFd{{Fd: int32(t.descriptor()), Events: events}, {Fd: int32(t.stopper.fd), Events: unix.POLLIN}})
}

// print prints the hops that are complete, in order, and says whether that was all.
func (t *trace) print() (done bool, err error) {
	for t.printed < t.most {
		from := (t.printed + 1 - t.first) * t.queries
		if from+t.queries > len(t.probes) {
			return false, nil
		}
		hop := t.probes[from : from+t.queries]
		for _, p := range hop {
			if !p.settled {
				return false, nil
			}
		}
		t.printed++
		for _, row := range t.rows(hop) {
			if err := t.out(row); err != nil {
				return true, err
			}
		}
	}
	for _, p := range t.probes {
		if p.reached && p.hop == t.most {
			return true, nil
		}
	}
	for _, p := range t.probes {
		if p.final && p.hop == t.most {
			return true, fmt.Errorf("not reached: %s says %s", p.from, p.failure)
		}
	}
	return true, fmt.Errorf("not reached within %d hops", t.most)
}
