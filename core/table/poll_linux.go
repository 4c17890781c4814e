package table

import (
	"context"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
)

// poller is the table's one epoll instance. Each watched descriptor is armed
// for one event at a time (EPOLLONESHOT): edge-triggered polling hangs when a
// consumer leaves data behind, level-triggered polling spins.
//
// Its goroutine is parked in the runtime's poller, as an epoll instance is
// itself pollable: waking it costs no thread.
type poller struct {
	mu      sync.Mutex
	file    *os.File // nil until the first wait: a session without waits has no epoll
	watches map[int32]*watch
	next    int32
	closed  bool
	done    chan struct{}
	soon    soon
}

// watch is one descriptor's place in the poller.
type watch struct {
	id   int32
	hold *hold

	mu     sync.Mutex
	fd     int
	added  bool
	gone   bool
	armed  uint32
	waiter [2]chan error // by direction; nil when nobody waits
	spare  [2]chan error // reused, as a round trip would allocate one each
	onRead func()        // called once at the next arrival; nil for none
}

const readable = unix.EPOLLIN | unix.EPOLLRDHUP

// watch gives a descriptor a place. Nothing is registered before the first wait.
func (p *poller) watch(h *hold) *watch {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.watches == nil {
		p.watches = map[int32]*watch{}
	}
	p.next++
	w := &watch{id: p.next, hold: h, fd: h.fd}
	p.watches[w.id] = w
	return w
}

// start makes the epoll instance; called with mu held.
func (p *poller) start() error {
	if p.file != nil {
		return nil
	}
	if p.closed {
		return socket.Interrupted
	}
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("epoll_create", err)
	}
	if err := unix.SetNonblock(ep, true); err != nil { // so that os.NewFile polls it
		unix.Close(ep)
		return err
	}
	p.file = os.NewFile(uintptr(ep), "epoll")
	p.done = make(chan struct{})
	go p.run(p.file)
	return nil
}

func (p *poller) run(file *os.File) {
	defer close(p.done)
	rc, err := file.SyscallConn()
	if err != nil {
		return
	}
	events := make([]unix.EpollEvent, 128)
	var n int
	ready := func(ep uintptr) bool {
		n, err = unix.EpollWait(int(ep), events, 0)
		return n != 0 || (err != nil && err != unix.EINTR)
	}
	for rc.Read(ready) == nil && err == nil {
		for _, ev := range events[:n] {
			p.mu.Lock()
			w := p.watches[ev.Fd]
			p.mu.Unlock()
			if w != nil {
				p.fire(w, ev.Events)
			}
		}
	}
}

// fire hands an event to those who wait for it and arms what is still awaited.
func (p *poller) fire(w *watch, ev uint32) {
	w.mu.Lock()
	w.armed = 0
	var arrived func()
	ends := ev&(unix.EPOLLHUP|unix.EPOLLERR) != 0
	if ev&readable != 0 || ends {
		if w.waiter[toRead] != nil {
			w.wake(toRead, nil)
		} else {
			arrived, w.onRead = w.onRead, nil
		}
	}
	if ev&unix.EPOLLOUT != 0 || ends {
		w.wake(toWrite, nil)
	}
	p.arm(w)
	w.mu.Unlock()
	if arrived != nil {
		arrived()
	}
}

// wake ends the wait in that direction; called with w.mu held.
func (w *watch) wake(d direction, err error) {
	if ch := w.waiter[d]; ch != nil {
		w.waiter[d] = nil
		ch <- err // buffered: never blocks
	}
}

// arm registers what is awaited and not armed yet; called with w.mu held.
func (p *poller) arm(w *watch) error {
	var want uint32
	if w.waiter[toRead] != nil || w.onRead != nil {
		want |= readable
	}
	if w.waiter[toWrite] != nil {
		want |= unix.EPOLLOUT
	}
	if want == 0 || want&^w.armed == 0 || w.gone {
		return nil
	}
	want |= w.armed
	op := unix.EPOLL_CTL_MOD
	if !w.added {
		op = unix.EPOLL_CTL_ADD
	}
	rc, err := p.file.SyscallConn()
	if err != nil {
		return err
	}
	var ctl error
	err = rc.Control(func(ep uintptr) {
		ctl = unix.EpollCtl(int(ep), op, w.fd, &unix.EpollEvent{Events: want | unix.EPOLLONESHOT, Fd: w.id})
	})
	if err == nil {
		err = ctl
	}
	if err != nil {
		return os.NewSyscallError("epoll_ctl", err)
	}
	w.added, w.armed = true, want
	return nil
}

// wait returns nil when the descriptor may be ready in that direction. One
// waiter a direction: the socket's turns see to it.
func (p *poller) wait(ctx context.Context, w *watch, d direction) error {
	if p.soon.wait(ctx, w.hold, d, true) {
		return nil
	}
	return p.park(ctx, w, d)
}

// patient is wait for what moves much: it leaves the processor to the peers at once,
// as more will have come by the time that it is woken.
func (p *poller) patient(ctx context.Context, w *watch, d direction) error {
	if p.soon.wait(ctx, w.hold, d, false) {
		return nil
	}
	return p.park(ctx, w, d)
}

func (p *poller) park(ctx context.Context, w *watch, d direction) error {
	ctx, cancel := idle(ctx)
	defer cancel()
	if err := waitError(ctx); err != nil {
		return err
	}
	p.mu.Lock()
	err := p.start()
	p.mu.Unlock()
	if err != nil {
		return err
	}
	w.mu.Lock()
	if w.gone {
		w.mu.Unlock()
		return errClosed
	}
	ch := w.spare[d]
	if ch == nil {
		ch = make(chan error, 1)
	}
	w.spare[d] = nil
	w.waiter[d] = ch
	if err := p.arm(w); err != nil {
		w.waiter[d] = nil
		w.mu.Unlock()
		return err
	}
	w.mu.Unlock()

	select {
	case err = <-ch:
	case <-ctx.Done():
		err = waitError(ctx)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiter[d] == ch {
		w.waiter[d] = nil
	} else if len(ch) > 0 { // woken in the same moment: the channel goes back empty
		<-ch
	}
	w.spare[d] = ch
	return err
}

// ahead asks for one call of f at the next arrival that nobody waits for.
func (p *poller) ahead(w *watch, f func()) {
	p.mu.Lock()
	err := p.start()
	p.mu.Unlock()
	if err != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.gone {
		return
	}
	w.onRead = f
	p.arm(w) // a failure means no reading ahead; consumers report their own
}

// drop takes the descriptor out, before it is closed: a lent copy would keep a
// closed one registered. It ends the waits with errClosed.
func (p *poller) drop(w *watch) {
	p.mu.Lock()
	delete(p.watches, w.id)
	p.mu.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gone, w.onRead = true, nil
	p.forget(w)
	w.wake(toRead, errClosed)
	w.wake(toWrite, errClosed)
}

// renew forgets the registration, before another file takes the descriptor's number.
func (p *poller) renew(w *watch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p.forget(w)
}

func (p *poller) forget(w *watch) {
	if !w.added {
		return
	}
	if rc, err := p.file.SyscallConn(); err == nil {
		rc.Control(func(ep uintptr) { unix.EpollCtl(int(ep), syscall.EPOLL_CTL_DEL, w.fd, nil) })
	}
	w.added, w.armed = false, 0
}

// close ends the poller's goroutine and waits for it.
func (p *poller) close() {
	p.mu.Lock()
	file, done := p.file, p.done
	p.closed = true
	p.mu.Unlock()
	if file != nil {
		file.Close()
		<-done
	}
}
