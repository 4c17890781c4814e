package icmpraw

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// Run implements sdk.Runner.
func (protocol) Run(ctx context.Context, req sdk.RunRequest, out func(sdk.Row) error) error {
	if len(req.Args) != 1 {
		return sdk.Faultf(sdk.Usage, "%s takes one HOST", req.Command)
	}
	var err error
	switch req.Command {
	case "ping":
		err = runPing(ctx, req, out)
	case "traceroute":
		err = runTrace(ctx, req, out)
	default:
		return sdk.Faultf(sdk.Usage, "icmp-raw has no command %q", req.Command)
	}
	var at *sdk.Error
	if err == nil || errors.As(err, &at) {
		return err
	}
	return &sdk.Error{Op: req.Command, Place: req.Args[0], Err: err}
}

const (
	floodInterval = 10 * time.Millisecond // at least 100 a second, as ping(8)
	minInterval   = 10 * time.Microsecond
	floodWindow   = 4                     // requests under way
	spin          = 20 * time.Microsecond // a flood asks so long before it waits
	drainMost     = 256                   // packets between two looks at the clock
	wakeful       = 10 * time.Millisecond // a shorter interval is not slept through
)

// pingers is how many runs of ping there are. Only one that is alone stays awake
// between requests, when they follow each other closely: as ping(8) does, so that
// waking up is no part of the round trip.
var pingers atomic.Int32

// pinger is one run of ping.
type pinger struct {
	*prober
	*stopper
	out   func(sdk.Row) error
	host  string
	width int

	count    uint64 // 0 for no end
	interval time.Duration
	timeout  time.Duration
	deadline time.Duration // 0 for none
	flood    bool
	credit   int // of a flood: how many may be sent at once
	quiet    bool

	outstanding
	times
	start      time.Time
	received   uint64
	duplicates uint64
	late       uint64
	corrupted  uint64
	errors     uint64
	unmatched  uint64
}

func runPing(ctx context.Context, req sdk.RunRequest, out func(sdk.Row) error) error {
	f := readFlags("ping", req.Flags)
	p := &pinger{out: out, host: req.Args[0], width: req.Width,
		count:    uint64(f.number("count", 1, 1<<53, 0)),
		interval: f.duration("interval"), timeout: f.duration("timeout"), deadline: f.duration("deadline"),
		flood: f.on("flood"), quiet: f.on("quiet")}
	if p.interval < minInterval {
		f.fail("--interval is at least %v: --flood sends as fast as it is answered", minInterval)
	}
	if p.flood {
		p.interval, p.quiet, p.credit = floodInterval, true, floodWindow
		if _, given := f.given["interval"]; given {
			f.fail("--flood has no --interval")
		}
	}
	how := probing{source: f.source(), size: f.size("size", maxMessage4-8), ttl: f.number("ttl", 1, 255, 0), tos: f.number("tos", 0, 255, -1)}
	if text, ok := f.text("pattern"); ok {
		var err error
		if how.pattern, err = hex.DecodeString(text); err != nil || len(how.pattern) == 0 || len(how.pattern) > 16 {
			f.fail("--pattern is up to 16 bytes in hex, such as ff00, not %q", text)
		}
	}
	how.batch = p.credit
	family := f.family()
	if f.err != nil {
		return f.err
	}
	var err error
	if how.dst, err = destination(ctx, p.host, family, how.source); err != nil {
		return err
	}
	if p.prober, err = openProber(how); err != nil {
		return err
	}
	defer p.prober.close()
	if p.stopper, err = newStopper(ctx, req.Interrupt); err != nil {
		return err
	}
	defer p.stopper.close()
	p.outstanding = newOutstanding(p.interval, p.timeout)
	// One thread, so that the kernel finds the caches as it left them.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	pingers.Add(1)
	defer pingers.Add(-1)
	if err := p.run(ctx); err != nil {
		return err
	}
	return p.finish()
}

