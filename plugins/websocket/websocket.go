// Package websocket is the layer websocket: RFC 6455, both sides of it. It shakes
// hands over the stream (the HTTP request and its answer), and gives messages then:
// text and binary, whole, however many frames they come in. Pings are answered, the
// closing handshake is made, and what the peer may not send ends the layer with the
// status code that the RFC has for it.
//
// It offers and accepts no extension, so nothing is compressed. It will not follow
// redirects, keep cookies or send pings of its own accord.
package websocket

import (
	"bufio"
	"context"
	"net"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// New returns the protocol.
func New() sdk.Protocol { return sdk.NewLayer(layer{}) }

type layer struct{}

// The types of a message, with the numbers of their opcodes.
const (
	typeText   = 1
	typeBinary = 2
)

// maxLimit is the greatest value of option max in bytes, and so the longest message.
const maxLimit = 64 << 20

var options = []sdk.Option{
	{Name: "server", Type: sdk.StringOption, Default: "auto", Help: "which side of the handshake: on, off; auto is the server's where the peer connected to us"},
	{Name: "target", Type: sdk.StringOption, Default: "/", Help: "client: the path and query that is asked for"},
	{Name: "host", Type: sdk.StringOption, Help: "client: the Host header; the host that was opened by default"},
	{Name: "origin", Type: sdk.StringOption, Help: "client: the Origin header; server: the only origin that is let in, all by default"},
	{Name: "protocol", Type: sdk.StringOption, Help: "subprotocols separated by commas, best first: a client's offer, a server's choice"},
	{Name: "header", Type: sdk.StringOption, Help: "more header lines of the request or the answer, as Name: value, separated by line ends"},
	{Name: "binary", Type: sdk.StringOption, Default: "auto", Help: "messages sent are binary: on, off; auto is text where the bytes are UTF-8"},
	{Name: "fragment", Type: sdk.SizeOption, Default: "0", Unit: "bytes", Help: "send messages in frames of at most this many bytes; 0 is one frame a message"},
	{Name: "max", Type: sdk.SizeOption, Default: "16M", Unit: "bytes", Help: "longest message that is taken, up to 64M: a longer one ends the layer with code 1009"},
	{Name: "code", Type: sdk.IntOption, Default: "1000", Help: "status code of our close frame (RFC 6455, section 7.4); 0 sends none"},
	{Name: "answer", Type: sdk.StringOption, Default: "now", Help: "when the peer's close frame is answered: now, as RFC 6455 has it, or late, when we have no more to send"},
	{Name: "reason", Type: sdk.StringOption, Help: "reason in our close frame, at most 123 bytes"},
}

// Describe implements sdk.Layer.
func (layer) Describe() sdk.Description {
	return sdk.Description{
		Name:     "websocket",
		Synopsis: "messages over a WebSocket (RFC 6455)",
		Version:  "1",
		Kind:     sdk.Seqpacket,
		Options:  options,
		Facts: []sdk.Fact{
			{Name: "role", Help: "client or server"},
			{Name: "target", Help: "the path and query that was asked for"},
			{Name: "protocol", Help: "the subprotocol that was agreed on"},
			{Name: "origin", Help: "server: the Origin header of the client"},
			{Name: "pings", Help: "pings that came; each was answered, or the newest of several"},
			{Name: "pongs", Help: "pongs that came"},
			{Name: "close.code", Help: "status code of the peer's close frame; 1005 where it gave none"},
			{Name: "close.reason", Help: "reason in the peer's close frame"},
		},
		Fields: []sdk.Field{
			{Name: "type", Type: sdk.TextField, Decoded: true, Help: "text or binary"},
			{Name: "size", Type: sdk.IntField, Decoded: true, Help: "bytes of the message"},
			{Name: "data", Type: sdk.BytesField, Decoded: true, Help: "the message"},
		},
	}
}

// Wrap implements sdk.Layer: it shakes hands.
func (layer) Wrap(_ context.Context, below sdk.Below, req sdk.LayerRequest) (net.Conn, error) {
	c := &conn{Below: below, r: bufio.NewReaderSize(below, 4096), client: !req.Accepted, settings: map[string]string{}}
	for _, o := range options {
		if err := c.set(o.Name, req.Options.Text(o.Name)); err != nil {
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
	shake := c.serve
	if c.client {
		shake = c.dial
	}
	if err := shake(req); err != nil {
		return nil, err
	}
	return c, nil
}

var (
	_ sdk.Layer        = layer{}
	_ sdk.Decoder      = layer{}
	_ sdk.MessageConn  = (*conn)(nil)
	_ sdk.FactTeller   = (*conn)(nil)
	_ sdk.OptionSetter = (*conn)(nil)
	_ sdk.EndAnswerer  = (*conn)(nil)
)
