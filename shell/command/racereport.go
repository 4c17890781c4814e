package command

import (
	"errors"
	"fmt"

	"github.com/sosh-shell/sosh/core/socket"
)

// report is the failure with what was wanted, and of each socket what had arrived
// and how near it came.
func (r *race) report(fault *socket.Error) error {
	var out report
	several := len(r.sources) > 1
	label := "wanted"
	if several && r.end == nil {
		out.add(label, map[bool]string{true: "every one of", false: "any one of"}[r.every])
	}
	for i, p := range r.pairs {
		switch {
		case p.pattern == "": // an end, or quiet
		case i == reportPairs:
			out.add(label, fmt.Sprintf("... %d more", len(r.pairs)-i))
		case i < reportPairs:
			out.add(label, p.sock+": "+shortened(p.pattern))
		}
	}
	switch {
	case errors.Is(r.end, socket.Ended):
		out.add(label, "the end of the stream")
	case errors.Is(r.end, socket.Reset):
		out.add(label, "a reset")
	}
	if r.not != "" {
		out.add("not", shortened(r.not))
	}
	if r.settle > 0 {
		out.add("settle", r.settle.String())
	}
	out.add("waited", r.watch.String())
	for i, o := range r.sources {
		if i == reportSockets {
			out.add("arrived", fmt.Sprintf("... on %d more", len(r.sources)-i))
			break
		}
		if o.t != nil {
			r.source(&out, i, several)
		}
	}
	return out.fail(fault, causeHint(fault.Err))
}

// source tells of one socket.
func (r *race) source(out *report, i int, named bool) {
	o := r.sources[i]
	on := ""
	if named {
		on = o.s.Name() + ": "
	}
	near := func() {
		told := 0
		for n, e := range r.entries {
			if e.source != i || told == reportPairs {
				continue
			}
			told++
			text := ""
			if o.s.Messages() {
				text = r.nearestMessage(n, o.t.UnreadMessages())
			} else {
				text, _ = nearest(e.pattern, e.matcher, o.t.Before(), o.t.Unread())
			}
			if r.patternsOn(i) > 1 {
				text = brief(e.text) + ": " + text
			}
			out.add("nearest", text)
		}
	}
	if o.s.Messages() {
		out.messages(o.s, on, o.t.UnreadMessages(), near)
		return
	}
	have := o.t.Unread()
	out.add("arrived", on+arrived(len(have), o.had))
	if len(have) > 0 {
		near()
		out.data("text", have, 0)
	}
}

// nearestMessage tells how far the pattern of an entry got, which may have matched.
func (r *race) nearestMessage(entry int, list []socket.Message) string {
	e := r.entries[entry]
	for _, f := range r.contest.Finishes() {
		if m, ok := e.matcher.Match(); ok && f.Index == entry {
			g := m.Groups[0]
			return fmt.Sprintf("found: in message %d: %s at byte %d", f.Message+1, piece(list[f.Message].Data[g.Start:g.End]), g.Start)
		}
	}
	return nearestMessage(e.pattern, list)
}

// patternsOn is how many patterns are looked for on a socket.
func (r *race) patternsOn(source int) (n int) {
	for _, e := range r.entries {
		if e.source == source {
			n++
		}
	}
	return n
}
