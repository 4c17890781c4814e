package command

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sosh-shell/sosh/core/expect"
	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/core/table"
	"github.com/sosh-shell/sosh/shell/render"
)

// failure is an expect that failed. It reads as any error does, a line and a
// hint; a script gets the report instead of the hint, as nobody is there who
// could look at the socket.
type failure struct {
	fault  *socket.Error
	report []string // lines, escaped
}

func (f *failure) Error() string { return f.fault.Error() }
func (f *failure) Unwrap() error { return f.fault }

// Bounds of a report.
const (
	reportPairs   = 8   // patterns that are told, and searched for how near they came
	reportSockets = 4   // whose bytes are shown
	reportText    = 200 // bytes that are shown as text
	reportDump    = 96  // and in hex
	reportPattern = 200 // bytes of a pattern
)

// watch is how long a step has waited, and might.
type watch struct {
	began time.Time
	limit render.Duration
}

// watch begins a step: with it comes the time that ctx gets for it.
func (s *Session) watch(limit render.Duration) watch {
	if !limit.Set {
		limit = s.Limit
	}
	return watch{time.Now(), limit}
}

func (w watch) String() string {
	took := time.Since(w.began).Round(time.Millisecond)
	switch {
	case w.limit.None || !w.limit.Set:
		return took.String() + ", without a limit"
	case w.limit.D == 0:
		return "not at all: only what was there counts (--timeout 0)"
	}
	return took.String() + " of " + w.limit.D.String()
}

// report collects the lines of a failure.
type report struct {
	lines []string
	label string // of the last line
}

// add adds a line. A label that is the last line's is not written again.
func (r *report) add(label, text string) {
	shown := label
	if label == r.label {
		shown = ""
	}
	r.label = label
	r.lines = append(r.lines, fmt.Sprintf("%-9s %s", shown, render.Line(text)))
}

// data shows the last of what arrived, as text and in hex; offset is where it
// begins, counted from the cursor.
func (r *report) data(label string, p []byte, offset int) {
	if len(p) == 0 {
		return
	}
	text := p
	if len(p) > reportText {
		text = p[len(p)-reportText:]
		label = fmt.Sprintf("%-9s ...", label)
	} else {
		label = fmt.Sprintf("%-9s ", label)
	}
	r.lines = append(r.lines, label+render.Quote(text))
	from := max(0, (len(p)-reportDump+15)&^15)
	r.lines = append(r.lines, render.Dump(p[from:], offset+from)...)
	r.label = ""
}

// fail makes the failure. A hint that the cause brought is kept; err may be nil
// in fault.
func (r *report) fail(fault *socket.Error, cause string) error {
	if cause != "" {
		r.lines = append([]string{render.Line(cause)}, r.lines...)
	}
	return &failure{fault, r.lines}
}

// shortened is a pattern as it was typed, cut where it is very long.
func shortened(pattern string) string {
	if len(pattern) <= reportPattern {
		return pattern
	}
	return strings.ToValidUTF8(pattern[:reportPattern], "") + "..."
}

// arrived tells how much of a stream is unread, and how much of that came while
// the step waited.
func arrived(n, before int) string {
	switch {
	case n == 0:
		return "nothing"
	case before >= n:
		return plural(n, "byte") + ", unread; nothing came while it waited"
	case before == 0:
		return plural(n, "byte") + ", unread"
	}
	return fmt.Sprintf("%s, unread: %d before, %d while it waited", plural(n, "byte"), before, n-before)
}

// nearest tells how far a pattern got in a stream; m has seen all of have.
// Without a word about the bytes where nothing of them fits.
func nearest(p *expect.Pattern, m *expect.Matcher, before int, have []byte) (text string, ok bool) {
	if found, ok := m.Match(); ok {
		g := found.Groups[0]
		return fmt.Sprintf("found: %s at byte %d", piece(have[g.Start:g.End]), g.Start), true
	}
	pending, waits := m.Pending()
	if waits && pending.Complete {
		g := pending.Match.Groups[0]
		return fmt.Sprintf("%s at byte %d would be a match, but is not final: it waits for %s", piece(have[g.Start:g.End]), g.Start, pending.Waits), true
	}
	miss, ok := p.Nearest(before, have)
	switch {
	case ok:
		return missText(miss, have), true
	case waits: // it began before what was searched
		return fmt.Sprintf("what began at byte %d waits for %s", pending.Match.Groups[0].Start, pending.Waits), true
	}
	return "none: a match begins with " + p.Begins(), false
}

// missText tells of a miss in what was searched.
func missText(miss expect.Miss, in []byte) string {
	text := fmt.Sprintf("%s at byte %d, then %s is wanted", piece(in[miss.Start:miss.End]), miss.Start, miss.Wants)
	if miss.Open {
		return text
	}
	came := in[miss.End:min(len(in), int(miss.End)+1)]
	return text + ", not " + render.Quote(came)
}

// piece quotes what may be long: its beginning and its end.
func piece(p []byte) string {
	if len(p) <= 2*previewSize {
		return render.Quote(p)
	}
	return render.Quote(p[:previewSize]) + "..." + render.Quote(p[len(p)-previewSize:])
}

// nearestMessage tells how far a pattern got in one of the messages.
func nearestMessage(p *expect.Pattern, list []socket.Message) string {
	data := make([][]byte, len(list))
	for i, m := range list {
		data[i] = m.Data
	}
	at, best, ok := p.NearestMessage(data)
	if !ok {
		return "none: a match begins with " + p.Begins()
	}
	end := ""
	if best.Open {
		end = ", and the message ends"
	}
	return fmt.Sprintf("in message %d: %s%s", at+1, missText(best, list[at].Data), end)
}

// messages tells what messages are unread, and shows the last.
func (r *report) messages(s *table.Socket, on string, list []socket.Message, near func()) {
	if len(list) == 0 {
		r.add("arrived", on+nothingCame(s))
		return
	}
	r.add("arrived", on+plural(len(list), "message")+", unread")
	near()
	last := list[len(list)-1]
	from := ""
	if !last.Peer.IsZero() {
		from = " from " + last.Peer.Text(s.Description().Address)
	}
	r.add("the last", plural(len(last.Data), "byte")+from)
	r.data("text", last.Data, 0)
}

// causeHint is the hint that an error brings.
func causeHint(err error) string {
	var e *socket.Error
	if errors.As(err, &e) {
		return e.Hint
	}
	return ""
}
