// Package journal remembers what is done at a prompt, and what arrives meanwhile, and
// makes a script of it that does and awaits the same again.
//
// It neither reads a socket nor runs anything: the table tells it what comes and what
// is consumed, the language what was typed and how it ended. All that it keeps is
// bounded; what is too much it leaves out, the oldest first, and the script says so.
package journal

import (
	"context"
	"sync"
	"time"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/core/table"
)

// Bounds of what is remembered.
const (
	maxData    = 16 << 20 // of all that arrived, in bytes
	maxEntries = 10000    // statements
	maxStreams = 4096     // sockets
	maxHead    = 64 << 10 // of what came to one socket after one statement, its beginning
	maxTail    = 4 << 10  // and its end, in bytes
	maxRun     = 256      // messages to one socket after one statement
	maxPending = 64       // messages that wait to be taken apart
	pieceCost  = 200      // of one arrival beside its data, in bytes
)

// Journal is of one prompt. Its methods are safe for concurrent use; those of a nil
// Journal do nothing.
type Journal struct {
	mu      sync.Mutex
	entries []*entry // the oldest first
	dropped int      // entries that were too many; the number of the first that is kept
	lines   int      // that were typed

	streams map[*table.Socket]*stream
	order   []*stream // by age
	strange bool      // more sockets than are remembered

	kept    []*piece // those with data, the oldest first
	size    int      // what they cost, in bytes
	pending []*piece
}

var _ table.Journal = (*Journal)(nil)

// New returns an empty journal.
func New() *Journal { return &Journal{streams: map[*table.Socket]*stream{}} }

// entry is a statement that was typed.
type entry struct {
	unit   Unit
	line   int // the number of its line
	begun  time.Time
	ended  time.Time
	over   bool
	status int
	told   string // the last error that a command of it told
	inner  bool   // a command of it failed, whatever its status
}

// Unit is a part of a typed line that runs and fails by itself.
type Unit struct {
	Line     string // as it was typed
	From, To int    // the part of it, in bytes
}

// Text is what was typed of the unit.
func (u Unit) Text() string { return u.Line[u.From:u.To] }

// Begin tells that a unit begins to run; first says that its line does.
func (j *Journal) Begin(u Unit, first bool) {
	if j == nil {
		return
	}
	j.decode()
	j.mu.Lock()
	defer j.mu.Unlock()
	if first {
		j.lines++
	}
	if len(j.entries) >= maxEntries {
		j.entries = j.entries[1:]
		j.dropped++
	}
	j.entries = append(j.entries, &entry{unit: u, line: j.lines, begun: time.Now()})
}

// End tells how the unit that began last has ended.
func (j *Journal) End(status int) {
	if j == nil {
		return
	}
	j.look()
	j.mu.Lock()
	defer j.mu.Unlock()
	if e := j.last(); e != nil && !e.over {
		e.over, e.status, e.ended = true, status, time.Now()
	}
}

// Failed tells that a command of the unit under way failed, and its error where it
// has told one.
func (j *Journal) Failed(text string) {
	if j == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if e := j.last(); e != nil && !e.over {
		if e.inner = true; text != "" {
			e.told = text
		}
	}
}

// last is the newest entry; called with mu held, as all that follow.
func (j *Journal) last() *entry {
	if len(j.entries) == 0 {
		return nil
	}
	return j.entries[len(j.entries)-1]
}

// now is the number of the newest entry, -1 before the first.
func (j *Journal) now() int { return j.dropped + len(j.entries) - 1 }

// entry returns the entry of a number, nil when it was dropped.
func (j *Journal) entry(n int) *entry {
	if n < j.dropped || n > j.now() {
		return nil
	}
	return j.entries[n-j.dropped]
}

// Caller is who runs a command.
type Caller struct {
	// Job says that it runs beside what is typed.
	Job bool
	// Skipped is how many bytes before its match the command is about to consume.
	Skipped int64
}

type callerKey struct{}

// WithCaller is ctx for a command.
func WithCaller(ctx context.Context, c *Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// CallerOf is who runs the command of ctx, nil when nobody knows.
func CallerOf(ctx context.Context) *Caller {
	c, _ := ctx.Value(callerKey{}).(*Caller)
	return c
}

// decodeTime bounds the plugins' answers.
const decodeTime = 500 * time.Millisecond

// decode makes fields of the messages that came, while their sockets are there.
func (j *Journal) decode() {
	list, messages := j.undecoded()
	if len(list) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), decodeTime)
	defer cancel()
	for i, p := range list {
		all, err := p.of.sock.Decode(ctx, messages[i:i+1])
		if err != nil || len(all) != 1 {
			continue
		}
		j.mu.Lock()
		if !p.gone {
			p.fields, p.declared = all[0], p.of.sock.Top().Fields
		}
		j.mu.Unlock()
	}
}

// undecoded takes the messages that wait to be taken apart, as they are now: a piece
// may be given up at any time by whoever hears of more data.
func (j *Journal) undecoded() (list []*piece, messages []socket.Message) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, p := range j.pending {
		if !p.gone {
			list = append(list, p)
			messages = append(messages, socket.Message{Data: p.head, Type: p.typ, Peer: p.peer})
		}
	}
	j.pending = nil
	return list, messages
}
