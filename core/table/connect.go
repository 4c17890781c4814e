package table

import (
	"context"
	"errors"
	"net"
	"syscall"
	"time"

	"github.com/sosh-shell/sosh/core/inspect"
	"github.com/sosh-shell/sosh/core/socket"
)

// attemptDelay is the head start of one address over the next: RFC 8305
// section 5 recommends 250 ms.
const attemptDelay = 250 * time.Millisecond

// attempt connects to the first of the spec's addresses that answers, by RFC
// 8305: families take turns, each attempt starts when the one before has failed
// or has had its head start, the first connection wins and the rest are dropped.
// Addresses are awaited together: the resolver gives both families at once.
func (o *opener) attempt(ctx context.Context) (*Socket, error) {
	list, err := resolve(ctx, o.proto, socket.ResolveRequest{Text: o.spec.Connect, Family: o.spec.Family})
	if err != nil {
		return nil, failAt("open", o.name+" "+o.spec.Connect, err)
	}
	var from []socket.Address
	if o.spec.From != "" {
		from, err = resolve(ctx, o.proto, socket.ResolveRequest{Text: o.spec.From, Family: o.spec.Family, Passive: true})
		if err != nil {
			return nil, failAt("open", o.name+" from="+o.spec.From, err)
		}
		if list = ofFamily(list, from[0].Family); len(list) == 0 {
			return nil, failAt("open", o.name+" "+o.spec.Connect,
				socket.Faultf(socket.Usage, "from=%s is of another address family", o.spec.From))
		}
	}
	if len(list) == 1 {
		s, err := o.one(ctx, list[0], from)
		if err == nil {
			s.host = hostOf(o.spec.Connect, o.desc.Address)
		}
		return s, err
	}
	list = interleave(list)

	type result struct {
		s   *Socket
		err error
	}
	race, stop := context.WithCancel(ctx)
	defer stop()
	results := make(chan result)
	started, failed := 0, 0
	start := func() {
		a := list[started]
		started++
		go func() {
			s, err := o.one(race, a, from)
			results <- result{s, err}
		}()
	}
	drain := func() { // the losers close themselves, out of the caller's time
		for pending := started - failed - 1; pending > 0; pending-- {
			if r := <-results; r.s != nil {
				r.s.discard()
			}
		}
	}
	start()
	head := time.NewTimer(attemptDelay)
	defer head.Stop()
	var first error
	for {
		select {
		case r := <-results:
			if r.err == nil {
				stop()
				go drain()
				r.s.host = hostOf(o.spec.Connect, o.desc.Address)
				return r.s, nil
			}
			if first == nil {
				first = r.err
			}
			failed++
			if failed == len(list) || ctx.Err() != nil && failed == started {
				if why := waitError(ctx); why != nil { // the end of the time decides, not the address that failed first
					first = r.err
				}
				return nil, atAll(first, o.name+" "+o.spec.Connect, list[:started], o.desc.Address)
			}
			if started < len(list) && ctx.Err() == nil {
				start()
				head.Reset(attemptDelay)
			}
		case <-head.C:
			if started < len(list) {
				start()
				head.Reset(attemptDelay)
			}
		}
	}
}

// hasHost reports whether addresses of the form have a host, which hints may speak of.
func hasHost(form socket.AddressForm) bool {
	return form == socket.HostPort || form == socket.HostOnly
}

// hostOf is the host of an address in words: what a layer checks a certificate against.
func hostOf(text string, form socket.AddressForm) string {
	switch form {
	case socket.PathForm, socket.TextForm:
		return ""
	case socket.HostPort:
		if host, _, err := net.SplitHostPort(text); err == nil {
			text = host
		}
	}
	if text == "" {
		return "localhost"
	}
	return text
}

