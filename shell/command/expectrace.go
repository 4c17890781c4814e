package command

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sosh-shell/sosh/core/expect"
	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/core/table"
	"github.com/sosh-shell/sosh/shell/render"
)

// race is an expect of several things at once: patterns on sockets of which one or
// all are wanted, a pattern that must not come, quiet, an end.
type race struct {
	c        *Call
	kind     patternKind
	pairs    []wantedPair
	not      string // a pattern that must not come; empty for none
	every    bool
	settle   time.Duration // quiet that decides; 0 for none
	end      error         // the end that is waited for: socket.Ended or socket.Reset; nil for none
	sources  []*raced
	entries  []racedEntry
	contest  *expect.Race
	arrivals int64
	watch    watch
}

// wantedPair is a socket and a pattern, as they were typed.
type wantedPair struct{ sock, pattern string }

// raced is one socket of a race.
type raced struct {
	s    *table.Socket
	t    *table.Turn
	fed  int // messages that the race has seen
	had  int // bytes that were unread at first
	err  error
	more fill
	next chan struct{} // asks for more
}

type racedEntry struct {
	source  int
	pattern *expect.Pattern
	matcher *expect.Matcher
	text    string
}

// arrivedAt is what one socket brought.
type arrivedAt struct {
	source int
	fresh  []byte
	err    error
}

// read takes the words after the flags apart.
func (r *race) read(args []string, any, eof, reset, not bool) error {
	switch {
	case any && r.every || eof && reset || (any || r.every) && (eof || reset):
		return r.c.usage("--any, --every, --eof and --reset exclude each other")
	case not && r.not == "":
		return r.c.usage("--not is empty")
	case any || r.every:
		if len(args)%2 != 0 {
			return r.c.usage("a pattern is missing after %s", args[len(args)-1])
		}
		for i := 0; i < len(args); i += 2 {
			r.pairs = append(r.pairs, wantedPair{args[i], args[i+1]})
		}
	case eof || reset:
		if len(args) > 1 {
			return r.c.usage("%q is one argument too many", args[1])
		}
		r.pairs = []wantedPair{{sock: args[0]}}
		if r.end = socket.Ended; reset {
			r.end = socket.Reset
		}
	case len(args) == 1 && not:
		r.pairs = []wantedPair{{sock: args[0]}}
	case len(args) == 2:
		r.pairs = []wantedPair{{args[0], args[1]}}
	case len(args) == 1:
		return r.c.usage("RE is missing")
	default:
		return r.c.usage("several pairs of socket and pattern need --any or --every")
	}
	return nil
}

// prepare finds the sockets and compiles the patterns.
func (r *race) prepare() error {
	add := func(word, pattern string) error {
		s, err := r.c.Session.socket("expect", word)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(r.sources, func(o *raced) bool { return o.s == s })
		if i < 0 {
			i = len(r.sources)
			r.sources = append(r.sources, &raced{s: s, next: make(chan struct{}, 1)})
		}
		if pattern == "" {
			return nil
		}
		p, err := r.c.compile(r.kind, pattern)
		if err == nil {
			r.entries = append(r.entries, racedEntry{source: i, pattern: p, text: pattern})
		}
		return err
	}
	for _, p := range r.pairs {
		if err := add(p.sock, p.pattern); err != nil {
			return err
		}
	}
	if r.not == "" {
		return nil
	}
	for i := range slices.Clone(r.sources) { // forbidden everywhere
		if err := add(r.sources[i].s.Name(), r.not); err != nil {
			return err
		}
	}
	return nil
}

