package host

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/sosh-shell/sosh/core/socket"
)

// Form is how sockets travel between the host and its plugins.
type Form int

// The forms.
const (
	Descriptors Form = iota // the host gets the descriptor itself
	Stream                  // the plugin keeps it, and a gRPC stream carries the bytes and messages
)

// formOf is how the sockets of a protocol travel; nil for one that is not known yet.
func (h *Host) formOf(d *socket.Description) Form {
	if d != nil && d.Held {
		return Stream
	}
	return h.cfg.Form
}

// Config says where plugins are. The zero Config has none.
type Config struct {
	// Bundled are the protocols in this program, by name.
	Bundled map[string]func() socket.Protocol
	// Executable is started for a bundled protocol: "/proc/self/exe" when empty.
	Executable string
	// Args are its arguments before the protocol's name: "plugin", "serve" when nil.
	Args []string
	// Dir is where installed plugins are, absolute; "" for nowhere. It need not exist.
	Dir string
	// Form is how sockets travel; those that are held by description stay where they are.
	Form Form
	// StartTimeout bounds a plugin's start, CallTimeout the answer to one call, and
	// ResolveTimeout the resolving of one name: 5, 5 and 30 seconds when zero.
	StartTimeout, CallTimeout, ResolveTimeout time.Duration
	// ReachTimeout bounds a start at a place, and each pause while the plugin is
	// carried there: 30 seconds when zero.
	ReachTimeout time.Duration
	// Version is what the executable of bundled protocols prints for --version: one
	// at a place that prints the same will do there.
	Version string
	// Places is the file that keeps the places, "" for none.
	Places string
	// NoPlaces refuses them all: each starts a program.
	NoPlaces bool
	// Log gets what plugins print, whole lines, unescaped; nil for nowhere. The last
	// lines are kept anyway, see [Host.Log].
	Log io.Writer
}

// Host is the plugins of one session. Safe for concurrent use.
type Host struct {
	cfg     Config
	ctx     context.Context // done when the host is closed
	cancel  context.CancelFunc
	starter starter
	now     func() time.Time
	tasks   sync.WaitGroup // goroutines that Close waits for
	swept   sync.Once
	logMu   sync.Mutex // cfg.Log

	keeping sync.Mutex // the file of places
	own     own

	mu      sync.Mutex
	closed  bool
	plugins map[string]*plugin
	places  map[string][]string // those that are not in the file
}

var _ socket.Providers = (*Host)(nil)

// New returns a host. It starts nothing and reads no file.
func New(cfg Config) (*Host, error) {
	if cfg.Executable == "" {
		cfg.Executable = defaultExecutable
	}
	if cfg.Args == nil {
		cfg.Args = []string{"plugin", "serve"}
	}
	for d, def := range map[*time.Duration]time.Duration{
		&cfg.StartTimeout: 5 * time.Second, &cfg.CallTimeout: 5 * time.Second, &cfg.ResolveTimeout: 30 * time.Second,
		&cfg.ReachTimeout: 30 * time.Second} {
		if *d == 0 {
			*d = def
		}
	}
	for name, f := range cfg.Bundled {
		if f == nil {
			return nil, fmt.Errorf("the bundled protocol %s has no constructor", name)
		}
	}
	h := &Host{cfg: cfg, plugins: map[string]*plugin{}, places: map[string][]string{}, now: time.Now}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	return h, nil
}

// Protocol implements socket.Providers.
func (h *Host) Protocol(name string) (socket.Complete, error) {
	p, err := h.plugin(name)
	if err != nil {
		return nil, err
	}
	return &proxy{h: h, p: p}, nil
}

