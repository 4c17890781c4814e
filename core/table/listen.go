package table

import (
	"context"
	"errors"
	"syscall"

	"github.com/sosh-shell/sosh/core/socket"
)

// DefaultBacklog is the backlog of a listen that names none: SOMAXCONN, which
// the kernel lowers to net.core.somaxconn.
const DefaultBacklog = 4096

// can refuses a call that the protocol lacks, before anything is resolved.
func (s *Socket) can(c socket.Call, op, place string) error {
	if s.desc.Can(c) {
		return nil
	}
	return failAt(op, place, socket.Faultf(socket.Unsupported, "%s cannot %s", s.desc.Name, c))
}

// Bind gives the socket its local address.
func (s *Socket) Bind(ctx context.Context, text string) error {
	place := s.name + " " + text
	if err := s.can(socket.CallBind, "bind", place); err != nil {
		return err
	}
	list, err := resolve(ctx, s.proto, socket.ResolveRequest{Text: text, Passive: true, Family: s.boundFamily()})
	if err != nil {
		return failAt("bind", place, err)
	}
	if err := s.writing.take(ctx); err != nil { // a connect beside it may change the descriptor
		return failAt("bind", place, err)
	}
	defer s.writing.give()
	if err := s.ofFamily(ctx, list[0].Family); err != nil {
		return err
	}
	return s.bindTo(ctx, "bind", list)
}

// boundFamily is the family that a first bind prefers: the one that was asked
// for at open, if any.
func (s *Socket) boundFamily() socket.Family {
	if f := s.currentFamily(); f == socket.FamilyIP6 {
		return f
	}
	return socket.FamilyNone
}

func (s *Socket) bindTo(ctx context.Context, op string, list []socket.Address) error {
	a := list[0]
	err := s.lend(ctx, func(c context.Context, l socket.Lent) error {
		_, err := s.proto.Bind(c, l, a)
		return err
	})
	if err == nil {
		return nil
	}
	err = failAt(op, s.name+" "+a.Text(s.desc.Address), err)
	var e *socket.Error
	if !errors.As(err, &e) || e.Hint != "" {
		return err
	}
	e.Hint = bindHint(err, s.name, s.desc.Address)
	return e
}

// bindHint is what to do about the common failures of bind(2), in the words of the
// protocol's addresses.
func bindHint(err error, name string, form socket.AddressForm) string {
	ports := form == socket.HostPort
	switch {
	case errors.Is(err, syscall.EADDRINUSE) && !ports:
		return "another socket has that address: choose another"
	case errors.Is(err, syscall.EADDRINUSE):
		return "another socket has that port: show ports lists ours; port 0 lets the kernel choose a free one"
	case errors.Is(err, syscall.EADDRNOTAVAIL) && hasHost(form):
		return "no interface of this machine has that address"
	case errors.Is(err, syscall.EACCES) && ports:
		return "ports below 1024 need CAP_NET_BIND_SERVICE: choose a greater one"
	case errors.Is(err, syscall.EINVAL):
		return name + " may be bound already: show " + name + " local"
	}
	return ""
}

// listensHint is what to do where another socket listens.
func listensHint(form socket.AddressForm) string {
	if form != socket.HostPort {
		return "another socket listens at that address: choose another"
	}
	return "another socket listens on that port: choose another, or 0"
}

// anyPort is a local address that is the loopback's, at a port of the kernel's choice.
const anyPort = ":0"

// Listen makes the socket passive. A backlog of 0 is [DefaultBacklog]. A socket
// without a local address gets one of the loopback's first: listen(2) itself
// would open it to all interfaces.
func (s *Socket) Listen(ctx context.Context, backlog int) error {
	if err := s.can(socket.CallListen, "listen", s.name); err != nil {
		return withBindHint(err, s)
	}
	if backlog == 0 {
		backlog = DefaultBacklog
	}
	if f, _ := s.Facts(); f.Local.IsZero() && s.desc.Address == socket.HostPort {
		if err := s.Bind(ctx, anyPort); err != nil {
			return err
		}
	}
	err := s.lend(ctx, func(c context.Context, l socket.Lent) error {
		_, err := s.proto.Listen(c, l, backlog)
		return err
	})
	if err != nil {
		err = s.fail("listen", err)
		var e *socket.Error
		if errors.As(err, &e) && errors.Is(err, syscall.EADDRINUSE) && e.Hint == "" {
			e.Hint = listensHint(s.desc.Address)
		}
		return err
	}
	s.mu.Lock()
	s.passive = true
	s.mu.Unlock()
	s.readAhead()
	return nil
}

