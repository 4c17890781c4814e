// Package proxy is the layer proxy: the few bytes that stand before a stream when
// somebody is in between. Option mode says which:
//
//   - connect asks an HTTP proxy for a connection to somebody else (CONNECT, RFC
//     9110, section 9.3.6), with a name and a password where it wants them (RFC 7617);
//   - v1 and v2 tell a server behind a proxy whose connection it is: the PROXY
//     protocol's header, as text or binary, before the first byte;
//   - read takes such a header, of either version, from whoever connected to us.
//
// What stands after these bytes is the stream's, untouched. The package will not
// resolve the target's name, nor be an HTTP proxy, nor sign or encrypt.
package proxy

import (
	"bufio"
	"context"
	"io"
	"net"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// New returns the protocol.
func New() sdk.Protocol { return sdk.NewLayer(layer{}) }

type layer struct{}

// The modes.
const (
	modeAuto    = "auto"
	modeConnect = "connect"
	modeV1      = "v1"
	modeV2      = "v2"
	modeRead    = "read"
)

var options = []sdk.Option{
	{Name: "mode", Type: sdk.StringOption, Default: modeAuto,
		Help: "connect (HTTP CONNECT), v1 or v2 (send a PROXY header), read (take one); auto is read where the peer connected to us, else connect"},
	{Name: "to", Type: sdk.StringOption, Help: "connect: the target, host:port, must be given; v1, v2: the address that was connected to, the socket's peer by default"},
	{Name: "from", Type: sdk.StringOption, Help: "v1, v2: the address that connected, the socket's own by default; none says that nobody did"},
	{Name: "user", Type: sdk.StringOption, Help: "connect: name for a proxy that wants one; goes unencrypted"},
	{Name: "password", Type: sdk.StringOption, Help: "connect: password of that user; goes unencrypted"},
}

// Describe implements sdk.Layer.
func (layer) Describe() sdk.Description {
	return sdk.Description{
		Name:     "proxy",
		Synopsis: "a connection through an HTTP proxy, or the PROXY header of one behind a proxy",
		Version:  "1",
		Kind:     sdk.Stream,
		Options:  options,
		Facts: []sdk.Fact{
			{Name: "mode", Help: "which of the modes it is"},
			{Name: "target", Help: "connect: the host and port that the proxy was asked for"},
			{Name: "status", Help: "connect: the proxy's answer"},
			{Name: "version", Help: "of the PROXY header: 1 or 2"},
			{Name: "command", Help: "of the PROXY header: proxy, or local where nobody stands behind the proxy"},
			{Name: "src", Help: "who connected to the proxy, as the PROXY header says"},
			{Name: "dst", Help: "whom they connected to, as the PROXY header says"},
			{Name: "authority", Help: "of a PROXY header of version 2: the host name that the client asked for"},
			{Name: "alpn", Help: "of a PROXY header of version 2: the application protocol above"},
			{Name: "id", Help: "of a PROXY header of version 2: the connection's identity, in hexadecimal"},
		},
	}
}

// Wrap implements sdk.Layer: it sends or takes what stands before the stream.
func (layer) Wrap(_ context.Context, below sdk.Below, req sdk.LayerRequest) (net.Conn, error) {
	mode := req.Options.Text("mode")
	if mode == modeAuto {
		mode = modeConnect
		if req.Accepted {
			mode = modeRead
		}
	}
	if err := fits(mode, req.Options); err != nil {
		return nil, err
	}
	c := &conn{Below: below, facts: []sdk.Setting{{Name: "mode", Value: mode}}}
	r := bufio.NewReaderSize(below, 4096)
	var err error
	switch mode {
	case modeConnect:
		err = c.connect(r, req.Options)
	case modeV1, modeV2:
		err = c.announce(mode, req)
	case modeRead:
		err = c.accept(r)
	}
	if err != nil {
		return nil, err
	}
	if n := r.Buffered(); n > 0 {
		c.rest, _ = r.Peek(n) // the reader is dropped, so its buffer is ours
	}
	return c, nil
}

// fits refuses an unknown mode, and options that mean nothing in the mode.
func fits(mode string, o sdk.OptionValues) error {
	allowed := map[string][]string{
		modeConnect: {"to", "user", "password"},
		modeV1:      {"to", "from"},
		modeV2:      {"to", "from"},
		modeRead:    {},
	}
	names, ok := allowed[mode]
	if !ok {
		return sdk.Faultf(sdk.Usage, "mode is connect, v1, v2, read or auto, not %q", mode)
	}
	takes := map[string]bool{"mode": true}
	for _, n := range names {
		takes[n] = true
	}
	for _, d := range options {
		if o.Given(d.Name) && !takes[d.Name] {
			return sdk.Faultf(sdk.Usage, "%s means nothing with mode=%s", d.Name, mode)
		}
	}
	return nil
}

// conn is the stream beneath, after what stood before it.
type conn struct {
	sdk.Below
	rest  []byte // read from below and not yet delivered
	facts []sdk.Setting
}

func (c *conn) fact(name, value string) {
	if value != "" {
		c.facts = append(c.facts, sdk.Setting{Name: name, Value: value})
	}
}

// Read implements net.Conn.
func (c *conn) Read(b []byte) (int, error) {
	if len(c.rest) == 0 {
		c.rest = nil
		return c.Below.Read(b)
	}
	n := copy(b, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// WriteTo implements io.WriterTo: below moves many bytes better than we could.
func (c *conn) WriteTo(w io.Writer) (int64, error) {
	rest := c.rest
	c.rest = nil
	n, err := w.Write(rest)
	if err != nil {
		return int64(n), err
	}
	m, err := io.Copy(w, c.Below)
	return int64(n) + m, err
}

// Facts implements sdk.FactTeller.
func (c *conn) Facts() []sdk.Setting { return c.facts }

// Unwrap implements sdk.Unwrapper.
func (c *conn) Unwrap(context.Context) ([]byte, error) {
	rest := c.rest
	c.rest = nil
	return rest, nil
}

var (
	_ sdk.Layer       = layer{}
	_ sdk.FactTeller  = (*conn)(nil)
	_ sdk.Unwrapper   = (*conn)(nil)
	_ sdk.CloseWriter = (*conn)(nil)
	_ io.WriterTo     = (*conn)(nil)
)
