package host

import (
	"bytes"
	"regexp"
	"strings"
	"sync"
)

const (
	ringLines = 500  // lines kept of each plugin
	ringWidth = 1024 // bytes kept of each line
)

// ring keeps the last lines that a plugin printed, however much it prints.
type ring struct {
	name string
	sink func(string)
	pace *pace

	mu   sync.Mutex
	kept []string
	next int // the oldest, once there are ringLines
	all  int // lines ever added
}

func newRing(name string, sink func(string)) *ring {
	return &ring{name: name, sink: sink, pace: newPace(paceBurst, paceRate)}
}

func (r *ring) add(line string) {
	line = line[:min(len(line), ringWidth)]
	r.mu.Lock()
	r.all++
	if len(r.kept) < ringLines {
		r.kept = append(r.kept, line)
	} else {
		r.kept[r.next] = line
		r.next = (r.next + 1) % ringLines
	}
	r.mu.Unlock()
	r.sink(r.name + ": " + line)
}

func (r *ring) lines() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append(append([]string(nil), r.kept[r.next:]...), r.kept[:r.next]...)
}

// reason begins a line that says why a program ended, where a stack or notes follow: of
// Go, of Node.js, of Python, of Java.
var reason = regexp.MustCompile(`^(panic: |fatal error: |(Uncaught )?[\w.]*(Error|Exception)\b.*: )`)

// reasonOf is the line that tells most of why a program ended, "" where there is none.
func reasonOf(lines []string) string {
	words := ""
	for _, line := range lines {
		if strings.TrimSpace(line) != "" && (!reason.MatchString(words) || reason.MatchString(line)) {
			words = line
		}
	}
	return strings.ToValidUTF8(words[:min(len(words), maxWords)], "")
}

// count is the number of lines so far.
func (r *ring) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all
}

// since returns those lines, of the ones that are kept, that came after the first n.
func (r *ring) since(n int) []string {
	lines := r.lines()
	return lines[max(0, len(lines)-(r.count()-n)):]
}

// writer cuts one of the plugin's outputs into lines. It takes them at the plugin's
// pace until over is closed: a plugin that prints faster waits. For one goroutine.
func (r *ring) writer(over <-chan struct{}) *lineWriter { return &lineWriter{ring: r, over: over} }

type lineWriter struct {
	ring *ring
	over <-chan struct{}
	part []byte
}

func (w *lineWriter) Write(p []byte) (int, error) {
	n := len(p)
	w.ring.pace.wait(n, w.over)
	for {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			break
		}
		w.put(p[:i])
		w.flush()
		p = p[i+1:]
	}
	w.put(p)
	return n, nil
}

// put keeps no more of a line than the ring will.
func (w *lineWriter) put(p []byte) {
	w.part = append(w.part, p[:min(len(p), ringWidth-len(w.part))]...)
}

func (w *lineWriter) flush() {
	if len(w.part) > 0 {
		w.ring.add(string(w.part))
		w.part = w.part[:0]
	}
}