// run takes the sockets' turns, in the order of their names, so that two of these
// never wait for each other.
func (r *race) run(ctx context.Context) error {
	order := slices.Clone(r.sources)
	slices.SortFunc(order, func(a, b *raced) int { return strings.Compare(a.s.Name(), b.s.Name()) })
	for _, o := range order {
		t, err := o.s.Read(ctx)
		if err != nil {
			return err
		}
		defer t.Done()
		o.t, o.more = t, t.Fill
		if o.s.Messages() {
			o.more = o.message
		}
	}
	wants := len(r.entries)
	if r.not != "" {
		wants -= len(r.sources)
	}
	var entries []expect.Entry
	for i := range r.entries {
		e := &r.entries[i]
		o := r.sources[e.source]
		before := -1
		if !o.s.Messages() {
			before = o.t.Before()
		}
		e.matcher = e.pattern.Matcher(before)
		entries = append(entries, expect.Entry{Source: e.source, Matcher: e.matcher, Messages: o.s.Messages(), Forbid: i >= wants})
	}
	r.contest = expect.NewRace(entries...)
	for i, o := range r.sources { // what is there came before all that comes
		if !o.s.Messages() {
			o.had = len(o.t.Unread())
			r.contest.Feed(i, o.t.Unread(), r.arrivals)
		}
		for _, m := range o.t.UnreadMessages() {
			r.contest.Feed(i, m.Data, r.arrivals)
			o.fed++
		}
	}
	return r.conclude(r.await(ctx))
}

// await feeds the race until it is decided, and returns why it is not.
func (r *race) await(ctx context.Context) error {
	if r.decided() {
		return nil
	}
	reading, stop := context.WithCancel(ctx)
	events, over := make(chan arrivedAt), make(chan struct{})
	var readers sync.WaitGroup
	defer func() {
		stop()
		close(over)
		readers.Wait()
	}()
	for i, o := range r.sources {
		o.next <- struct{}{}
		readers.Go(func() { o.read(reading, i, events, over) })
	}
	var quiet <-chan time.Time
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	if r.settle > 0 {
		timer.Reset(r.settle)
		quiet = timer.C
	}
	left := len(r.sources)
	for {
		select {
		case a := <-events:
			o := r.sources[a.source]
			r.arrivals++
			if a.err != nil {
				left--
				o.err = a.err
				if errors.Is(a.err, socket.Timeout) || errors.Is(a.err, socket.Interrupted) {
					return a.err
				}
				r.contest.End(a.source, r.arrivals)
			} else {
				r.contest.Feed(a.source, a.fresh, r.arrivals)
			}
			if r.settle > 0 { // also after a quiet that had nothing to decide
				timer.Reset(r.settle)
				quiet = timer.C
			}
			if r.decided() {
				return nil
			}
			if left == 0 {
				return a.err
			}
			if a.err == nil {
				o.next <- struct{}{}
			}
		case <-quiet:
			r.contest.Settle()
			if r.decided() {
				return nil
			}
			quiet = nil
		}
	}
}

// read brings what comes, each time it is asked to, until the race is over.
func (o *raced) read(ctx context.Context, source int, events chan<- arrivedAt, over <-chan struct{}) {
	for {
		select {
		case <-o.next:
		case <-over:
			return
		}
		a := arrivedAt{source: source}
		a.fresh, a.err = o.more(ctx)
		select {
		case events <- a:
		case <-over:
			return
		}
		if a.err != nil {
			return
		}
	}
}

// message is the next message that the race has not seen.
func (o *raced) message(ctx context.Context) ([]byte, error) {
	m, err := o.t.Message(ctx, o.fed)
	o.fed++
	return m.Data, err
}

// standing is how the race stands.
func (r *race) standing() (expect.Standing, expect.Finish, bool) {
	if r.every {
		return r.contest.Every()
	}
	return r.contest.Any()
}

// decided reports whether no more can change the outcome.
func (r *race) decided() bool {
	st, _, ok := r.standing()
	if r.end != nil { // then a match of a forbidden pattern decides, or the end
		return st == expect.Forbidden || slices.ContainsFunc(r.sources, func(o *raced) bool { return o.err != nil })
	}
	return ok || st != expect.Open
}

