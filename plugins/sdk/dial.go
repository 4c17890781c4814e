package sdk

import (
	"context"
	"net"
)

// maxDials bounds the dials that are under way in this process, those that were given
// up and have not ended among them.
const maxDials = 512

var dials = make(chan struct{}, maxDials)

// dial calls the author's Dial. It is over when ctx is: a connection that comes later
// is closed.
func (p *dialProtocol) dial(ctx context.Context, req DialRequest) (any, error) {
	select {
	case dials <- struct{}{}:
	default:
		return nil, Faultf(Failed, "%d dials are under way, which is the most", maxDials)
	}
	type result struct {
		conn any
		err  error
	}
	results, left := make(chan result), make(chan struct{})
	defer close(left)
	go func() {
		defer func() { <-dials }()
		var r result
		r.err = caught("Dial", func() (err error) { r.conn, err = p.call(ctx, req); return err })
		if r.err != nil && r.conn != nil {
			shut(r.conn)
		}
		select {
		case results <- r:
		case <-left:
			shut(r.conn)
		}
	}()
	select {
	case r := <-results:
		switch {
		case ctx.Err() != nil: // the host has given it up already
			shut(r.conn)
			return nil, ctx.Err()
		case r.err != nil:
			return nil, dialError(r.err)
		}
		return r.conn, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// call is the author's Dial or DialPacket, checked.
func (p *dialProtocol) call(ctx context.Context, req DialRequest) (any, error) {
	var conn any
	var err error
	switch d := p.dialer.(type) {
	case Dialer:
		var c net.Conn
		if c, err = d.Dial(ctx, req); c != nil {
			conn = c
		}
	case PacketDialer:
		var c net.PacketConn
		if c, err = d.DialPacket(ctx, req); c != nil {
			conn = c
		}
	}
	switch {
	case err != nil:
		return conn, err
	case conn == nil:
		return nil, Faultf(Failed, "%s gave no connection and no error", p.desc.Name)
	}
	return conn, p.fitting(conn)
}
