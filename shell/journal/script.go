package journal

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sosh-shell/sosh/shell/render"
	"github.com/sosh-shell/sosh/shell/vary"
)

// Options are how a script is written.
type Options struct {
	Exact  bool // what arrived is awaited as it was
	Timing bool // the waits between what was typed are kept
	Dir    string
	Now    time.Time
	Jobs   []Job // that run, or have ended and were not waited for
}

// Job is a job of the shell at the time of saving.
type Job struct {
	Text          string
	Running, Fine bool // it runs; it ended well
}

// Header is how every saved script begins.
const Header = "#!/usr/bin/env sosh\n# Saved by sosh on "

// Script is what was done, as a script.
func (j *Journal) Script(o Options) string {
	j.decode()
	j.look()
	j.mu.Lock()
	defer j.mu.Unlock()
	w := &writer{j: j, o: o, blocks: map[int][]*block{}, typed: map[int]*typed{}, ports: j.vagrant()}
	w.maker.Ports = map[uint16]bool{}
	for p := range w.ports {
		w.maker.Ports[p] = true
	}
	for _, st := range j.order {
		w.place(st)
	}
	for _, list := range w.blocks {
		slices.SortStableFunc(list, func(a, b *block) int { return a.first.Compare(b.first) })
	}
	w.inUse = w.matchUses()
	w.header()
	for n := j.dropped; n <= j.now(); {
		n = w.line(n)
	}
	w.jobs()
	return w.out.String()
}

// writer is one script in the making.
type writer struct {
	j         *Journal
	o         Options
	maker     vary.Maker
	blocks    map[int][]*block // by the entry that they stand behind
	typed     map[int]*typed
	ports     map[uint16][]portOf
	clock     time.Time // of the last thing that was written
	inUse     []bool    // by entry, whether its match is used later
	explained bool      // how a match stays
	out       strings.Builder
}

func (w *writer) print(format string, args ...any) { fmt.Fprintf(&w.out, format+"\n", args...) }

// comment writes lines that do nothing.
func (w *writer) comment(text string) {
	for _, line := range strings.Split(text, "\n") {
		w.print("# %s", render.Line(line))
	}
}

func (w *writer) header() {
	w.out.WriteString(Header + w.o.Now.Format(time.RFC1123Z) + ": what was typed at the prompt, and what arrived.\n")
	if w.o.Dir != "" {
		w.comment("Typed in " + w.o.Dir + ".")
	}
	if n := w.j.dropped; n > 0 {
		w.comment(fmt.Sprintf("The first %d statements are not kept any more: this is not the whole.", n))
	}
	if w.j.strange {
		w.comment(fmt.Sprintf("There were more than %d sockets: what came to the last ones is not awaited.", maxStreams))
	}
	w.print("")
}

// read is the code of an entry.
func (w *writer) read(n int) *typed {
	t := w.typed[n]
	if t == nil {
		t = readTyped(w.j.entry(n).unit.Text())
		w.typed[n] = t
	}
	return t
}

// secret reports whether a line is to be forgotten, as the history does.
func (e *entry) secret() bool { return strings.HasPrefix(e.unit.Line, " ") }

// stays reports whether the entry stands in the script.
func (w *writer) stays(n int) bool {
	e := w.j.entry(n)
	if e == nil || !e.over || e.status != 0 || e.secret() {
		return false
	}
	t := w.read(n)
	return !t.looksOnly() && !t.receives()
}

// line writes the entries of one typed line, from the n-th, and what came after them.
// It returns the number of the next line's first.
func (w *writer) line(n int) int {
	end := n + 1
	for end <= w.j.now() && w.j.entry(end).line == w.j.entry(n).line {
		end++
	}
	whole := end-n > 1
	for k := n; k < end; k++ {
		whole = whole && w.stays(k) && !w.guarded(k) && (k == end-1 || len(w.blocks[k]) == 0)
	}
	if !whole {
		for k := n; k < end; k++ {
			w.entry(k)
			w.arrivals(k)
		}
		return end
	}
	var all []edit
	for k := n; k < end; k++ {
		for _, e := range w.edits(k) {
			from := w.j.entry(k).unit.From
			all = append(all, edit{e.from + from, e.to + from, e.text})
		}
	}
	w.pause(w.j.entry(n).begun)
	w.print("%s", edited(w.j.entry(n).unit.Line, all))
	w.pass(w.j.entry(end - 1).ended)
	w.arrivals(end - 1)
	return end
}

// guarded reports whether something failed in it without ending it, as it would end a
// script.
func (w *writer) guarded(n int) bool { return w.j.entry(n).inner && w.read(n).failsInside() }

