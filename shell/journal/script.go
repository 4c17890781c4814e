package journal

import (
	"fmt"
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
	return j.write(o)
}

// write writes what is known; called with mu held.
func (j *Journal) write(o Options) string {
	w := &writer{j: j, o: o, blocks: map[int][]*block{}, typed: map[int]*typed{}, ports: j.vagrant(), taken: j.index(), left: map[int]bool{}}
	w.maker.Ports = map[uint16]bool{}
	for p := range w.ports {
		w.maker.Ports[p] = true
	}
	for _, st := range j.order {
		if !st.job && st.closed != st.born {
			w.left[st.born] = true
		}
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
	taken     map[int][]taken
	left      map[int]bool // entries that made sockets and left them open
	plain     bool         // errexit is off here
	inUse     []bool       // by entry, whether its match is used later
	explained bool         // how a match stays
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
	if e == nil || !e.over || e.status != 0 && !w.left[n] || e.secret() {
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
	for k := n; k < end; k++ {
		if on, set := w.read(k).errexit(); set {
			w.plain = !on
		}
	}
	w.pass(w.j.entry(end - 1).ended)
	w.arrivals(end - 1)
	return end
}

// guarded reports whether the entry would end a script, as it failed but left sockets
// behind, or as something failed in it without ending it.
func (w *writer) guarded(n int) bool {
	e := w.j.entry(n)
	return e.status != 0 || e.inner && w.read(n).failsInside()
}

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
	case e.status != 0 && !w.stays(n):
		told := ""
		if e.told != "" {
			told = ": " + e.told
		}
		w.comment(text + "\n  failed, status " + strconv.Itoa(e.status) + told)
	case w.stays(n):
		w.pause(e.begun)
		edits := w.edits(n)
		guard := w.guarded(n) && !w.plain
		switch {
		case guard && e.status != 0:
			w.print("set +e # the next one failed, but its socket stayed")
		case guard:
			w.print("set +e # a command of the next one failed, and it went on")
		}
		w.print("%s", edited(text, edits))
		if on, set := w.read(n).errexit(); set {
			w.plain = !on
		}
		if guard && !w.plain {
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

// jobs says what becomes of jobs at the script's end.
func (w *writer) jobs() {
	running, failed := 0, 0
	open := w.open()
	for _, job := range w.o.Jobs {
		if job.Running {
			running++
			if open(job.Text) {
				w.comment("Ran when this was saved, and ends with the script: " + job.Text)
			} else {
				w.comment("A job ran when this was saved, whose command is left out.")
			}
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

// open returns what tells whether a job's command stands in a line that is no secret. A
// job's text is its code as the language prints it: blanks and separators may be others.
func (w *writer) open() func(text string) bool {
	bare := strings.NewReplacer(" ", "", "\t", "", "\n", "", "\\\n", "", ";", "")
	var typed strings.Builder
	known := map[string]bool{}
	return func(text string) bool {
		told, ok := known[text]
		if ok {
			return told
		}
		if typed.Len() == 0 {
			for _, e := range w.j.entries {
				if !e.secret() {
					typed.WriteString(bare.Replace(e.unit.Text()) + "\n")
				}
			}
		}
		known[text] = strings.Contains(typed.String(), bare.Replace(text))
		return known[text]
	}
}
