package table

import (
	"context"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// soon is the beginning of a wait: an answer over a short way is seen by asking
// for it, without the epoll's registration and wakings, and without putting the
// processor to sleep, which costs more than the answer takes.
//
// It is for one goroutine at a time and a millisecond at most, so that a cancel
// and a close stay prompt and a thousand waits do not take a thousand threads.
type soon struct {
	busy atomic.Bool
	// misses counts the waits in a row that asking in a loop did not end.
	misses atomic.Int32
}

const (
	// soonTime bounds the time in poll(2).
	soonTime = time.Millisecond
	// spinTime bounds the asking in a loop before that: about a round trip on
	// the loopback. The processor is yielded in between, to a peer that needs it.
	spinTime = 50 * time.Microsecond
	// spinMisses is how many misses end the asking, and spinRetry how many waits
	// later it is tried again: a slow peer costs next to nothing.
	spinMisses = 4
	spinRetry  = 64
)

// wait reports whether the descriptor is ready; false means nothing. eager asks in a
// loop first.
func (q *soon) wait(ctx context.Context, h *hold, d direction, eager bool) bool {
	limit := soonTime
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(deadline))
	}
	if limit <= 0 || ctx.Err() != nil || !q.busy.CompareAndSwap(false, true) {
		return false
	}
	defer q.busy.Store(false)
	fd, err := h.use()
	if err != nil {
		return false
	}
	defer h.done()
	events := int16(unix.POLLIN | unix.POLLRDHUP)
	if d == toWrite {
		events = unix.POLLOUT
	}
	// Room to write comes when the peer has read, and more of a flow when it has been
	// made: others need the processor more.
	if eager && d == toRead && !h.bulk.Load() && q.spin(fd, events, limit) {
		return true
	}
	fds := [1]unix.PollFd{{Fd: int32(fd), Events: events}}
	t := unix.NsecToTimespec(int64(limit))
	n, err := unix.Ppoll(fds[:], &t, nil)
	return n > 0 && err == nil
}

func (q *soon) spin(fd int, events int16, limit time.Duration) bool {
	if m := q.misses.Load(); m >= spinMisses {
		if q.misses.Add(1) >= spinRetry {
			q.misses.Store(spinMisses - 1)
		}
		return false
	}
	fds := [1]unix.PollFd{{Fd: int32(fd), Events: events}}
	var zero unix.Timespec
	for begin := time.Now(); time.Since(begin) < min(spinTime, limit); {
		n, _, errno := unix.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&fds[0])), 1, uintptr(unsafe.Pointer(&zero)), 0, 0, 0)
		if errno == 0 && n > 0 {
			q.misses.Store(0)
			return true
		}
		unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
	}
	q.misses.Add(1)
	return false
}