// atAll words the failure of all addresses: the name that was typed, the cause
// at the address tried first, and the addresses.
func atAll(err error, place string, tried []socket.Address, form socket.AddressForm) error {
	var e *socket.Error
	if !errors.As(err, &e) || e.Op != "connect" {
		return err
	}
	return &socket.Error{Op: e.Op, Place: place + " (" + joinAddresses(tried, form) + ")", Err: e.Err, Hint: e.Hint}
}

// one makes a socket and connects it to that address.
func (o *opener) one(ctx context.Context, a socket.Address, from []socket.Address) (*Socket, error) {
	s, err := o.make(ctx, a.Family)
	if err != nil {
		return nil, err
	}
	if from != nil {
		err = s.bindTo(ctx, "bind", from[:1])
	}
	if err == nil {
		err = s.connectTo(ctx, a)
	}
	if err != nil {
		s.discard()
		return nil, err
	}
	return s, nil
}

// Connect connects a socket that exists to the first of text's addresses that
// answers. Cancelled or timed out, it leaves a socket that connects at the next try.
func (s *Socket) Connect(ctx context.Context, text string) error {
	place := s.name + " " + text
	if err := s.can(socket.CallConnect, "connect", place); err != nil {
		return err
	}
	if s.isPassive() {
		return &socket.Error{Op: "connect", Place: place, Err: socket.Faultf(socket.Unsupported, "%s listens", s.name),
			Hint: "open another socket: a listening one does not connect"}
	}
	f, _ := s.Facts()
	req := socket.ResolveRequest{Text: text}
	if !f.Local.IsZero() {
		req.Family = s.currentFamily()
	}
	list, err := resolve(ctx, s.proto, req)
	if err != nil {
		return failAt("connect", place, err)
	}
	if err := s.writing.take(ctx); err != nil {
		return failAt("connect", place, err)
	}
	defer s.writing.give()
	var first error
	for i, a := range list {
		if err = s.ofFamily(ctx, a.Family); err == nil {
			if err = s.connectTo(ctx, a); err == nil {
				s.mu.Lock()
				s.host = hostOf(text, s.desc.Address)
				s.mu.Unlock()
				s.readAhead()
				return nil
			}
		}
		if first == nil {
			first = err
		}
		if waitError(ctx) != nil {
			return err
		}
		if errors.Is(err, syscall.EISCONN) || len(list) == i+1 {
			break
		}
	}
	return first
}

// connectTo begins the connection through the plugin and waits for it here.
func (s *Socket) connectTo(ctx context.Context, a socket.Address) error {
	place := s.name + " " + a.Text(s.desc.Address)
	call := func(c context.Context, l socket.Lent) error {
		_, err := s.proto.Connect(c, l, a)
		return err
	}
	if s.carrier != nil { // the waiting is done where the socket is
		inner := call
		call = func(_ context.Context, l socket.Lent) error { return inner(ctx, l) }
	}
	s.dissolve()
	err := s.lend(ctx, call)
	switch {
	case errors.Is(err, syscall.EINPROGRESS):
		err = s.connecting(ctx)
	case errors.Is(err, socket.Interrupted), errors.Is(err, socket.Timeout), errors.Is(err, socket.Failed):
		s.dissolve() // what came of the call is not known
	}
	if err != nil {
		return withConnectHint(failAt("connect", place, err), a, s.desc.Address)
	}
	s.mu.Lock()
	s.begun, s.peer, s.end, s.shutWr = true, a, nil, false
	s.mu.Unlock()
	return nil
}

// connecting waits for a connection under way. If it does not come to be, the
// attempt is dissolved, so that the next one finds a usable socket.
func (s *Socket) connecting(ctx context.Context) error {
	for first := true; ; first = false {
		fd, err := s.hold.use()
		if err != nil {
			return err
		}
		if !first || !sysReady(fd, toWrite) { // over the loopback it is done already
			s.hold.done()
			err = s.table.poll.wait(ctx, s.watch, toWrite)
			var herr error
			if fd, herr = s.hold.use(); herr != nil {
				return herr
			}
		}
		if err == nil {
			err = sysTakeError(fd)
		}
		switch {
		case err != nil:
			sysDisconnect(fd)
			s.hold.done()
			return err
		case !sysRemote(fd).IsZero():
			s.hold.done()
			return nil
		}
		state := inspect.State(fd)
		s.hold.done()
		if state == "CLOSED" {
			return syscall.ECONNABORTED // somebody else has taken the error
		}
	}
}

