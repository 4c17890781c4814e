package repl

// recall walks through the history with the arrow keys. What was changed on the
// way is kept until the line is done.
type recall struct {
	history func() []string // the oldest first
	lines   []string        // of this line; nil before the first key
	at      int             // len(lines) is the line that is being typed
	changed map[int]string
}

func (r *recall) begin() { r.lines, r.changed = nil, nil }

func (r *recall) older(line string) (string, bool) { return r.move(line, -1) }
func (r *recall) newer(line string) (string, bool) { return r.move(line, 1) }

// move leaves line and returns the one before or behind it, if there is one.
func (r *recall) move(line string, by int) (string, bool) {
	if r.changed == nil {
		r.lines, r.changed = r.history(), map[int]string{}
		r.at = len(r.lines)
	}
	to := r.at + by
	if to < 0 || to > len(r.lines) {
		return "", false
	}
	r.changed[r.at] = line
	r.at = to
	if line, ok := r.changed[to]; ok {
		return line, true
	}
	if to == len(r.lines) {
		return "", true
	}
	return r.lines[to], true
}