// withBindHint says what takes the place of listening where there are no connections.
func withBindHint(err error, s *Socket) error {
	var e *socket.Error
	if errors.As(err, &e) && e.Hint == "" && s.desc.Can(socket.CallBind) {
		e.Hint = "there are no connections to wait for: bind " + s.name + " ADDR, and recv " + s.name + " gets what anybody sends"
	}
	return err
}

// Accept waits for one connection and enters it under name, or under one of
// the table's choice. A connection that arrives as the caller gives up is kept
// for the next Accept.
func (s *Socket) Accept(ctx context.Context, name string) (*Socket, error) {
	if err := s.can(socket.CallAccept, "accept", s.name); err != nil {
		return nil, err
	}
	if !s.isPassive() {
		return nil, &socket.Error{Op: "accept", Place: s.name, Err: syscall.EINVAL,
			Hint: s.name + " does not listen: listen " + s.name + " first"}
	}
	name, err := s.table.reserve(s.desc.Name, name)
	if err != nil {
		return nil, err
	}
	h, err := s.nextConnection(ctx)
	s.readAhead()
	if err != nil {
		s.table.unreserve(name)
		return nil, withDescriptorHint(s.fail("accept", err))
	}
	c := s.table.newSocket(name, s.proto, s.desc, h, s.currentFamily())
	c.begun, c.accepted = true, true
	f, _ := c.Facts()
	c.peer = f.Remote
	if err := s.table.enter(c); err != nil {
		return nil, s.fail("accept", err)
	}
	return c, nil
}

// nextConnection gives a kept connection, or waits for one.
func (s *Socket) nextConnection(ctx context.Context) (socket.Handle, error) {
	if err := s.reading.take(ctx); err != nil {
		return socket.Handle{}, err
	}
	for {
		if h, ok := s.unkeep(); ok {
			s.reading.give()
			return h, nil
		}
		err := s.awaitConnection(ctx)
		if err == nil {
			var h socket.Handle
			var left bool
			if h, left, err = s.takeConnection(ctx); left {
				return h, err // the call under way gives the turn back
			}
			if err == nil {
				s.reading.give()
				return h, nil
			}
		}
		if !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.ECONNABORTED) {
			s.reading.give()
			return socket.Handle{}, err
		}
	}
}

// awaitConnection waits until the kernel, or the carrier, has a connection.
func (s *Socket) awaitConnection(ctx context.Context) error {
	fd, err := s.hold.use()
	if err != nil {
		return err
	}
	ready := sysReady(fd, toRead)
	s.hold.done()
	if ready {
		return nil
	}
	return s.table.poll.wait(ctx, s.watch, toRead)
}

// takeConnection asks the plugin for one. When the caller gives up meanwhile
// (left), the call goes on by itself: it keeps what it takes for the next
// Accept and gives the turn back.
func (s *Socket) takeConnection(ctx context.Context) (h socket.Handle, left bool, err error) {
	type answer struct {
		h   socket.Handle
		err error
	}
	answers, leave := make(chan answer), make(chan struct{})
	go func() {
		var a answer
		a.err = s.lend(context.WithoutCancel(ctx), func(c context.Context, l socket.Lent) (err error) {
			a.h, err = s.proto.Accept(c, l)
			return err
		})
		select {
		case answers <- a:
		case <-leave:
			if a.err == nil {
				s.keepConnection(a.h)
			}
			s.reading.give()
		}
	}()
	c, cancel := control(ctx)
	defer cancel()
	select {
	case a := <-answers:
		return a.h, false, a.err
	case <-c.Done():
		close(leave)
		return socket.Handle{}, true, asFault(ctx, c.Err())
	}
}

// keepConnection holds a connection for the next Accept.
func (s *Socket) keepConnection(h socket.Handle) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.hold.use(); err != nil { // closed meanwhile: nobody will ask
		sysClose(h.FD)
		return
	}
	s.hold.done()
	s.kept = append(s.kept, h)
}

func (s *Socket) unkeep() (socket.Handle, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.kept) == 0 {
		return socket.Handle{}, false
	}
	h := s.kept[0]
	s.kept = s.kept[1:]
	return h, true
}
