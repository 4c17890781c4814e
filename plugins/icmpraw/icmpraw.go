// Package icmpraw is the protocol icmp-raw: ICMP and ICMPv6 messages of every type
// (RFC 792, RFC 4443), as fields, and the commands ping and traceroute.
//
// There are no ports, and it never pretends that there are. With CAP_NET_RAW its
// sockets are raw ones; without it they are the kernel's ping sockets, which send
// echo requests only. It keeps nothing but what a command needs while it runs, and
// changes no packet that others send.
package icmpraw

import (
	"context"
	"net/netip"
	"strings"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// New returns the protocol.
func New() sdk.Protocol { return protocol{} }

type protocol struct{}

// Describe implements sdk.Protocol.
func (protocol) Describe() sdk.Description {
	return sdk.Description{
		Name:     "icmp-raw",
		Synopsis: "ICMP and ICMPv6 messages, without ports (RFC 792, RFC 4443)",
		Version:  "1",
		Kind:     sdk.Raw,
		Kinds:    []sdk.Kind{sdk.Datagram}, // the kernel's ping socket
		Address:  sdk.HostOnly,
		Options:  declared,
		Facts: []sdk.Fact{
			{Name: "socket", Help: "raw, or ping for the kernel's ping socket, which takes no CAP_NET_RAW"},
			{Name: "id", Help: "the id of echo requests that name none; of a ping socket the kernel's, 0 before it is used"},
		},
		Fields:       fields,
		Commands:     commands,
		Capabilities: []string{"CAP_NET_RAW"},
	}
}

// Resolve implements sdk.Resolver: an address is a host and nothing more.
func (protocol) Resolve(ctx context.Context, req sdk.ResolveRequest) ([]sdk.Address, error) {
	host := req.Text
	if host == "" {
		return nil, sdk.Faultf(sdk.Usage, "no address: write a host")
	}
	if inner, ok := strings.CutPrefix(host, "["); ok && strings.HasSuffix(inner, "]") {
		host = strings.TrimSuffix(inner, "]")
	}
	if name, port, ok := strings.Cut(host, ":"); ok && !strings.Contains(port, ":") {
		return nil, sdk.Faultf(sdk.Usage, "%q has a port, and ICMP has none: write %s", req.Text, name)
	}
	ips, err := sdk.ResolveHost(ctx, host, req)
	if err != nil {
		return nil, err
	}
	as := make([]sdk.Address, len(ips))
	for i, ip := range ips {
		as[i] = hostAddress(ip)
	}
	return as, nil
}

// hostAddress is an address without a port.
func hostAddress(ip netip.Addr) sdk.Address {
	if ip.Is4() {
		return sdk.Address{Family: sdk.FamilyIP4, IP: ip}
	}
	return sdk.Address{Family: sdk.FamilyIP6, IP: ip}
}

// Bind implements sdk.Binder. Only messages to that address are received then.
func (protocol) Bind(_ context.Context, s sdk.Lent, local sdk.Address) (sdk.Report, error) {
	var c sdk.Calls
	err := c.Bind(s.FD, local)
	return c.Report, err
}

// Connect implements sdk.Connector. Only messages from that address are received
// then: not the errors that routers on the way send.
func (protocol) Connect(_ context.Context, s sdk.Lent, remote sdk.Address) (sdk.Report, error) {
	var c sdk.Calls
	err := c.Connect(s.FD, remote)
	return c.Report, err
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
	_ sdk.Connector  = protocol{}
	_ sdk.Shutdowner = protocol{}
	_ sdk.Optioner   = protocol{}
	_ sdk.Informer   = protocol{}
	_ sdk.Encoder    = protocol{}
	_ sdk.Decoder    = protocol{}
	_ sdk.Runner     = protocol{}
)
