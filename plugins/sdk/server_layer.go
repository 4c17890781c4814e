package sdk

import (
	"context"
	"fmt"
	"log"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/internal/wire"
	"github.com/sosh-shell/sosh/plugins/internal/wire/pb"
)

// layers is the living layers of this process by number.
type layers struct {
	mu   sync.Mutex
	last uint64
	on   map[uint64]*onLayer
}

// onLayer is a living layer.
type onLayer struct {
	Lent
	taking sync.Mutex // of its unread bytes
	unread []byte     // of an unwrap that failed
}

// rest is what the layer has read from beneath and nobody took, once.
func (o *onLayer) rest() []byte {
	o.taking.Lock()
	defer o.taking.Unlock()
	if k, ok := o.Carrier.(interface{ takeSalvage() []byte }); ok {
		o.unread = append(o.unread, k.takeSalvage()...)
	}
	unread := o.unread
	o.unread = nil
	return unread
}

// unwrap takes the layer off. Where that fails the bytes are kept for rest.
func (o *onLayer) unwrap(ctx context.Context, w Wrapper) ([]byte, error) {
	o.taking.Lock()
	defer o.taking.Unlock()
	unread, err := w.Unwrap(ctx, o.Lent)
	if err != nil {
		o.unread, unread = append(o.unread, unread...), nil
	}
	return unread, err
}

func (ls *layers) add(h Handle) uint64 {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if ls.on == nil {
		ls.on = map[uint64]*onLayer{}
	}
	ls.last++
	ls.on[ls.last] = &onLayer{Lent: Lent{FD: -1, Mark: h.Mark, Carrier: h.Carrier}}
	return ls.last
}

func (ls *layers) find(n uint64) (*onLayer, error) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l, ok := ls.on[n]
	if !ok {
		return nil, Faultf(socket.Lost, "the layer has ended")
	}
	return l, nil
}

func (ls *layers) remove(n uint64) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	delete(ls.on, n)
}

// with calls f with what is lent: a layer by its number, or a socket.
func (s *server) with(ctx context.Context, l *pb.Lent, f func(Lent) error) error {
	if n := l.GetLayer(); n != 0 {
		lent, err := s.layers.find(n)
		if err != nil {
			return err
		}
		return f(lent.Lent)
	}
	return s.sockets.with(ctx, l, f)
}

// Wrap begins a layer and tells of it until it has ended.
func (s *server) Wrap(m *pb.WrapRequest, st grpc.ServerStreamingServer[pb.LayerEvent]) error {
	w, ok := s.p.(Wrapper)
	if !ok {
		return s.lacks(socket.CallWrap)
	}
	ctx := st.Context()
	fd, err := s.sockets.keep(ctx, m.GetCall())
	if err != nil {
		return wire.Status(err, nil, nil)
	}
	req, err := wire.ToWrap(m)
	if err != nil {
		closeDescriptor(fd)
		return wire.Status(Faultf(Usage, "%v", err), nil, nil)
	}
	req.FD = fd
	h, err := wrapping(ctx, w, req)
	if err != nil {
		return wire.Status(err, h.Report, nil)
	}
	c, ok := h.Carrier.(socket.LayerCarrier)
	if !ok {
		closeDescriptor(h.FD)
		return wire.Status(Faultf(Failed, "%s gave a layer without a carrier", s.desc.Name), nil, nil)
	}
	n := s.layers.add(h)
	defer s.layers.remove(n)
	opened, err := s.opened(ctx, m.GetCall(), h)
	if err == nil {
		opened.Handle = n
		err = st.Send(&pb.LayerEvent{What: &pb.LayerEvent_Opened{Opened: opened}})
	}
	if err != nil {
		c.Abort()
		return err
	}
	return s.follow(st, n, c)
}

// wrapping calls Wrap. One that panics has not closed the socket beneath, or has.
func wrapping(ctx context.Context, w Wrapper, req WrapRequest) (Handle, error) {
	returned, before := false, inode(req.FD)
	defer func() {
		if !returned && before != 0 && inode(req.FD) == before {
			closeDescriptor(req.FD)
		}
	}()
	h, err := w.Wrap(ctx, req)
	returned = true
	return h, err
}

// follow tells the host how the layer ends, and returns when nothing of it is left.
func (s *server) follow(st grpc.ServerStreamingServer[pb.LayerEvent], n uint64, c socket.LayerCarrier) error {
	stop := context.AfterFunc(st.Context(), c.Abort) // the host wants a reset, or is gone
	defer stop()
	life, end := context.WithCancel(context.Background())
	defer end()
	ended := make(chan error, 1)
	gone := make(chan struct{})
	go func() { ended <- c.End(life) }()
	go func() { c.Gone(life); close(gone) }()
	tell := func(err error) error {
		return st.Send(&pb.LayerEvent{What: &pb.LayerEvent_Finish{Finish: &pb.Finish{Error: wire.FromError(err)}}})
	}
	select {
	case err := <-ended:
		if err := tell(err); err != nil {
			return err
		}
		<-gone
	case <-gone:
		// What has gone knows by now why it ended, unless it was closed or taken off from here.
		soon, cancel := context.WithTimeout(life, lastWord)
		defer cancel()
		if err := c.End(soon); soon.Err() == nil {
			if err := tell(err); err != nil {
				return err
			}
		}
	}
	return st.Send(&pb.LayerEvent{What: &pb.LayerEvent_Left{Left: s.left(n)}})
}

// lastWord is how long a layer that has gone may take to say why.
const lastWord = 10 * time.Millisecond

// left is what a layer that has gone leaves.
func (s *server) left(n uint64) *pb.Left {
	left := &pb.Left{}
	l, err := s.layers.find(n)
	if err != nil {
		return left
	}
	if left.Unread = l.rest(); len(left.Unread) > socket.MaxMessage {
		log.Printf("%s left %d unread bytes, which are too many to hand back", s.desc.Name, len(left.Unread))
		left.Unread = nil
	}
	if i, ok := s.p.(Informer); ok {
		if facts, err := i.Info(context.Background(), l.Lent, nil); err == nil {
			left.Facts = wire.FromSettings(facts)
		}
	}
	return left
}

// Unwrap takes a layer off.
func (s *server) Unwrap(ctx context.Context, m *pb.LayerRequest) (*pb.Unwrapped, error) {
	w, ok := s.p.(Wrapper)
	if !ok {
		return nil, s.lacks(socket.CallWrap)
	}
	l, err := s.layers.find(m.GetLayer())
	var unread []byte
	if err == nil {
		unread, err = l.unwrap(ctx, w)
	}
	if err == nil && len(unread) > socket.MaxMessage {
		err = fmt.Errorf("%s has %d unread bytes", s.desc.Name, len(unread))
	}
	if err != nil {
		return nil, wire.Status(err, nil, nil)
	}
	return &pb.Unwrapped{Unread: unread}, nil
}

// Abort makes the end of a layer a reset.
func (s *server) Abort(_ context.Context, m *pb.LayerRequest) (*pb.Done, error) {
	l, err := s.layers.find(m.GetLayer())
	if err != nil {
		return nil, wire.Status(err, nil, nil)
	}
	l.Carrier.Abort()
	return &pb.Done{}, nil
}
