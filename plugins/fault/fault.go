// Package fault is the layer fault: it harms what passes, on purpose, so that one can
// see what a program makes of a bad network. It delays, slows, splits, drops, doubles
// and corrupts, resets and ends.
//
// It works on streams and on messages. What it does is the same every time, unless it
// is asked for chance, and then the same for the same seed. It keeps the order.
package fault

import (
	"context"
	"net"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// New returns the layer.
func New() sdk.Protocol { return sdk.NewLayer(layer{}) }

type layer struct{}

// Describe implements sdk.Layer.
func (layer) Describe() sdk.Description {
	return sdk.Description{
		Name:     "fault",
		Synopsis: "a bad network: delay, loss, corruption, resets",
		Version:  "1",
		Kind:     sdk.Stream,
		Kinds:    []sdk.Kind{sdk.Datagram, sdk.Seqpacket, sdk.Raw},
		Options:  options,
		Facts: []sdk.Fact{
			{Name: "dropped", Help: "bytes of a stream, or messages, that were dropped, both ways"},
			{Name: "duplicated", Help: "those that were passed twice"},
			{Name: "corrupted", Help: "those that were changed"},
			{Name: "delayed", Help: "pieces of a stream, or messages, that had to wait"},
		},
	}
}

// Wrap implements sdk.Layer.
func (layer) Wrap(_ context.Context, below sdk.Below, req sdk.LayerRequest) (net.Conn, error) {
	f, err := newFault(req.Options, true)
	if err != nil {
		return nil, err
	}
	f.reset, f.closeWrite = below.Reset, below.CloseWrite
	if n, ok := below.(interface{ SetNoDelay(bool) error }); ok {
		f.nodelay = func() { n.SetNoDelay(true) }
	}
	f.configured()
	c := &conn{Below: below, fault: f}
	go f.send.run(func(m sdk.Message) error { return c.pieces(m.Data) })
	go f.receive(c.chunk())
	return c, nil
}

// WrapMessages implements sdk.MessageWrapper.
func (layer) WrapMessages(_ context.Context, below sdk.MessageBelow, req sdk.LayerRequest) (sdk.MessageConn, error) {
	f, err := newFault(req.Options, false)
	if err != nil {
		return nil, err
	}
	f.reset, f.closeWrite = below.Reset, below.CloseWrite
	go f.send.run(below.WriteMessage)
	go f.receive(below.ReadMessage)
	return &messages{f}, nil
}

var _ sdk.MessageWrapper = layer{}
