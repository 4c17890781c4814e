package icmpraw

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"strconv"
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
)

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

// answer judges one packet that has our id.
func (p *pinger) answer(a *answer) error {
	if !a.reply {
		return p.failure(a)
	}
	if a.from != p.dst.WithZone("") && !p.dst.IsMulticast() || !p.matches(a) {
		p.unmatched++
		return nil
	}
	r, n := p.requested(a)
	switch {
	case r == nil && n == 0:
		p.unmatched++
		return nil
	case r == nil:
		p.late++ // ours, and forgotten: the time is not known any more
		return p.event("late", n, fmt.Sprintf("%d bytes from %s: seq=%d, long after its time", a.length, a.from, n), p.facts(a)...)
	}
	if !p.intact(a, r.n) {
		p.corrupted++
		return p.event("corrupted", r.n, fmt.Sprintf("%d bytes from %s: seq=%d corrupted: %s", a.length, a.from, r.n, p.damage(a, r.n)),
			p.facts(a)...)
	}
	rtt := max(time.Duration(a.at-r.sent), 0)
	name, mark := "reply", ""
	switch r.state {
	case pending:
	case overdue, failed:
		p.late++
		name, mark = "late", " (late)"
	default:
		p.duplicates++
		name, mark = "duplicate", " (duplicate)"
	}
	if name != "duplicate" {
		p.received++
		p.times.add(rtt)
		p.settle(r, answered)
		p.credit = min(p.credit+1, floodWindow)
	}
	if p.quiet {
		return nil
	}
	text := fmt.Sprintf("%d bytes from %s: seq=%d%s time=%s ms%s", a.length, a.from, r.n, hops(a.ttl), millis(rtt), mark)
	return p.event(name, r.n, text, append(p.facts(a), sdk.Setting{Name: "time", Value: exact(rtt)})...)
}

// requested is the request that a reply with our content answers; nil and its number
// when it is forgotten, nil and 0 when there was none.
func (p *pinger) requested(a *answer) (*request, uint64) {
	if p.counted && len(a.data) >= nonceSize+counterSize {
		n := binary.BigEndian.Uint64(a.data[nonceSize:])
		if n > 0 && n <= p.last && uint16(n) == a.seq {
			return p.numbered(n), n
		}
	}
	return p.find(a.seq), 0
}

func hops(ttl int) string {
	if ttl < 0 {
		return ""
	}
	return " ttl=" + strconv.Itoa(ttl)
}

// failure is an error that came back for a request. A redirect and a source quench
// fail nothing: the request went on.
func (p *pinger) failure(a *answer) error {
	r := p.find(a.seq)
	if r == nil || !p.matches(a) || a.dst.IsValid() && a.dst != p.dst.WithZone("") {
		p.unmatched++
		return nil
	}
	what := p.form.types().describe(a.typ, a.code)
	if word := p.form.types().of(a.typ).word; word == "packet-too-big" || word == "unreachable" && !p.form.ip6() && a.code == 4 {
		what += fmt.Sprintf(", at most %d bytes", mtuOf(p.form, a.info))
	}
	if final := p.form.ip6() || a.typ != 4 && a.typ != 5; final {
		if r.state == pending || r.state == overdue {
			p.errors++
		}
		if r.state != answered {
			p.settle(r, failed)
		}
	}
	return p.event("error", r.n, fmt.Sprintf("from %s: seq=%d %s", a.from, r.n, what),
		append(p.facts(a), sdk.Setting{Name: "error", Value: what})...)
}

// mtuOf is the MTU in an error: a raw packet has it in the header's last two bytes,
// and the error queue in all four.
func mtuOf(f form, info uint32) uint32 {
	if f == raw4 {
		return info & 0xffff
	}
	return info
}

func (p *pinger) facts(a *answer) []sdk.Setting {
	s := []sdk.Setting{{Name: "from", Value: a.from.String()}, {Name: "bytes", Value: strconv.Itoa(a.length)}}
	if a.ttl >= 0 {
		s = append(s, sdk.Setting{Name: "ttl", Value: strconv.Itoa(a.ttl)})
	}
	return s
}

// damage says where a reply differs.
func (p *pinger) damage(a *answer, n uint64) string {
	switch want := len(p.packet) - 8; {
	case len(a.data) != want:
		return fmt.Sprintf("%d bytes of data instead of %d", len(a.data), want)
	case a.badSum:
		return "the checksum is wrong"
	}
	for i, c := range a.data {
		want := p.packet[8+i]
		if p.counted && i >= nonceSize && i < nonceSize+counterSize {
			want = byte(n >> (8 * (nonceSize + counterSize - 1 - i)))
		}
		if c != want {
			return fmt.Sprintf("byte %d is %#02x instead of %#02x", i, c, want)
		}
	}
	return "its number is another's"
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
	if p.flood && p.waiting > 0 && time.Since(now) < spin {
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

// event is one row about a request.
func (p *pinger) event(name string, n uint64, text string, facts ...sdk.Setting) error {
	if p.quiet {
		return nil
	}
	fields := append([]sdk.Setting{{Name: "event", Value: name}, {Name: "seq", Value: strconv.FormatUint(n, 10)}}, facts...)
	return p.out(sdk.Row{Text: text, Fields: fields})
}
