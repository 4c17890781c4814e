// Command sosh-plugin-tlsdial opens connections over TLS: a dialer with options, facts
// and an address of the form host:port. It listens nowhere.
//
//	sosh -c 'open tlsdial example.com:443 alpn=http/1.1; show . tlsdial.version'
package main

import (
	"context"
	"crypto/tls"
	"net"
	"strings"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

type dialer struct{}

func (dialer) Describe() sdk.Description {
	return sdk.Description{Name: "tlsdial", Synopsis: "connections over TLS", Version: "1", Address: sdk.HostPort,
		Options: []sdk.Option{
			{Name: "servername", Type: sdk.StringOption, Help: "whose certificate must come; the host that was dialled when empty"},
			{Name: "insecure", Type: sdk.BoolOption, Default: "off", Help: "take any certificate"},
			{Name: "alpn", Type: sdk.StringOption, Help: "application protocols to offer, with commas between"},
		},
		Facts: []sdk.Fact{{Name: "version", Help: "that was agreed on"}, {Name: "alpn", Help: "the protocol that was agreed on"}}}
}

func (dialer) Dial(ctx context.Context, req sdk.DialRequest) (net.Conn, error) {
	config := &tls.Config{ServerName: req.Options.Text("servername"), InsecureSkipVerify: req.Options.Bool("insecure")}
	if alpn := req.Options.Text("alpn"); alpn != "" {
		config.NextProtos = strings.Split(alpn, ",")
	}
	c, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", req.Address)
	if err != nil {
		return nil, err
	}
	return conn{c.(*tls.Conn)}, nil
}

// conn is a tls.Conn that tells facts.
type conn struct{ *tls.Conn }

func (c conn) Facts() []sdk.Setting {
	s := c.ConnectionState()
	return []sdk.Setting{{Name: "version", Value: tls.VersionName(s.Version)}, {Name: "alpn", Value: s.NegotiatedProtocol}}
}

func main() { sdk.Serve(sdk.NewDialer(dialer{})) }
