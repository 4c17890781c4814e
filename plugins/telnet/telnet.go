// Package telnet is the layer telnet: a stream in, a stream out, and between them
// TELNET (RFC 854): its commands and negotiations never reach the data, and data that
// looks like them is escaped. Options are negotiated by the Q method of RFC 1143, so
// that no two sides can talk themselves into a loop: ECHO (RFC 857), SUPPRESS GO AHEAD
// (RFC 858), TERMINAL TYPE (RFC 1091), WINDOW SIZE (RFC 1073) and BINARY (RFC 856). All
// others, ENVIRON and STATUS among them, are refused.
//
// Bytes stay as they are: a carriage return goes out as the network virtual terminal
// has it (CR LF, or CR NUL where no LF follows in the same write), and comes in without
// the NUL. No line end is made of another. The package will not echo, edit lines or
// answer ARE YOU THERE: who wraps the socket is the terminal.
package telnet

import (
	"context"
	"net"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// New returns the protocol.
func New() sdk.Protocol { return sdk.NewLayer(layer{}) }

type layer struct{}

var options = []sdk.Option{
	{Name: "server", Type: sdk.StringOption, Default: "auto", Help: "which side we are: on, off; auto is the server where the peer connected to us"},
	{Name: "ttype", Type: sdk.StringOption, Default: "dumb", Help: "client: our terminal's name; off refuses to tell it; server: off does not ask for the client's"},
	{Name: "naws", Type: sdk.StringOption, Default: "80x24", Help: "client: our window, COLUMNSxROWS; off refuses to tell it; server: off does not ask for the client's"},
	{Name: "binary", Type: sdk.BoolOption, Default: "off", Help: "ask for eight bits as they are in both directions (RFC 856), and allow the peer to"},
	{Name: "echo", Type: sdk.StringOption, Default: "auto", Help: "the server echoes: on, off; a client allows it with auto, a server does not offer it with auto"},
}

// Describe implements sdk.Layer.
func (layer) Describe() sdk.Description {
	d := sdk.Description{
		Name:     "telnet",
		Synopsis: "a stream without TELNET's commands and negotiations (RFC 854)",
		Version:  "1",
		Kind:     sdk.Stream,
		Options:  options,
		Facts: []sdk.Fact{
			{Name: "role", Help: "client or server"},
			{Name: "ttype", Help: "server: the client's terminal, as it says"},
			{Name: "naws", Help: "server: the client's window, as it says"},
			{Name: "commands", Help: "commands that came, such as AYT 1, IP 2; negotiations are not counted here"},
			{Name: "negotiations", Help: "requests and answers that came, in number"},
		},
	}
	for _, o := range known {
		d.Facts = append(d.Facts,
			sdk.Fact{Name: "local." + o.name, Help: "whether we use " + o.means},
			sdk.Fact{Name: "remote." + o.name, Help: "whether the peer uses " + o.means})
	}
	return d
}

// Wrap implements sdk.Layer. A client waits for the server to begin, as it may not
// speak TELNET at all; a server asks for what it wants to know. Nobody waits for an
// answer.
func (layer) Wrap(_ context.Context, below sdk.Below, req sdk.LayerRequest) (net.Conn, error) {
	c := &conn{Below: below, server: req.Accepted}
	switch server := req.Options.Text("server"); server {
	case "auto":
	case "on", "off":
		c.server = server == "on"
	default:
		return nil, sdk.Faultf(sdk.Usage, "server is on, off or auto, not %q", server)
	}
	for _, name := range []string{"ttype", "naws", "binary", "echo"} {
		if err := c.prefer(name, req.Options.Text(name)); err != nil {
			return nil, err
		}
	}
	inlineUrgent(below)
	c.begin()
	return c, nil
}

var (
	_ sdk.Layer        = layer{}
	_ sdk.FactTeller   = (*conn)(nil)
	_ sdk.OptionSetter = (*conn)(nil)
	_ sdk.Unwrapper    = (*conn)(nil)
	_ sdk.CloseWriter  = (*conn)(nil)
)