// conclude makes the outcome of how the race stands; err is why it stopped early.
func (r *race) conclude(err error) error {
	st, f, ok := r.standing()
	switch {
	case st == expect.Forbidden:
		e := r.entries[f.Index]
		have := r.have(e, f)
		m, _ := e.matcher.Match()
		return r.report(&socket.Error{Op: "expect", Place: r.sources[e.source].s.Place() + " --not '" + brief(e.text) + "'",
			Err: errors.New("it came: " + preview(have[m.Groups[0].Start:m.Groups[0].End]))})
	case r.end != nil:
		return r.ended(err)
	case st == expect.Found && ok:
		return r.found(f)
	case st == expect.Found:
		return nil // nothing forbidden came
	}
	return r.failed(err)
}

// ended is the outcome of waiting for an end.
func (r *race) ended(err error) error {
	o := r.sources[0]
	if o.err != nil {
		err = o.err
	}
	if errors.Is(err, r.end) {
		return nil
	}
	what := "--eof"
	if errors.Is(r.end, socket.Reset) {
		what = "--reset"
	}
	return r.report(&socket.Error{Op: "expect", Place: o.s.Place() + " " + what, Err: err, Hint: r.arrived()})
}

// have is what the entry's match was found in.
func (r *race) have(e racedEntry, f expect.Finish) []byte {
	o := r.sources[e.source]
	if o.s.Messages() {
		return o.t.UnreadMessages()[f.Message].Data
	}
	return o.t.Unread()
}

// found sets the variables of the match that decided, and consumes: what won, or
// with --every what each has matched.
func (r *race) found(f expect.Finish) error {
	e := r.entries[f.Index]
	m, _ := e.matcher.Match()
	x := expectation{c: r.c, s: r.sources[e.source].s, t: r.sources[e.source].t, p: e.pattern, hex: r.kind.hex, text: e.text, index: f.Index}
	if err := x.found(r.have(e, f), m, nil); err != nil {
		return err
	}
	consume := map[int]int{}
	for _, g := range r.contest.Finishes() {
		w := r.entries[g.Index]
		if g.Index != f.Index && !r.every {
			continue
		}
		n := g.Message + 1
		if !r.sources[w.source].s.Messages() {
			m, _ := w.matcher.Match()
			n = int(m.Groups[0].End)
		}
		consume[w.source] = max(consume[w.source], n)
	}
	for i, n := range consume {
		if o := r.sources[i]; o.s.Messages() {
			o.t.Drop(n)
		} else {
			o.t.Consume(n)
		}
	}
	return nil
}

// failed tells what had arrived on each socket.
func (r *race) failed(err error) error {
	var place []string
	for _, p := range r.pairs {
		place = append(place, p.sock+" '"+p.pattern+"'")
	}
	for _, o := range r.sources { // an end that no match survived says more than the time
		if o.err != nil && (err == nil || !errors.Is(err, socket.Timeout)) {
			err = o.err
		}
	}
	if err == nil {
		err = errors.New("no match can come any more")
	}
	return r.report(&socket.Error{Op: "expect", Place: brief(strings.Join(place, " ")), Err: err, Hint: r.arrived()})
}

func (r *race) arrived() string {
	var out []string
	for _, o := range r.sources {
		text := nothingCame(o.s)
		switch n, list := len(o.t.Unread()), o.t.UnreadMessages(); {
		case len(list) > 0:
			text = plural(len(list), "message") + ", the last " + preview(list[len(list)-1].Data)
		case n > 0:
			text = plural(n, "byte") + ", " + preview(o.t.Unread())
		}
		out = append(out, o.s.Name()+": "+text)
	}
	return strings.Join(out, "; ")
}

// settleTime reads --settle.
func settleTime(c *Call, text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := render.ParseDuration(text)
	if err == nil && (d.None || d.D <= 0) {
		err = c.usage("--settle %s: a time above 0", text)
	}
	return d.D, err
}