// dissolve ends what an earlier connect may have left under way: connect(2)
// again would answer for that one.
func (s *Socket) dissolve() {
	s.mu.Lock()
	begun := s.begun
	s.mu.Unlock()
	fd, err := s.hold.use()
	if err != nil {
		return
	}
	defer s.hold.done()
	if s.carrier == nil && !begun && (inspect.State(fd) == "SYN-SENT" || !sysRemote(fd).IsZero()) {
		sysDisconnect(fd)
	}
}

// withConnectHint adds what to do about the common failures.
func withConnectHint(err error, a socket.Address, form socket.AddressForm) error {
	var e *socket.Error
	if !errors.As(err, &e) || e.Hint != "" {
		return err
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		e.Hint = "nothing listens there: start the server, or wait for it with open --retry"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		to := a.Host()
		if to == "" {
			to = a.Path
		}
		e.Hint = "there is no route to " + to + " from here"
	case errors.Is(err, syscall.EISCONN):
		e.Hint = "open another socket: this one is connected"
	case errors.Is(err, socket.Timeout) && !hasHost(form):
		e.Hint = "no answer came; --timeout allows more time"
	case errors.Is(err, socket.Timeout):
		e.Hint = "no answer came: a host that is down, or a filter that drops; --timeout allows more time"
	}
	return err
}

// ofFamily gives the socket a descriptor of that family when it has another
// and is in use by nobody: same options, same number, put in place by dup3(2).
func (s *Socket) ofFamily(ctx context.Context, fam socket.Family) error {
	if s.currentFamily() == fam || s.currentFamily() == socket.FamilyNone && fam == socket.FamilyIP4 {
		return nil
	}
	f, _ := s.Facts()
	if s.carrier != nil || !f.Local.IsZero() || !f.Remote.IsZero() {
		return nil // the kernel tells what is wrong
	}
	c, cancel := control(ctx)
	defer cancel()
	s.mu.Lock()
	options := s.options
	s.mu.Unlock()
	h, err := s.proto.Open(c, socket.OpenRequest{Family: fam, Options: options})
	if err != nil {
		return withDescriptorHint(failAt("open", s.name, asFault(ctx, err)))
	}
	fd, err := s.hold.use()
	if err != nil {
		sysClose(h.FD)
		return err
	}
	defer s.hold.done()
	s.table.poll.renew(s.watch)
	if err := sysReplace(fd, h.FD); err != nil {
		return s.fail("open", err)
	}
	s.mu.Lock()
	s.mark, s.family = h.Mark, fam
	s.mu.Unlock()
	return nil
}

func (s *Socket) currentFamily() socket.Family {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.family
}

// interleave lets the families take turns, beginning with the first address's
// (RFC 8305 section 4).
func interleave(list []socket.Address) []socket.Address {
	lead := ofFamily(list, list[0].Family)
	var rest []socket.Address
	for _, a := range list {
		if a.Family != list[0].Family {
			rest = append(rest, a)
		}
	}
	out := make([]socket.Address, 0, len(list))
	for i := 0; i < max(len(lead), len(rest)); i++ {
		if i < len(lead) {
			out = append(out, lead[i])
		}
		if i < len(rest) {
			out = append(out, rest[i])
		}
	}
	return out
}

func ofFamily(list []socket.Address, fam socket.Family) []socket.Address {
	var out []socket.Address
	for _, a := range list {
		if a.Family == fam {
			out = append(out, a)
		}
	}
	return out
}
