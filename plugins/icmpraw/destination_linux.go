package icmpraw

import (
	"context"
	"net/netip"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// destination is the address to send to: of several the first that there is a way to.
func destination(ctx context.Context, host string, family sdk.Family, from source) (netip.Addr, error) {
	as, err := protocol{}.Resolve(ctx, sdk.ResolveRequest{Text: host, Family: family})
	if err != nil {
		return netip.Addr{}, err
	}
	var ips []netip.Addr
	for _, a := range as {
		ip := a.IP
		// The kernel takes "any address" for this machine, which answers as itself.
		switch {
		case ip == netip.IPv4Unspecified():
			ip = netip.AddrFrom4([4]byte{127, 0, 0, 1})
		case ip == netip.IPv6Unspecified():
			ip = netip.IPv6Loopback()
		}
		if !from.address.IsValid() || from.address.Is4() == ip.Is4() {
			ips = append(ips, ip)
		}
	}
	if len(ips) == 0 {
		return netip.Addr{}, sdk.Faultf(sdk.Usage, "%s has no address of the family of %s", host, from.address)
	}
	return routable(ips, from)
}
