package icmpraw

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// nonceSize and counterSize are what the data of a request begins with, as far as it
// has room: bytes that nobody can guess, and its number in full.
const (
	nonceSize   = 8
	counterSize = 8
)

// A prober is a command's own socket. It is for one goroutine, which never waits but
// in wait.
type prober struct {
	link
	form    form
	id      uint16
	own     bool // the id is from the registry
	dst     netip.Addr
	nonce   uint64
	packet  []byte // the request; its data is made once
	counted bool   // the data has room for the number
}

// probing says how a prober sends.
type probing struct {
	dst      netip.Addr
	source   source
	size     int // bytes of data
	ttl, tos int // 0 and -1 leave them to the kernel
	pattern  []byte
	batch    int // packets to be received at once; 0 for one
}

func openProber(p probing) (*prober, error) {
	family := sdk.FamilyIP4
	if p.dst.Is6() {
		family = sdk.FamilyIP6
	}
	fd, f, err := openSocket(new(sdk.Calls), family)
	if err != nil {
		return nil, err
	}
	pr := &prober{form: f, dst: p.dst, nonce: rand.Uint64(), counted: p.size >= nonceSize+counterSize}
	if err := pr.open(fd, p.dst, 0, max(2048, p.size+256), max(p.batch, 1)); err != nil {
		return nil, err
	}
	if err := pr.prepare(p); err != nil {
		pr.close()
		return nil, err
	}
	pr.packet = make([]byte, 8+p.size)
	pr.packet[0] = 8
	if f.ip6() {
		pr.packet[0] = 128
	}
	binary.BigEndian.PutUint16(pr.packet[4:], pr.id)
	data := pr.packet[8:]
	for i := range data {
		data[i] = byte(i)
		if len(p.pattern) > 0 {
			data[i] = p.pattern[i%len(p.pattern)]
		}
	}
	var nonce [nonceSize]byte
	binary.BigEndian.PutUint64(nonce[:], pr.nonce)
	copy(data, nonce[:])
	return pr, nil
}

// prepare sets the socket up. Its failures name the call.
func (pr *prober) prepare(p probing) (err error) {
	if err := pr.setUp(p, pr.form == raw4); err != nil {
		return err
	}
	if pr.form.ping() {
		// The kernel picks the id as other sockets' port, and errors are queued.
		if pr.id, err = pr.bound(); err != nil {
			return err
		}
		return pr.queueErrors()
	}
	if pr.id, err = ids.take(); err != nil {
		return err
	}
	pr.own = true
	if err := attachFilters(pr.fd, pr.form, pr.id); err != nil {
		return fmt.Errorf("setsockopt SO_ATTACH_FILTER: %w", err)
	}
	return nil
}

func (pr *prober) close() {
	if pr.own {
		ids.release(pr.id)
	}
	pr.link.close()
}

// send sends request n and returns when, in nanoseconds since 1970.
func (pr *prober) send(n uint64) (at int64, err error) {
	b := pr.packet
	binary.BigEndian.PutUint16(b[6:], uint16(n))
	if pr.counted {
		binary.BigEndian.PutUint64(b[8+nonceSize:], n)
	}
	if pr.form == raw4 {
		b[2], b[3] = 0, 0
		binary.BigEndian.PutUint16(b[2:], checksum(b))
	}
	at = time.Now().UnixNano()
	return at, pr.sendTo(b)
}

// receive reads what has come, false when nothing has. It passes over packets that
// are not about this prober's requests at all.
func (pr *prober) receive(a *answer) (bool, error) {
	a.form = pr.form
	for {
		b, err := pr.read(a)
		if err != nil || b == nil {
			return false, err
		}
		from, ttl := a.from, a.ttl
		if !parseAnswer(a, b) || a.id != pr.id {
			continue
		}
		if pr.form != raw4 {
			a.from, a.ttl = from, ttl
		}
		return true, nil
	}
}

// receiveError reads the next error that the kernel has queued (ip(7), IP_RECVERR).
func (pr *prober) receiveError(a *answer) (bool, error) {
	for {
		b, e, err := pr.readError(a)
		if err != nil || e == nil {
			return false, err
		}
		if len(b) < 8 || binary.BigEndian.Uint16(b[4:]) != pr.id || e.Origin == unix.SO_EE_ORIGIN_LOCAL {
			continue // a local error is also what send returned
		}
		a.form, a.reply, a.badSum = pr.form, false, false
		a.typ, a.code, a.info, a.length = e.Type, e.Code, e.Info, len(b)
		a.id, a.seq, a.data = pr.id, binary.BigEndian.Uint16(b[6:]), b[8:]
		return true, nil
	}
}

// matches says that an answer has the content of request n: the random bytes, as far
// as both sides have room for them. Of an error a router may quote little.
func (pr *prober) matches(a *answer) bool {
	want := pr.packet[8:]
	want = want[:min(len(want), nonceSize)]
	if !a.reply {
		want = want[:min(len(want), len(a.data))]
		return string(a.data[:len(want)]) == string(want)
	}
	return len(a.data) >= len(want) && string(a.data[:len(want)]) == string(want)
}

// intact says that a reply has all of request n's data, and no more.
func (pr *prober) intact(a *answer, n uint64) bool {
	if a.badSum || len(a.data) != len(pr.packet)-8 {
		return false
	}
	rest := nonceSize
	if pr.counted {
		rest += counterSize
		if binary.BigEndian.Uint64(a.data[nonceSize:]) != n {
			return false
		}
	}
	return len(a.data) <= rest || string(a.data[rest:]) == string(pr.packet[8+rest:])
}

// A stopper tells a loop that the user or the caller wants its end: a flag for a loop
// that does not wait, and a descriptor for one that does.
type stopper struct {
	asked atomic.Bool
	fd    int
	done  chan struct{}
	ended chan struct{}
}

func newStopper(ctx context.Context, interrupt <-chan struct{}) (*stopper, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	s := &stopper{fd: fd, done: make(chan struct{}), ended: make(chan struct{})}
	go func() {
		defer close(s.ended)
		select {
		case <-ctx.Done():
		case <-interrupt:
		case <-s.done:
			return
		}
		s.asked.Store(true)
		unix.Write(fd, []byte{7: 1})
	}()
	return s, nil
}

func (s *stopper) close() {
	close(s.done)
	<-s.ended
	unix.Close(s.fd)
}

// pollFor waits until a descriptor is readable, d is over or the end is wanted. A
// negative d is no limit.
func (s *stopper) pollFor(d time.Duration, fds []unix.PollFd) error {
	var limit *unix.Timespec
	if d >= 0 {
		t := unix.NsecToTimespec(int64(d))
		limit = &t
	}
	if _, err := unix.Ppoll(fds, limit, nil); err != nil && !errors.Is(err, syscall.EINTR) {
		return fmt.Errorf("ppoll: %w", err)
	}
	return nil
}
