package journal

import "strconv"

// portOf is a socket that had a port.
type portOf struct {
	st    *stream
	field string
}

// vagrant are the ports that may be others the next time: those of the session's sockets
// that nobody had typed before they were there.
func (j *Journal) vagrant() map[uint16][]portOf {
	out := map[uint16][]portOf{}
	for _, st := range j.order {
		for _, p := range []struct {
			port  uint16
			field string
		}{{st.local, "local.port"}, {st.remote, "remote.port"}} {
			if p.port != 0 && !j.typedBy(p.port, st.known) {
				out[p.port] = append(out[p.port], portOf{st, p.field})
			}
		}
	}
	return out
}

// typedBy reports whether the number was typed up to that entry.
func (j *Journal) typedBy(port uint16, entry int) bool {
	number := strconv.Itoa(int(port))
	for n := j.dropped; n <= entry; n++ {
		if e := j.entry(n); e != nil && len(numberIn(e.unit.Text(), number)) > 0 {
			return true
		}
	}
	return false
}

// portAt is what gives the port at the time of an entry; false when its socket is gone.
func (w *writer) portAt(port uint16, n int) (string, bool) {
	for _, p := range w.ports[port] {
		st := p.st
		if st.born >= 0 && st.born < n && !st.job && w.stays(st.born) && (st.closed < 0 || st.closed >= n) {
			return "$(show " + st.name + " " + p.field + ")", true
		}
	}
	return "", false
}
