package sdk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
)

// Wrap implements Wrapper.
func (p layerProtocol) Wrap(ctx context.Context, req WrapRequest) (Handle, error) {
	none := Handle{FD: -1}
	var d Description
	var options OptionValues
	err := caught("Describe", func() (err error) { // a panic must not keep the descriptor
		d = p.layer.Describe()
		if options, err = checkOptions(d.Options, req.Options); err != nil {
			return err
		}
		return p.takes(d, req)
	})
	if err != nil {
		unix.Close(req.FD)
		return none, err
	}
	fd, err := newPolled(req.FD, "beneath")
	if err != nil {
		return none, fmt.Errorf("the socket beneath: %w", err)
	}
	l := &layered{name: d.Name, options: options}
	shake := p.prepare(l, fd, req)
	stop := context.AfterFunc(ctx, fd.interrupt)
	var conn any
	err = caught(d.Name+"'s Wrap", func() (err error) {
		conn, err = shake(ctx, LayerRequest{Host: req.Host, Remote: req.Remote, Accepted: req.Accepted, Options: options})
		return err
	})
	if !stop() && ctx.Err() != nil {
		err = fmt.Errorf("%s was not done: %w", d.Name, ctx.Err())
	}
	l.conn = conn
	h := none
	if err = wrapError(err); err == nil {
		err = caught(d.Name+"'s Mark", func() (err error) { h, err = l.handle(above(d, req.Kind)); return err })
	}
	if err != nil {
		if conn != nil {
			l.closeConn()
		}
		l.beneath.Close()
		return none, err
	}
	l.start()
	return h, nil
}

// takes refuses messages for a layer that has no use for them.
func (p layerProtocol) takes(d Description, req WrapRequest) error {
	if !req.Framed && !req.Kind.Messages() {
		return nil
	}
	if _, ok := p.layer.(MessageWrapper); ok {
		return nil
	}
	what := fmt.Sprintf("is a %s socket", req.Kind)
	if req.Framed {
		what = "gives messages already"
	}
	return Faultf(Usage, "%s needs a stream of bytes, and this %s", d.Name, what)
}

// prepare makes what is beneath, and returns what wraps it.
func (p layerProtocol) prepare(l *layered, fd *polled, req WrapRequest) func(context.Context, LayerRequest) (any, error) {
	messages := func(b MessageBelow) func(context.Context, LayerRequest) (any, error) {
		l.rest = func() []byte { return nil }
		return func(ctx context.Context, r LayerRequest) (any, error) {
			c, err := p.layer.(MessageWrapper).WrapMessages(ctx, b, r)
			return orNil(c, c != nil), err
		}
	}
	switch {
	case req.Framed:
		b := &belowFrames{beneath: beneath{polled: fd, remote: req.Remote, signs: isPair(fd)}}
		l.beneath = &b.beneath
		return messages(b)
	case req.Kind.Messages():
		b := &belowPackets{beneath: beneath{polled: fd, remote: req.Remote}, kind: req.Kind}
		b.look()
		l.beneath = &b.beneath
		return messages(b)
	}
	b := &belowBytes{beneath: beneath{polled: fd, remote: req.Remote, signs: isPair(fd)}, unread: req.Unread}
	l.beneath, l.rest = &b.beneath, b.rest
	return func(ctx context.Context, r LayerRequest) (any, error) {
		c, err := p.layer.Wrap(ctx, b, r)
		return orNil(c, c != nil), err
	}
}

// orNil keeps an interface that holds nothing from looking like something.
func orNil(c any, is bool) any {
	if !is {
		return nil
	}
	return c
}

// handle is what the host gets.
func (l *layered) handle(kind Kind) (Handle, error) {
	_, bytes := l.conn.(net.Conn)
	_, messages := l.conn.(MessageConn)
	if messages != kind.Messages() || !messages && !bytes {
		return Handle{FD: -1}, Faultf(Failed, "%s declares to give a %s, and gives something else", l.name, kind)
	}
	var mark Mark
	if m, ok := l.conn.(Marker); ok {
		mark = m.Mark()
	}
	if len(mark) > socket.MaxMark {
		return Handle{FD: -1}, Faultf(Failed, "%s gave a mark of %d bytes: %d are allowed", l.name, len(mark), socket.MaxMark)
	}
	u, theirs, err := newUpper(messages)
	if err != nil {
		return Handle{FD: -1}, err
	}
	l.u = u
	return Handle{FD: theirs, Mark: mark, Carrier: l}, nil
}

// wrapError gives a failed handshake its identity and keeps its words.
func wrapError(err error) error {
	var fault Fault
	switch {
	case err == nil, errors.As(err, &fault):
		return err
	case err == io.EOF, err == io.ErrUnexpectedEOF:
		return Faultf(Truncated, "the peer ended the stream before the layer was on")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return Faultf(Truncated, "%v", err)
	case errors.Is(cutShort(err), Reset):
		return Faultf(Reset, "the peer reset the connection before the layer was on")
	}
	return err
}

func formatCount(n uint64) string { return strconv.FormatUint(n, 10) }

var (
	_ Below        = (*belowBytes)(nil)
	_ MessageBelow = (*belowPackets)(nil)
	_ MessageBelow = (*belowFrames)(nil)
)
