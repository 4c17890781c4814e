// Package http is the layer http: HTTP/1.1 messages with fields over a stream (RFC
// 9110, RFC 9112), on the client's side and on the server's. A message is a whole
// request or response in the form that stands on the wire, except that its body is
// never in chunks: it has its length instead, so that what is shown can be read and
// matched. Header lines are as they came, in their order. Trailers stand after the
// body.
//
// It will not decompress, follow redirects, keep cookies, authenticate or speak
// HTTP/2. What net/http holds to be malformed ends the layer, and is not sent.
package http

import (
	"bufio"
	"context"
	"net"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// New returns the protocol.
func New() sdk.Protocol { return sdk.NewLayer(layer{}) }

type layer struct{}

// typeChunked is the type of a message whose body came in chunks, or is to be sent so.
const typeChunked = 1

// longestHead bounds a message's head in bytes, and its trailers.
const longestHead = 1 << 20

// maxLimit is the greatest value of option max in bytes: with its head a message
// stays below the contract's 64 MiB.
const maxLimit = 60 << 20

var options = []sdk.Option{
	{Name: "server", Type: sdk.StringOption, Default: "auto", Help: "which side we are: on, off; auto is the server where the peer connected to us"},
	{Name: "max", Type: sdk.SizeOption, Default: "16M", Unit: "bytes", Help: "longest body that is taken, up to 60M: a longer one ends the layer"},
	{Name: "chunked", Type: sdk.BoolOption, Default: "off", Help: "send every body in chunks"},
}

// Describe implements sdk.Layer.
func (layer) Describe() sdk.Description {
	return sdk.Description{
		Name:     "http",
		Synopsis: "HTTP/1.1 requests and responses as messages (RFC 9110, 9112)",
		Version:  "1",
		Kind:     sdk.Seqpacket,
		Options:  options,
		Facts: []sdk.Fact{
			{Name: "role", Help: "client or server"},
			{Name: "requests", Help: "requests that were sent or came"},
			{Name: "responses", Help: "responses that came or were sent, interim ones too"},
			{Name: "pending", Help: "requests without their response yet"},
			{Name: "over", Help: "why what follows is no HTTP: switched (101, or CONNECT) or last (the connection closes); unwrap to go on"},
		},
		Fields: fields,
	}
}

// Wrap implements sdk.Layer. It sends nothing.
func (layer) Wrap(_ context.Context, below sdk.Below, req sdk.LayerRequest) (net.Conn, error) {
	c := &conn{Below: below, r: bufio.NewReaderSize(below, 4096), client: !req.Accepted, host: hostHeader(req), woken: make(chan struct{})}
	for _, name := range []string{"max", "chunked"} {
		if err := c.SetOption(name, req.Options.Text(name)); err != nil {
			return nil, err
		}
	}
	switch server := req.Options.Text("server"); server {
	case "auto":
	case "on", "off":
		c.client = server == "off"
	default:
		return nil, sdk.Faultf(sdk.Usage, "server is on, off or auto, not %q", server)
	}
	return c, nil
}

var (
	_ sdk.Layer        = layer{}
	_ sdk.Encoder      = layer{}
	_ sdk.Decoder      = layer{}
	_ sdk.MessageConn  = (*conn)(nil)
	_ sdk.FactTeller   = (*conn)(nil)
	_ sdk.OptionSetter = (*conn)(nil)
	_ sdk.Marker       = (*conn)(nil)
	_ sdk.Unwrapper    = (*conn)(nil)
)
