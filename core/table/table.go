package table

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/sosh-shell/sosh/core/socket"
)

// Table is a set of live sockets by name. Its methods are safe for concurrent use.
type Table struct {
	providers socket.Providers
	poll      poller
	unread    atomic.Int64 // bytes in all inboxes
	ahead     atomic.Int64 // those of them read ahead
	journal   atomic.Pointer[Journal]

	mu      sync.Mutex
	sockets map[string]*Socket
	order   int            // sockets ever made, for listing by age
	counts  map[string]int // names given, by protocol
	closed  map[string]struct{}
	watcher func(Arrival) // nil while nothing reads ahead
	done    bool
}

// New returns an empty table whose protocols come from providers.
func New(providers socket.Providers) *Table {
	return &Table{
		providers: providers,
		sockets:   map[string]*Socket{},
		counts:    map[string]int{},
		closed:    map[string]struct{}{},
	}
}

var namePattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)

// reserved are the words of show, which a socket's name would hide.
var reserved = []string{"sockets", "ports", "protocols", "plugins", "events"}

// CheckName reports whether a socket may bear the name: [socket.Usage] otherwise.
func CheckName(name string) error {
	switch {
	case !namePattern.MatchString(name):
		return socket.Faultf(socket.Usage, "%q is no name for a socket: a letter, then letters, digits, _ and -", name)
	case slices.Contains(reserved, name):
		return socket.Faultf(socket.Usage, "%q is a word of show and no name for a socket", name)
	}
	return nil
}

// reserve takes a name out of circulation before its socket exists, so that
// the name is known to be free before anything is done on the network.
func (t *Table) reserve(proto, name string) (string, error) {
	if name != "" {
		if err := CheckName(name); err != nil {
			return "", err
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.done {
		return "", socket.Interrupted
	}
	if name != "" {
		if _, taken := t.sockets[name]; taken {
			return "", &socket.Error{Op: "open", Place: name, Err: fmt.Errorf("a socket of that name is open"),
				Hint: "close " + name + ", or choose another name with -n"}
		}
		t.sockets[name] = nil
		return name, nil
	}
	proto, _, _ = socket.CutPlace(proto)
	for {
		t.counts[proto]++
		name = fmt.Sprintf("%s%d", proto, t.counts[proto])
		if _, taken := t.sockets[name]; !taken {
			t.sockets[name] = nil
			return name, nil
		}
	}
}

// unreserve gives back a name for which no socket came to be.
func (t *Table) unreserve(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s, ok := t.sockets[name]; ok && s == nil {
		delete(t.sockets, name)
	}
}

// enter puts a socket under its reserved name.
func (t *Table) enter(s *Socket) error {
	t.mu.Lock()
	if t.done {
		t.mu.Unlock()
		s.discard()
		return socket.Interrupted
	}
	t.order++
	s.order = t.order
	t.sockets[s.name] = s
	delete(t.closed, s.name)
	t.mu.Unlock()
	s.readAhead()
	return nil
}

// Socket returns the socket of that name; otherwise an error that is
// [socket.NoSocket] and tells a closed socket from a name never given.
func (t *Table) Socket(name string) (*Socket, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.sockets[name]; s != nil {
		return s, nil
	}
	if _, was := t.closed[name]; was {
		return nil, socket.Faultf(socket.NoSocket, "%s is closed", name)
	}
	return nil, socket.Faultf(socket.NoSocket, "no socket is named %q", name)
}

// Sockets lists the live sockets, the oldest first.
func (t *Table) Sockets() []*Socket {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make([]*Socket, 0, len(t.sockets))
	for _, s := range t.sockets {
		if s != nil {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b *Socket) int { return cmp.Compare(a.order, b.order) })
	return list
}

// Providers returns what the table takes its protocols from.
func (t *Table) Providers() socket.Providers { return t.providers }

// Close closes every socket with a FIN and ends all waiting. The kernel goes
// on delivering what was sent.
func (t *Table) Close() {
	t.mu.Lock()
	t.done = true
	t.watcher = nil
	t.mu.Unlock()
	var waiting sync.WaitGroup // each may take as long as its peer takes to read
	for _, s := range t.Sockets() {
		if s.Carried() || len(s.Layers()) > 0 {
			waiting.Go(func() { s.Close(context.Background(), false) })
			continue
		}
		s.Close(context.Background(), false)
	}
	waiting.Wait()
	t.poll.close()
}

// maxClosedNames bounds the memory of names that once were sockets.
const maxClosedNames = 4096

func (t *Table) remove(s *Socket) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.sockets[s.name] == s {
		delete(t.sockets, s.name)
		if len(t.closed) < maxClosedNames {
			t.closed[s.name] = struct{}{}
		}
	}
}