func (p *pinger) run(ctx context.Context) error {
	kind := ""
	if p.form.ping() {
		kind = ", by a ping socket"
	}
	if err := p.out(sdk.Row{Text: fmt.Sprintf("ping %s (%s): %d bytes of data%s", p.host, p.dst, len(p.packet)-8, kind)}); err != nil {
		return err
	}
	p.start = time.Now()
	due := p.start
	var a answer
	for {
		if p.asked.Load() {
			return ctx.Err() // nil after an interrupt: the summary comes
		}
		now := time.Now()
		if p.deadline > 0 && now.Sub(p.start) >= p.deadline {
			return nil
		}
		if p.flood && !now.Before(due) {
			p.credit = max(p.credit, 1) // answers are lost, or slow
		}
		for p.more() && (p.flood && p.credit > 0 || !p.flood && !now.Before(due)) {
			if err := p.request(); err != nil {
				return err
			}
			p.credit--
			if due = due.Add(p.interval); p.flood || due.Before(now) {
				due = now.Add(p.interval) // no burst after a delay
			}
		}
		got, err := p.drain(&a)
		if err != nil {
			return err
		}
		if err := p.expire(now); err != nil {
			return err
		}
		if !p.more() && p.waiting == 0 {
			return nil
		}
		if !got {
			if err := p.wait(now, due); err != nil {
				return err
			}
		}
	}
}

// more says whether there are requests to be sent.
func (p *pinger) more() bool { return p.count == 0 || p.last < p.count }

// request sends the next request. What the kernel refuses is an answer of sorts,
// unless it is the first: then nothing will go.
func (p *pinger) request() error {
	n := p.last + 1
	at, err := p.send(n)
	if err != nil && p.form.ping() {
		at, err = p.send(n) // a ping socket tells of an error that came back before
	}
	switch {
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.ENOBUFS):
		return p.poll(time.Millisecond, unix.POLLOUT) // the device's queue is full: a little later
	case err != nil && n == 1:
		return fmt.Errorf("cannot send: %w", err)
	}
	p.sent(at)
	if err == nil {
		return nil
	}
	p.settle(p.slot(n), failed)
	p.errors++
	return p.event("error", n, fmt.Sprintf("seq=%d cannot send: %v", n, err), sdk.Setting{Name: "error", Value: err.Error()})
}

// drain takes what has come, and says whether anything had.
func (p *pinger) drain(a *answer) (got bool, err error) {
	for range drainMost {
		ok, err := p.receive(a)
		if !ok && err == nil && p.form.ping() {
			ok, err = p.receiveError(a)
		}
		switch {
		case err != nil && p.form.ping():
			continue // the error that a request came back with: it is in the queue
		case err != nil:
			return got, fmt.Errorf("recvmsg: %w", err)
		case !ok:
			return got, nil
		}
		got = true
		if err := p.answer(a); err != nil {
			return got, err
		}
	}
	return got, nil
}

// expire gives up the requests that have waited too long.
func (p *pinger) expire(now time.Time) error {
	for {
		r := p.next()
		if r == nil || now.UnixNano()-r.sent < int64(p.timeout) {
			return nil
		}
		p.settle(r, overdue)
		p.credit = min(p.credit+1, floodWindow)
		if err := p.event("timeout", r.n, fmt.Sprintf("seq=%d no answer within %s", r.n, sdk.FormatDuration(p.timeout))); err != nil {
			return err
		}
	}
}

// wait waits for the next packet, the next request or the next timeout.
func (p *pinger) wait(now, due time.Time) error {
	switch {
	case p.flood && p.waiting > 0 && time.Since(now) < spin:
		return nil
	case !p.flood && p.interval < wakeful && pingers.Load() == 1:
		unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
		return nil
	}
	var d time.Duration
	switch {
	case p.more():
		d = time.Until(due)
	default:
		d = p.timeout
	}
	if r := p.next(); r != nil {
		d = min(d, time.Duration(r.sent+int64(p.timeout)-time.Now().UnixNano()))
	}
	if p.deadline > 0 {
		d = min(d, time.Until(p.start.Add(p.deadline)))
	}
	return p.poll(max(d, 0), unix.POLLIN)
}

func (p *pinger) poll(d time.Duration, events int16) error {
	return p.pollFor(d, []unix.PollFd{{Fd: int32(p.prober.fd), Events: events}, {Fd: int32(p.stopper.fd), Events: unix.POLLIN}})
}
