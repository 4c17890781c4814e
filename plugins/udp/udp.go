// Package udp is the protocol udp: it makes UDP sockets and makes the socket
// calls on them, and knows what a socket has joined. It keeps nothing, waits for
// nothing and moves no bytes. It does not listen or accept: UDP has no connections.
package udp

import (
	"context"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// New returns the protocol.
func New() sdk.Protocol { return protocol{} }

type protocol struct{}

// Describe implements sdk.Protocol.
func (protocol) Describe() sdk.Description {
	return sdk.Description{
		Name:     "udp",
		Synopsis: "datagrams over IP, each on its own (RFC 768)",
		Version:  "1",
		Kind:     sdk.Datagram,
		Address:  sdk.HostPort,
		Options:  declared,
		Facts:    []sdk.Fact{{Name: "pmtu", Help: "path MTU to the peer in bytes; empty without a peer"}},
	}
}

// Resolve implements sdk.Resolver.
func (protocol) Resolve(ctx context.Context, req sdk.ResolveRequest) ([]sdk.Address, error) {
	return sdk.ResolveHostPort(ctx, "udp", req)
}

// Bind implements sdk.Binder.
func (protocol) Bind(_ context.Context, s sdk.Lent, local sdk.Address) (sdk.Report, error) {
	var c sdk.Calls
	err := c.Bind(s.FD, local)
	return c.Report, err
}

var (
	_ sdk.Resolver   = protocol{}
	_ sdk.Binder     = protocol{}
	_ sdk.Connector  = protocol{}
	_ sdk.Shutdowner = protocol{}
	_ sdk.Optioner   = protocol{}
	_ sdk.Informer   = protocol{}
)
