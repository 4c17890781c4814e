package fault

import (
	"io"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// fault is the layer on one socket.
type fault struct {
	stream            bool
	reset, closeWrite func() error
	nodelay           func() // nil where there is none

	send, recv *direction
	dropped    atomic.Int64
	duplicated atomic.Int64
	corrupted  atomic.Int64
	delayed    atomic.Int64

	mu      sync.Mutex
	options sdk.OptionValues
	harm    atomic.Pointer[harm]
}

func newFault(o sdk.OptionValues, stream bool) (*fault, error) {
	h, err := read(o.Text, o, stream)
	if err != nil {
		return nil, err
	}
	f := &fault{stream: stream, options: o}
	f.harm.Store(h)
	f.send = &direction{f: f, queue: newQueue(), harmed: func(h *harm) bool { return h.send }, which: 1}
	f.recv = &direction{f: f, queue: newQueue(), harmed: func(h *harm) bool { return h.recv }, which: 2}
	return f, nil
}

// configured tells the socket what it must know.
func (f *fault) configured() {
	if f.nodelay != nil && f.harm.Load().split > 0 {
		f.nodelay()
	}
}

// SetOption implements sdk.OptionSetter. Counts of bytes and messages go on: the N of
// a fault is counted from when the layer was put on.
func (f *fault) SetOption(name, value string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := make([]sdk.Setting, 0, len(options))
	for _, o := range options {
		v := f.options.Text(o.Name)
		if o.Name == name {
			v = value
		}
		all = append(all, sdk.Setting{Name: o.Name, Value: v})
	}
	changed, err := sdk.OptionValuesOf(options, all...)
	if err != nil {
		return err
	}
	h, err := read(changed.Text, changed, f.stream)
	if err != nil {
		return err
	}
	f.options = changed
	f.harm.Store(h)
	f.configured()
	return nil
}

// GetOption implements sdk.OptionSetter.
func (f *fault) GetOption(name string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.options.Text(name), nil
}

// Facts implements sdk.FactTeller.
func (f *fault) Facts() []sdk.Setting {
	return []sdk.Setting{
		{Name: "dropped", Value: strconv.FormatInt(f.dropped.Load(), 10)},
		{Name: "duplicated", Value: strconv.FormatInt(f.duplicated.Load(), 10)},
		{Name: "corrupted", Value: strconv.FormatInt(f.corrupted.Load(), 10)},
		{Name: "delayed", Value: strconv.FormatInt(f.delayed.Load(), 10)},
	}
}

// CloseWrite implements sdk.CloseWriter: when all is sent.
func (f *fault) CloseWrite() error {
	f.send.queue.put(piece{end: true})
	<-f.send.queue.done
	if err := f.send.failure(); err != nil {
		return err
	}
	return f.closeWrite()
}

// Close ends whatever waits. NewLayer closes below.
func (f *fault) Close() error {
	f.send.queue.stop()
	f.recv.queue.stop()
	return nil
}

// SetReadDeadline makes what is on its way arrive at once: NewLayer calls it before
// the layer is taken off, and ends what waits for below by itself.
func (f *fault) SetReadDeadline(t time.Time) error {
	if !t.IsZero() && !t.After(time.Now()) {
		f.recv.queue.hurry()
	}
	return nil
}

// SetDeadline is SetReadDeadline.
func (f *fault) SetDeadline(t time.Time) error { return f.SetReadDeadline(t) }

// abort resets the connection, and ends both directions.
func (f *fault) abort() {
	f.reset()
	f.send.fail(syscall.ECONNRESET)
	f.recv.queue.cut(syscall.ECONNRESET)
}

// receive moves what comes into the delay line.
func (f *fault) receive(read func() (sdk.Message, error)) {
	for {
		m, err := read()
		if err != nil {
			f.recv.queue.put(piece{due: f.recv.last, err: err})
			return
		}
		if len(m.Data) > 0 || !f.stream {
			if f.recv.pass(m) == ended {
				f.recv.queue.put(piece{due: f.recv.last, err: io.EOF})
				return
			}
		}
	}
}

// direction is what is sent, or what is received.
type direction struct {
	f      *fault
	queue  *queue
	harmed func(*harm) bool
	which  uint64

	passed int64     // bytes or messages so far
	last   time.Time // when the last one is due
	seed   int64
	chance *rand.Rand
	over   bool // close=N has come

	mu  sync.Mutex
	err error
}

func (d *direction) fail(err error) {
	d.mu.Lock()
	if d.err == nil {
		d.err = err
	}
	d.mu.Unlock()
	d.queue.stop()
}

func (d *direction) failure() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err
}

// run hands what is due to write.
func (d *direction) run(write func(sdk.Message) error) {
	defer close(d.queue.done)
	for {
		p, ok := d.queue.take()
		if !ok || p.end {
			return
		}
		if p.reset {
			d.f.abort()
			return
		}
		if p.close {
			d.f.closeWrite()
			continue
		}
		if err := write(p.m); err != nil {
			d.fail(err)
			return
		}
	}
}