// entry writes one statement, or says why it is none.
func (w *writer) entry(n int) {
	e := w.j.entry(n)
	text := e.unit.Text()
	switch {
	case e.secret():
		w.comment("A line that began with a blank is left out, and what came after it.")
		w.blocks[n] = nil
	case !e.over:
		if !w.read(n).looksOnly() {
			w.comment("Under way when this was saved: " + text)
		}
	case e.status != 0:
		told := ""
		if e.told != "" {
			told = ": " + e.told
		}
		w.comment(text + "\n  failed, status " + strconv.Itoa(e.status) + told)
	case w.stays(n):
		w.pause(e.begun)
		edits := w.edits(n)
		if w.guarded(n) {
			w.print("set +e # a command of the next one failed, and it went on")
		}
		w.print("%s", edited(text, edits))
		if w.guarded(n) {
			w.print("set -e")
		}
		w.pass(e.ended)
	}
}

// pass moves the clock of what was written.
func (w *writer) pass(t time.Time) {
	if t.After(w.clock) {
		w.clock = t
	}
}

// leastPause is the shortest wait that is kept.
const leastPause = 10 * time.Millisecond

// pause keeps the wait before what happened at t.
func (w *writer) pause(t time.Time) {
	if d := t.Sub(w.clock); w.o.Timing && !w.clock.IsZero() && d >= leastPause {
		w.print("sleep %.3f", d.Seconds())
	}
}

// slow is from when on a wait is longer than scripts wait.
const slow = 3 * time.Second

// limit is the time for a wait that took d: at least the usual one.
func limit(d time.Duration) string {
	return "--timeout " + strconv.Itoa(max(10, int(math.Ceil(3*d.Seconds())))) + "s"
}

// edits are what must change of an entry so that it does the same again.
func (w *writer) edits(n int) []edit {
	t, e := w.read(n), w.j.entry(n)
	t.edits = nil
	if c := t.only("open", "accept"); c != nil && !t.has(c, "-n", "--name", "--each") {
		if born := w.bornIn(n); len(born) == 1 {
			t.add(c, "-n "+born[0].name)
		}
	}
	if d := e.ended.Sub(e.begun); d > slow && len(t.calls) == 1 {
		c := t.calls[0]
		if slices.Contains([]string{"open", "connect", "accept", "recv", "expect", "wrap"}, name(c)) && !t.has(c, "--timeout", "--each") {
			t.add(c, limit(d))
		}
	}
	if c := t.only("recv"); c != nil && t.reads(c) {
		if words := w.amount(n); words != "" {
			t.add(c, words)
		}
	}
	for port := range w.ports {
		if len(numberIn(t.text, strconv.Itoa(int(port)))) > 0 {
			if x, ok := w.portAt(port, n); ok {
				t.replacePort(port, x)
			}
		}
	}
	return t.edits
}

// bornIn are the sockets that an entry made.
func (w *writer) bornIn(n int) (list []*stream) {
	for _, st := range w.j.order {
		if st.born == n && !st.job {
			list = append(list, st)
		}
	}
	return list
}

// amount makes a recv that took what one read gave take the same again: up to the end
// of the same text, or as many bytes.
func (w *writer) amount(n int) string {
	var of *stream
	var took take
	for _, st := range w.j.order {
		for _, t := range st.takes {
			if t.entry == n && !t.job {
				if of != nil {
					return ""
				}
				of, took = st, t
			}
		}
	}
	if of == nil {
		return ""
	}
	var data []byte
	for _, p := range of.pieces {
		if p.message && p.end > took.from && p.start < took.to {
			return ""
		}
		from, to := max(p.start, took.from), min(p.end, took.to)
		if from < to && !p.gone && to-p.start <= int64(len(p.head)) {
			data = append(data, p.head[from-p.start:to-p.start]...)
		}
	}
	const most = 2 << 10
	if n := took.to - took.from; int64(len(data)) != n || n > most || binary(data) || data[n-1] != '\n' {
		return "--bytes " + strconv.FormatInt(n, 10)
	}
	p, _ := w.pattern(data)
	return `--until '\A` + p + "'"
}

// jobs says what becomes of jobs at the script's end.
func (w *writer) jobs() {
	running, failed := 0, 0
	for _, job := range w.o.Jobs {
		if job.Running {
			running++
			w.comment("Ran when this was saved, and ends with the script: " + job.Text)
		} else if !job.Fine {
			failed++
		}
	}
	switch {
	case len(w.o.Jobs) == 0 || running > 0:
	case failed > 0:
		w.print("wait || :")
	default:
		w.print("wait")
	}
}
