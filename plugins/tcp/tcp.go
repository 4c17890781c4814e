// Package tcp is the protocol tcp: it makes TCP sockets and makes the socket
// calls on them. It keeps nothing, waits for nothing and moves no bytes.
package tcp

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
		Name:     "tcp",
		Synopsis: "byte streams over IP, with a connection (RFC 9293)",
		Version:  "1",
		Kind:     sdk.Stream,
		Address:  sdk.HostPort,
		Options:  declared,
		Facts:    declaredFacts,
	}
}

// Resolve implements sdk.Resolver.
func (protocol) Resolve(ctx context.Context, req sdk.ResolveRequest) ([]sdk.Address, error) {
	return sdk.ResolveHostPort(ctx, "tcp", req)
}

// Bind implements sdk.Binder.
func (protocol) Bind(_ context.Context, s sdk.Lent, local sdk.Address) (sdk.Report, error) {
	var c sdk.Calls
	err := c.Bind(s.FD, local)
	return c.Report, err
}

// Listen implements sdk.Listener.
func (protocol) Listen(_ context.Context, s sdk.Lent, backlog int) (sdk.Report, error) {
	var c sdk.Calls
	err := c.Listen(s.FD, backlog)
	return c.Report, err
}

// Connect implements sdk.Connector.
func (protocol) Connect(_ context.Context, s sdk.Lent, remote sdk.Address) (sdk.Report, error) {
	var c sdk.Calls
	err := c.Connect(s.FD, remote)
	return c.Report, err
}

// Accept implements sdk.Accepter.
func (protocol) Accept(_ context.Context, s sdk.Lent) (sdk.Handle, error) {
	var c sdk.Calls
	fd, err := c.Accept(s.FD)
	return sdk.Handle{FD: fd, Report: c.Report}, err
}

// Shutdown implements sdk.Shutdowner.
func (protocol) Shutdown(_ context.Context, s sdk.Lent, how sdk.How) (sdk.Report, error) {
	var c sdk.Calls
	err := c.Shutdown(s.FD, how)
	return c.Report, err
}

var (
	_ sdk.Resolver   = protocol{}
	_ sdk.Binder     = protocol{}
	_ sdk.Listener   = protocol{}
	_ sdk.Connector  = protocol{}
	_ sdk.Accepter   = protocol{}
	_ sdk.Shutdowner = protocol{}
	_ sdk.Optioner   = protocol{}
	_ sdk.Informer   = protocol{}
)
