package sdk

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/sosh-shell/sosh/core/socket"
)

// ResolveHostPort resolves an address of the form host:port: "localhost:80",
// "[::1]:80", "[fe80::1%eth0]:80", ":8080" (localhost), "0.0.0.0:0", a service's
// name for the port. network, "tcp" or "udp", is where services are looked up.
//
// Numbers never leave this machine; a host name may take as long as ctx allows.
func ResolveHostPort(ctx context.Context, network string, req ResolveRequest) ([]Address, error) {
	host, service, err := splitHostPort(req.Text)
	if err != nil {
		return nil, err
	}
	port, err := resolvePort(ctx, network, service)
	if err != nil {
		return nil, err
	}
	if port == 0 && !req.Passive {
		return nil, Faultf(Usage, "port 0 cannot be connected to: name the port")
	}
	ips, err := ResolveHost(ctx, host, req)
	if err != nil {
		return nil, err
	}
	as := make([]Address, len(ips))
	for i, ip := range ips {
		as[i] = socket.AddressOf(netip.AddrPortFrom(ip, port))
	}
	return as, nil
}

// ResolveHost resolves a host without a port: an IP address or a name; "" and
// "localhost" are this machine. req.Text only serves messages.
func ResolveHost(ctx context.Context, host string, req ResolveRequest) ([]netip.Addr, error) {
	v4, v6 := netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()
	var ips []netip.Addr
	switch ip, perr := netip.ParseAddr(host); {
	case perr == nil:
		if ip.Is4In6() {
			ip = ip.Unmap()
		}
		if !fits(ip, req.Family) {
			return nil, Faultf(Usage, "%s is no %s address", host, familyName(req.Family))
		}
		return []netip.Addr{ip}, nil
	case host == "" && req.Passive && req.Family != FamilyIP6:
		ips = []netip.Addr{v4} // one address, the one people expect
	case host == "" || strings.EqualFold(host, "localhost"):
		ips = []netip.Addr{v4, v6}
	case host == "*":
		return nil, Faultf(Usage, `"*" is no address: write 0.0.0.0 or [::] for all interfaces`)
	case strings.Trim(host, "0123456789.") == "":
		return nil, Faultf(Usage, "%q is no IPv4 address", host)
	case strings.Contains(host, ":"):
		return nil, Faultf(Usage, "%q is no IPv6 address", host)
	case !plausibleName(host):
		return nil, Faultf(Usage, "%q is no host name", host)
	default:
		found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		if err != nil {
			return nil, unresolved(ctx, host, err)
		}
		for _, ip := range found {
			ips = append(ips, ip.Unmap())
		}
	}
	var out []netip.Addr
	seen := map[netip.Addr]bool{}
	for _, ip := range ips {
		if fits(ip, req.Family) && !seen[ip] {
			seen[ip] = true
			out = append(out, ip)
		}
	}
	if len(out) == 0 {
		return nil, Faultf(Unresolved, "%s has no %s address", host, familyName(req.Family))
	}
	return out, nil
}

// unresolved says in a few words why a name has no address.
func unresolved(ctx context.Context, host string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	reason := err.Error()
	var dns *net.DNSError
	if errors.As(err, &dns) {
		switch {
		case dns.IsNotFound:
			reason = "no such host"
		case dns.IsTimeout:
			reason = "the name server did not answer"
		default:
			reason = dns.Err
		}
	}
	return Faultf(Unresolved, "%s does not resolve: %s", host, reason)
}

// splitHostPort is net.SplitHostPort with messages that say what to write.
func splitHostPort(text string) (host, port string, err error) {
	if text == "" {
		return "", "", Faultf(Usage, "no address: write host:port")
	}
	if ip, err := netip.ParseAddr(text); err == nil && ip.Is6() {
		return "", "", Faultf(Usage, "%q has no port: write [%s]:port", text, text)
	}
	host, port, serr := net.SplitHostPort(text)
	var addr *net.AddrError
	switch {
	case serr == nil && port == "", errors.As(serr, &addr) && addr.Err == "missing port in address":
		return "", "", Faultf(Usage, "%q has no port: write host:port", text)
	case errors.As(serr, &addr) && addr.Err == "too many colons in address":
		return "", "", Faultf(Usage, "%q has too many colons: an IPv6 address is written [address]:port", text)
	case serr != nil:
		return "", "", Faultf(Usage, "%q is no address: write host:port", text)
	}
	if strings.HasPrefix(text, "[") {
		if ip, err := netip.ParseAddr(host); err != nil || !ip.Is6() {
			return "", "", Faultf(Usage, "%q is no IPv6 address", host)
		}
	}
	return host, port, nil
}

func resolvePort(ctx context.Context, network, service string) (uint16, error) {
	if strings.Trim(strings.TrimLeft(service, "+-"), "0123456789") == "" {
		n, err := strconv.ParseUint(service, 10, 16)
		if err != nil {
			return 0, Faultf(Usage, "port %s is out of range (0 to 65535)", service)
		}
		return uint16(n), nil
	}
	n, err := net.DefaultResolver.LookupPort(ctx, network, service)
	if err != nil {
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		return 0, Faultf(Usage, "no %s service is named %q", network, service)
	}
	return uint16(n), nil
}

// plausibleName keeps out what no resolver should be asked: a name is letters,
// digits, and a few signs. Names beyond ASCII are the resolver's business.
func plausibleName(host string) bool {
	return len(host) <= 253 && !strings.ContainsFunc(host, func(r rune) bool {
		return r <= ' ' || r == 0x7f || strings.ContainsRune(`/\"'*?@,;<>()[]{}|`, r)
	})
}

func fits(ip netip.Addr, f Family) bool {
	switch f {
	case FamilyIP4:
		return ip.Is4()
	case FamilyIP6:
		return ip.Is6()
	}
	return true
}

func familyName(f Family) string {
	switch f {
	case FamilyIP4:
		return "IPv4"
	case FamilyIP6:
		return "IPv6"
	}
	return "IP"
}
