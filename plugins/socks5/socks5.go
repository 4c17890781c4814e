// Package socks5 is the layer socks5: it asks a SOCKS 5 proxy for a connection to
// somebody else (RFC 1928), with a name and a password where the proxy wants them
// (RFC 1929), and steps aside. After that the stream is the connection to the target.
//
// It will not resolve the target's name (the proxy does, so that nobody near us
// learns it), nor ask for BIND or UDP ASSOCIATE, nor be a proxy.
package socks5

import (
	"context"
	"io"
	"net"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// New returns the protocol.
func New() sdk.Protocol { return sdk.NewLayer(layer{}) }

type layer struct{}

var options = []sdk.Option{
	{Name: "to", Type: sdk.StringOption, Help: "the target, host:port; must be given, and its name is resolved by the proxy"},
	{Name: "user", Type: sdk.StringOption, Help: "name for a proxy that wants one, at most 255 bytes; goes unencrypted"},
	{Name: "password", Type: sdk.StringOption, Help: "password of that user, at most 255 bytes; goes unencrypted"},
}

// Describe implements sdk.Layer.
func (layer) Describe() sdk.Description {
	return sdk.Description{
		Name:     "socks5",
		Synopsis: "a connection through a SOCKS 5 proxy (RFC 1928, 1929)",
		Version:  "1",
		Kind:     sdk.Stream,
		Options:  options,
		Facts: []sdk.Fact{
			{Name: "target", Help: "the host and port that the proxy was asked for"},
			{Name: "bound", Help: "the proxy's own address of its connection to the target, as it says"},
			{Name: "method", Help: "how the proxy let us in: none or password"},
		},
	}
}

// Wrap implements sdk.Layer: it shakes hands and returns the stream beneath.
func (layer) Wrap(_ context.Context, below sdk.Below, req sdk.LayerRequest) (net.Conn, error) {
	if req.Accepted {
		return nil, sdk.Faultf(sdk.Usage, "socks5 is for the side that connects to a proxy, and this connection was accepted")
	}
	ask, err := parse(req.Options)
	if err != nil {
		return nil, err
	}
	method, bound, err := ask.over(below)
	if err != nil {
		return nil, err
	}
	return &conn{Below: below, facts: []sdk.Setting{
		{Name: "target", Value: ask.target},
		{Name: "bound", Value: bound},
		{Name: "method", Value: method},
	}}, nil
}

// conn is the stream beneath, about which something is known. No byte of it passes
// through this package: the handshake is read to its last byte and no further.
type conn struct {
	sdk.Below
	facts []sdk.Setting
}

// WriteTo implements io.WriterTo: below moves many bytes better than we could.
func (c *conn) WriteTo(w io.Writer) (int64, error) { return io.Copy(w, c.Below) }

// Facts implements sdk.FactTeller.
func (c *conn) Facts() []sdk.Setting { return c.facts }

var (
	_ sdk.Layer       = layer{}
	_ sdk.FactTeller  = (*conn)(nil)
	_ sdk.CloseWriter = (*conn)(nil)
	_ io.WriterTo     = (*conn)(nil)
)
