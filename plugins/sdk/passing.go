package sdk

import (
	"context"
	"log"
	"os"
	"sync"
	"syscall"

	"github.com/sosh-shell/sosh/plugins/internal/wire/fdchan"
	"github.com/sosh-shell/sosh/plugins/internal/wire/pb"
)

// passing is the sockets that the host holds: a descriptor comes with each call
// and is closed when the call is over.
type passing struct {
	ch *fdchan.Conn

	mu      sync.Mutex
	lent    map[uint64]int      // came, and not yet claimed by its call
	waiting map[uint64]chan int // calls that came before their descriptor
}

func newPassing(ch *fdchan.Conn) *passing {
	return &passing{ch: ch, lent: map[uint64]int{}, waiting: map[uint64]chan int{}}
}

// receive takes in what the host lends, until the host is gone.
func (p *passing) receive() {
	if err := p.ch.Serve(p.take); err != nil {
		log.Printf("descriptor channel: %v", err)
	}
	os.Exit(0) // without the channel no call can be served
}

func (p *passing) take(m fdchan.Message) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch m.Kind {
	case fdchan.Lend:
		if w, ok := p.waiting[m.Call]; ok {
			w <- m.FD // has room for the one that comes
			delete(p.waiting, m.Call)
			return true
		}
		p.lent[m.Call] = m.FD
		return true
	case fdchan.Drop:
		if fd, ok := p.lent[m.Call]; ok {
			delete(p.lent, m.Call)
			closeDescriptor(fd)
		}
	}
	return false
}

// claim returns the descriptor of the call. It is nearly always here already: it
// was sent first, but on another socket.
func (p *passing) claim(ctx context.Context, call uint64) (int, error) {
	p.mu.Lock()
	fd, ok := p.lent[call]
	if ok {
		delete(p.lent, call)
		p.mu.Unlock()
		return fd, nil
	}
	w := make(chan int, 1)
	p.waiting[call] = w
	p.mu.Unlock()
	select {
	case fd := <-w:
		return fd, nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	delete(p.waiting, call)
	p.mu.Unlock()
	select {
	case fd := <-w: // came in the same moment
		closeDescriptor(fd)
	default:
	}
	return -1, ctx.Err()
}

func (p *passing) with(ctx context.Context, l *pb.Lent, f func(Lent) error) error {
	fd, err := p.claim(ctx, l.GetCall())
	if err != nil {
		return err
	}
	if fd < 0 {
		return syscall.EMFILE // it was sent, and there was no slot for it here
	}
	defer closeDescriptor(fd)
	if err := ctx.Err(); err != nil { // the host has given the call up, and may have dissolved what it was for
		return err
	}
	return f(Lent{FD: fd, Mark: Mark(l.GetMark())})
}

// keep is claim for a descriptor that stays here.
func (p *passing) keep(ctx context.Context, call uint64) (int, error) {
	fd, err := p.claim(ctx, call)
	if err == nil && fd < 0 {
		err = syscall.EMFILE
	}
	return fd, err
}

// give sends the descriptor before the call's answer, and keeps no copy.
func (p *passing) give(ctx context.Context, call uint64, h Handle) (*pb.Opened, error) {
	defer closeDescriptor(h.FD)
	// A socket that exists is handed over even when the caller has gone: the host
	// keeps it or closes it, but it is never lost here.
	err := p.ch.Send(context.WithoutCancel(ctx), fdchan.Message{Kind: fdchan.Give, Call: call, Mark: h.Mark, FD: h.FD})
	return &pb.Opened{}, err
}

func (*passing) connecting(_ context.Context, _ *pb.Lent, err error) error { return err }
func (*passing) listening(*pb.Lent)                                        {}
func (*passing) accepted(*pb.Lent)                                         {}
func (*passing) canEnd(*pb.Lent, How) error                                { return nil }
func (*passing) facts(*pb.Lent) *pb.Facts                                  { return nil }

func (*passing) stream(pb.Plugin_StreamServer) error {
	return Faultf(Failed, "this plugin passes descriptors and has no streams")
}

func closeDescriptor(fd int) {
	if fd >= 0 {
		closeFD(fd)
	}
}
