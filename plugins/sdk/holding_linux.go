package sdk

import (
	"context"
	"errors"
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/internal/wire"
	"github.com/sosh-shell/sosh/plugins/internal/wire/pb"
)

// streamWait is how long a new socket waits for its stream. The host opens it as
// soon as it has the handle; when it does not, it never got the answer.
const streamWait = 10 * time.Second

// holding is the sockets of a host that descriptors cannot reach. They live and
// die with this process. It calls the protocol's methods as a host would, and
// does what the core does elsewhere: it waits, and moves the bytes.
type holding struct {
	p Protocol

	mu   sync.Mutex
	last uint64
	held map[uint64]*held
}

// held is one socket.
type held struct {
	id   uint64
	mark Mark
	file *os.File // non-blocking, in the poller
	raw  syscall.RawConn

	streamed  bool        // a stream has this socket; under holding.mu
	abandon   *time.Timer // closes a socket that no stream has come for
	connected once        // bytes can flow
	passive   once        // it listens
	closed    once
	asking    sync.Mutex
	asked     uint64
	again     chan struct{} // an accept was tried: look whether more wait
}

// once is an event that happens once.
type once struct {
	sync.Once
	ch chan struct{}
}

func newOnce() once                 { return once{ch: make(chan struct{})} }
func (o *once) happened()           { o.Do(func() { close(o.ch) }) }
func newHolding(p Protocol) sockets { return &holding{p: p, held: map[uint64]*held{}} }

func (h *holding) find(l *pb.Lent) (*held, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s, ok := h.held[l.GetHandle()]
	if !ok {
		return nil, syscall.ENOTCONN // both sides have ended, and the socket with them
	}
	return s, nil
}

func (h *holding) with(_ context.Context, l *pb.Lent, f func(Lent) error) error {
	s, err := h.find(l)
	if err != nil {
		return err
	}
	return s.do(Mark(l.GetMark()), f)
}

// do calls f with the descriptor, which cannot be closed meanwhile.
func (s *held) do(mark Mark, f func(Lent) error) error {
	var err error
	if cerr := s.raw.Control(func(fd uintptr) { err = f(Lent{FD: int(fd), Mark: mark}) }); cerr != nil {
		return syscall.ENOTCONN
	}
	return err
}

func (h *holding) keep(context.Context, uint64) (int, error) {
	return -1, Faultf(Unsupported, "layers need descriptors, which cannot travel here")
}

func (h *holding) give(_ context.Context, _ uint64, from Handle) (*pb.Opened, error) {
	if kind, err := unix.GetsockoptInt(from.FD, unix.SOL_SOCKET, unix.SO_TYPE); err != nil || kind != unix.SOCK_STREAM {
		closeFD(from.FD)
		if err != nil {
			return nil, err
		}
		return nil, Faultf(Unsupported, "only stream sockets can be carried where descriptors cannot travel")
	}
	if err := unix.SetNonblock(from.FD, true); err != nil {
		closeFD(from.FD)
		return nil, err
	}
	_, perr := unix.Getpeername(from.FD)
	s := &held{mark: from.Mark, file: os.NewFile(uintptr(from.FD), "socket"), connected: newOnce(),
		passive: newOnce(), closed: newOnce(), again: make(chan struct{}, 1)}
	raw, err := s.file.SyscallConn()
	if err != nil {
		s.file.Close()
		return nil, err
	}
	s.raw = raw
	if perr == nil {
		s.connected.happened() // it was accepted
	}
	h.mu.Lock()
	h.last++
	s.id = h.last
	h.held[s.id] = s
	s.abandon = time.AfterFunc(streamWait, func() {
		h.mu.Lock()
		unclaimed := !s.streamed
		h.mu.Unlock()
		if unclaimed {
			h.forget(s)
		}
	})
	h.mu.Unlock()
	return &pb.Opened{Handle: s.id, Facts: s.facts()}, nil
}

// forget closes the socket.
func (h *holding) forget(s *held) {
	h.mu.Lock()
	delete(h.held, s.id)
	h.mu.Unlock()
	s.closed.happened()
	s.file.Close()
}

func (h *holding) facts(l *pb.Lent) *pb.Facts {
	s, err := h.find(l)
	if err != nil {
		return nil
	}
	return s.facts()
}

func (s *held) facts() *pb.Facts {
	s.asking.Lock() // so that a higher number is a later look
	defer s.asking.Unlock()
	var f socket.Facts
	if s.do(nil, func(l Lent) error { f = factsOf(l.FD); return nil }) != nil {
		return nil
	}
	s.asked++
	m := wire.FromFacts(f)
	m.Order = s.asked
	return m
}

func (h *holding) listening(l *pb.Lent) {
	if s, err := h.find(l); err == nil {
		s.passive.happened()
	}
}

func (h *holding) accepted(l *pb.Lent) {
	if s, err := h.find(l); err == nil {
		select {
		case s.again <- struct{}{}:
		default: // is told already
		}
	}
}

// connecting waits for the connection that the protocol has begun: the host has
// no descriptor to wait on. A call that is given up leaves the socket usable again.
func (h *holding) connecting(ctx context.Context, l *pb.Lent, err error) error {
	if err != nil && !errors.Is(err, syscall.EINPROGRESS) {
		return err
	}
	s, ferr := h.find(l)
	if ferr != nil {
		return ferr
	}
	if err != nil {
		if err := s.waitConnected(ctx); err != nil {
			return err
		}
	}
	s.connected.happened()
	return nil
}

func (s *held) waitConnected(ctx context.Context) error {
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { s.file.SetWriteDeadline(time.Unix(1, 0)); close(ended) })
	var errno int
	var err error
	werr := s.raw.Write(func(fd uintptr) bool {
		// The poller may remember an event from before the connect.
		if !ready(int(fd), unix.POLLOUT) {
			return false
		}
		errno, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
		return true
	})
	if !stop() {
		<-ended
		s.file.SetWriteDeadline(time.Time{})
	}
	switch {
	case werr != nil:
		s.do(nil, func(l Lent) error { return disconnect(l.FD) })
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return syscall.ENOTCONN // closed meanwhile
	case err != nil:
		return err
	case errno != 0:
		return syscall.Errno(errno)
	}
	return nil
}

// disconnect aborts a connect(2): with AF_UNSPEC the socket is as new.
func disconnect(fd int) error {
	var sa unix.RawSockaddr // its family is AF_UNSPEC
	_, _, errno := unix.Syscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&sa)), unix.SizeofSockaddrInet4)
	if errno != 0 {
		return errno
	}
	return nil
}

// ready asks poll(2) without waiting; an error or a hangup counts as ready.
func ready(fd int, events int16) bool {
	p := []unix.PollFd{{Fd: int32(fd), Events: events}}
	for {
		n, err := unix.Poll(p, 0)
		if err != unix.EINTR {
			return n > 0
		}
	}
}
