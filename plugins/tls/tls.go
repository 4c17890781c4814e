// Package tls is the layer tls: Transport Layer Security (RFC 8446, RFC 5246) by
// crypto/tls, as a client or a server, on a connection that is already there, in
// mid-conversation if need be.
//
// It trusts no certificate that it cannot check unless it is told to, and then says
// so loudly. It never renegotiates, and an end without the peer's close_notify is no
// end but a cut.
package tls

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"net"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// New returns the layer.
func New() sdk.Protocol {
	l := &layer{sessions: tls.NewLRUClientSessionCache(64)}
	rand.Read(l.tickets[:])
	return sdk.NewLayer(l)
}

// layer keeps what a later connection may resume, in memory only.
type layer struct {
	sessions tls.ClientSessionCache
	tickets  [32]byte
}

// Describe implements sdk.Layer.
func (*layer) Describe() sdk.Description {
	return sdk.Description{
		Name:     "tls",
		Synopsis: "encryption and identity of the peer (RFC 8446)",
		Version:  "1",
		Kind:     sdk.Stream,
		Options:  options,
		Facts:    facts,
	}
}

// Wrap implements sdk.Layer.
func (l *layer) Wrap(_ context.Context, below sdk.Below, req sdk.LayerRequest) (net.Conn, error) {
	s, err := l.side(below, req)
	if err != nil {
		return nil, err
	}
	defer s.close()
	r := &records{Below: below}
	c := &conn{records: r, unchecked: s.unchecked, note: s.note, server: s.server}
	if s.server {
		c.tls = tls.Server(r, s.config)
	} else {
		c.tls = tls.Client(r, s.config)
	}
	// Without the context: NewLayer makes below fail when it ends, and crypto/tls
	// would close the connection.
	if err := c.tls.Handshake(); err != nil {
		return nil, s.explain(err, r)
	}
	c.state = c.tls.ConnectionState()
	return c, nil
}
