package table

import (
	"context"
	"errors"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/sosh-shell/sosh/core/socket"
)

// Spec says what Open makes.
type Spec struct {
	Protocol string
	Name     string        // empty: the table gives one
	Connect  string        // an address to connect to, or empty
	Listen   string        // an address to bind to and listen on, or empty
	From     string        // the local address of a connection, or empty
	Family   socket.Family // FamilyNone: the address's
	Options  []socket.Setting
	Inbox    int64 // the bound of unread bytes; 0 for DefaultInbox
	Retry    bool  // connect again and again, until ctx is done
}

// retryFirst and retryMost bound the pause between two tries of a connection:
// short enough to find a server that has just come up, long enough to leave it in peace.
const (
	retryFirst = 20 * time.Millisecond
	retryMost  = 500 * time.Millisecond
)

// Open makes a socket and, where the spec has an address, connects it or makes
// it listen. On failure nothing is left in the table.
func (t *Table) Open(ctx context.Context, spec Spec) (*Socket, error) {
	proto, err := t.providers.Protocol(spec.Protocol)
	if err != nil {
		return nil, failAt("open", spec.Protocol, err)
	}
	desc := proto.Describe()
	if desc.Layer {
		return nil, &socket.Error{Op: "open", Place: spec.Protocol, Err: socket.Faultf(socket.Usage, "%s is a layer, which opens no socket", spec.Protocol),
			Hint: "wrap SOCK " + spec.Protocol + " puts it around a live one"}
	}
	name, err := t.reserve(spec.Protocol, spec.Name)
	if err != nil {
		return nil, err
	}
	o := opener{t: t, proto: proto, desc: desc, name: name, spec: spec}
	var s *Socket
	switch {
	case spec.Listen != "":
		s, err = o.listening(ctx)
	case spec.Connect != "":
		s, err = o.connected(ctx)
	default:
		s, err = o.unconnected(ctx)
	}
	if err != nil {
		t.unreserve(name)
		return nil, err
	}
	if spec.Inbox > 0 {
		s.SetInbox(spec.Inbox)
	}
	if err := t.enter(s); err != nil {
		return nil, failAt("open", name, err)
	}
	return s, nil
}

// opener is one Open under way.
type opener struct {
	t     *Table
	proto socket.Complete
	desc  socket.Description
	name  string
	spec  Spec
}

// make asks the plugin for a descriptor of that family.
func (o *opener) make(ctx context.Context, fam socket.Family) (*Socket, error) {
	c, cancel := control(ctx)
	defer cancel()
	h, err := o.proto.Open(c, socket.OpenRequest{Family: fam, Options: o.spec.Options})
	if err != nil {
		return nil, withDescriptorHint(failAt("open", o.name, asFault(ctx, err)))
	}
	s := o.t.newSocket(o.name, o.proto, o.desc, h, fam)
	s.options = slices.Clone(o.spec.Options)
	return s, nil
}

func (o *opener) unconnected(ctx context.Context) (*Socket, error) {
	if o.spec.From == "" {
		return o.make(ctx, o.spec.Family)
	}
	list, err := resolve(ctx, o.proto, socket.ResolveRequest{Text: o.spec.From, Family: o.spec.Family, Passive: true})
	if err != nil {
		return nil, failAt("open", o.name+" from="+o.spec.From, err)
	}
	s, err := o.make(ctx, list[0].Family)
	if err != nil {
		return nil, err
	}
	if err := s.bindTo(ctx, "bind", list[:1]); err != nil {
		s.discard()
		return nil, err
	}
	return s, nil
}

func (o *opener) listening(ctx context.Context) (*Socket, error) {
	list, err := resolve(ctx, o.proto, socket.ResolveRequest{Text: o.spec.Listen, Family: o.spec.Family, Passive: true})
	if err != nil {
		return nil, failAt("open", o.name+" "+o.spec.Listen, err)
	}
	s, err := o.make(ctx, list[0].Family)
	if err != nil {
		return nil, err
	}
	// What has no connections gets what anybody sends, once it is bound.
	if err = s.bindTo(ctx, "bind", list[:1]); err == nil && s.kind != socket.Datagram && s.kind != socket.Raw {
		err = s.Listen(ctx, 0)
	}
	if err != nil {
		s.discard()
		return nil, err
	}
	return s, nil
}

// connected connects, again and again when that was asked for.
func (o *opener) connected(ctx context.Context) (*Socket, error) {
	if !o.desc.Can(socket.CallConnect) {
		return nil, failAt("open", o.name, socket.Faultf(socket.Unsupported, "%s cannot connect", o.desc.Name))
	}
	pause := retryFirst
	for {
		s, err := o.attempt(ctx)
		if err == nil || !o.spec.Retry || !worthRetrying(err) {
			return s, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			why := waitError(ctx)
			return nil, &socket.Error{Op: "connect", Place: o.name + " " + o.spec.Connect,
				Err: &stopped{why, err}}
		}
		pause = min(2*pause, retryMost)
	}
}

// stopped is a retry that ended: why it ended, and what the last try met.
type stopped struct{ why, last error }

func (e *stopped) Error() string {
	last := e.last
	if inner, ok := last.(*socket.Error); ok {
		last = inner.Err
	}
	return e.why.Error() + "; the last try: " + last.Error()
}
func (e *stopped) Unwrap() error { return e.why }

// worthRetrying reports whether time may mend the failure.
func worthRetrying(err error) bool {
	for _, f := range []socket.Fault{socket.Usage, socket.Unsupported, socket.Interrupted, socket.Timeout, socket.Failed} {
		if errors.Is(err, f) {
			return false
		}
	}
	return !errors.Is(err, syscall.EACCES) && !errors.Is(err, syscall.EPERM) && !errors.Is(err, syscall.EMFILE)
}

// resolve asks the plugin; its answer's context errors are named.
func resolve(ctx context.Context, proto socket.Complete, req socket.ResolveRequest) ([]socket.Address, error) {
	c, cancel := resolving(ctx)
	defer cancel()
	list, err := proto.Resolve(c, req)
	if err != nil {
		return nil, asFault(ctx, err)
	}
	if len(list) == 0 {
		return nil, socket.Faultf(socket.Unresolved, "%s has no address", req.Text)
	}
	return list, nil
}

// withDescriptorHint says what to do when the process has no descriptors left.
func withDescriptorHint(err error) error {
	var e *socket.Error
	if errors.As(err, &e) && e.Hint == "" && errors.Is(err, syscall.EMFILE) {
		e.Hint = "close sockets that are done with, or raise the limit: ulimit -n"
	}
	return err
}

func joinAddresses(list []socket.Address, form socket.AddressForm) string {
	var b strings.Builder
	for i, a := range list {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(a.Text(form))
	}
	return b.String()
}