// plugin returns the plugin of that name, which need not run. What an installed one
// is that does not run, the record says.
func (h *Host) plugin(name string) (*plugin, error) {
	if _, _, elsewhere := socket.CutPlace(name); elsewhere {
		return h.pluginElsewhere(name)
	}
	h.mu.Lock()
	p, known := h.plugins[name]
	if !known {
		p = h.newPlugin(name)
	}
	closed := h.closed
	h.mu.Unlock()
	if closed {
		return nil, errClosed
	}
	if construct, ok := h.cfg.Bundled[name]; ok {
		if !known {
			d := socket.Describe(construct())
			if d.Name != name {
				return nil, fmt.Errorf("the bundled protocol %s calls itself %s", name, d.Name)
			}
			p.desc.CompareAndSwap(nil, &d)
		}
	} else if !p.runs() {
		entry, err := h.installed(name)
		if err != nil {
			return nil, err
		}
		p.recorded(&entry.Description)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if first, ok := h.plugins[name]; ok {
		return first, nil
	}
	h.plugins[name] = p
	return p, nil
}

func (h *Host) newPlugin(name string) *plugin {
	p := &plugin{h: h, name: name, path: h.pluginFile(name), log: newRing(name, h.logSink), all: map[*process]bool{}}
	p.find = func() (program, error) { return h.verified(name) }
	if _, ok := h.cfg.Bundled[name]; ok {
		p.path = "bundled"
		p.find = func() (program, error) {
			return program{path: h.cfg.Executable, ours: true, args: append(slices.Clone(h.cfg.Args), name), desc: p.desc.Load()}, nil
		}
	}
	return p
}

// known is the plugin of that name if it was asked for before.
func (h *Host) known(name string) *plugin {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.plugins[name]
}

// Descriptions implements socket.Providers. Installed plugins whose record cannot
// be read or trusted are left out; Protocol says why.
func (h *Host) Descriptions() []socket.Description {
	lock, _ := h.readLock()
	return h.descriptions(lock)
}

func (h *Host) descriptions(lock lockFile) []socket.Description {
	byName := map[string]socket.Description{}
	for name, e := range lock.Plugins {
		byName[name] = e.Description
		if p := h.known(name); p != nil && p.runs() {
			byName[name] = *p.desc.Load()
		}
	}
	for name := range h.cfg.Bundled {
		if p, err := h.plugin(name); err == nil {
			byName[name] = *p.desc.Load()
		}
	}
	var out []socket.Description
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		out = append(out, byName[name])
	}
	return out
}

// Unreadable implements socket.Recorder.
func (h *Host) Unreadable() error {
	_, err := h.readLock()
	return err
}

var _ socket.Recorder = (*Host)(nil)

// Plugins implements socket.Providers.
func (h *Host) Plugins() []socket.Plugin {
	lock, _ := h.readLock()
	var out []socket.Plugin
	for _, d := range h.descriptions(lock) {
		if p, err := h.plugin(d.Name); err == nil {
			s := p.state()
			if _, ok := h.cfg.Bundled[d.Name]; !ok {
				e := lock.Plugins[d.Name]
				if s.SHA256 = e.SHA256; len(e.Files) > 0 {
					s.Path = h.scriptDir(d.Name, e.SHA256)
				}
			}
			out = append(out, s)
		}
	}
	return append(out, h.pluginsElsewhere()...)
}

// Log returns the last lines that a plugin printed, oldest first. They are as the
// plugin wrote them: escape them before they reach a terminal.
func (h *Host) Log(name string) []string {
	p := h.known(name)
	if p == nil {
		return nil
	}
	return p.log.lines()
}

// Close ends every plugin, all at once, and returns when no process, goroutine,
// descriptor or file of theirs is left. Calls under way fail.
func (h *Host) Close() error {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return nil
	}
	h.closed = true
	h.mu.Unlock()
	h.cancel() // each process watches it
	h.tasks.Wait()
	h.starter.stop()
	return nil
}

// task starts a goroutine that Close waits for; false when the host is closed.
func (h *Host) task(f func()) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	h.tasks.Go(f)
	return true
}

func (h *Host) logSink(line string) {
	if h.cfg.Log == nil {
		return
	}
	h.logMu.Lock()
	defer h.logMu.Unlock()
	io.WriteString(h.cfg.Log, line+"\n")
}

var errClosed = socket.Faultf(socket.Failed, "the plugins have been ended")
