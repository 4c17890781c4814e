package proxy

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// signature begins a header of version 2 (PROXY protocol, section 2.2).
const signature = "\r\n\r\n\x00\r\nQUIT\n"

// nobody is the value of from that says that the connection is the proxy's own.
const nobody = "none"

// announce sends the header that says whose connection it is.
func (c *conn) announce(mode string, req sdk.LayerRequest) error {
	src, dst, err := ends(c.Below, req)
	if err != nil {
		return err
	}
	head := headerV1(src, dst)
	c.fact("version", "1")
	if mode == modeV2 {
		head = headerV2(src, dst)
		c.facts[len(c.facts)-1].Value = "2"
	}
	if _, err := c.Below.Write(head); err != nil {
		return fmt.Errorf("sending the PROXY header: %w", err)
	}
	c.tell(src, dst)
	return nil
}

// tell makes facts of a header's two ends; none for a local one.
func (c *conn) tell(src, dst netip.AddrPort) {
	if !src.IsValid() {
		c.fact("command", "local")
		return
	}
	c.fact("command", "proxy")
	c.fact("src", src.String())
	c.fact("dst", dst.String())
}

// ends are the two addresses of the header, both of one family; neither is valid
// where nobody stands behind the proxy.
func ends(below net.Conn, req sdk.LayerRequest) (src, dst netip.AddrPort, err error) {
	from, to := req.Options.Text("from"), req.Options.Text("to")
	if from == nobody {
		return netip.AddrPort{}, netip.AddrPort{}, nil
	}
	if src, err = end("from", from, below.LocalAddr()); err != nil {
		return
	}
	remote := below.RemoteAddr()
	if r := req.Remote; r.IP.IsValid() { // beneath other layers only the host knows it
		remote = net.TCPAddrFromAddrPort(netip.AddrPortFrom(r.IP, r.Port))
	}
	if dst, err = end("to", to, remote); err != nil {
		return
	}
	if src.Addr().Is4() != dst.Addr().Is4() {
		err = sdk.Faultf(sdk.Usage, "from and to are of one family, not %v and %v", src, dst)
	}
	return
}

func end(name, text string, own net.Addr) (netip.AddrPort, error) {
	if text == "" {
		a, ok := own.(*net.TCPAddr)
		if !ok {
			return netip.AddrPort{}, sdk.Faultf(sdk.Usage, "the socket has no address to take for %s: give %s=IP:PORT, or from=none", name, name)
		}
		return plain(a.AddrPort()), nil
	}
	ap, err := netip.ParseAddrPort(text)
	if err != nil {
		return netip.AddrPort{}, sdk.Faultf(sdk.Usage, "%s is IP:PORT such as 192.0.2.1:1234 or [2001:db8::1]:1234, not %q", name, text)
	}
	return plain(ap), nil
}

// plain is the address without a zone, which means nothing elsewhere, and as IPv4
// where it is one.
func plain(ap netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
}

// headerV1 is the text of section 2.1.
func headerV1(src, dst netip.AddrPort) []byte {
	switch {
	case !src.IsValid():
		return []byte("PROXY UNKNOWN\r\n")
	case src.Addr().Is4():
		return fmt.Appendf(nil, "PROXY TCP4 %v %v %d %d\r\n", src.Addr(), dst.Addr(), src.Port(), dst.Port())
	}
	return fmt.Appendf(nil, "PROXY TCP6 %v %v %d %d\r\n", src.Addr(), dst.Addr(), src.Port(), dst.Port())
}

// headerV2 is the binary form of section 2.2: version and command, family and
// transport, length, addresses, ports.
func headerV2(src, dst netip.AddrPort) []byte {
	b := []byte(signature)
	if !src.IsValid() {
		return append(b, 0x20, 0, 0, 0)
	}
	family, length := byte(0x11), byte(12)
	if src.Addr().Is6() {
		family, length = 0x21, 36
	}
	b = append(b, 0x21, family, 0, length)
	b = append(append(b, src.Addr().AsSlice()...), dst.Addr().AsSlice()...)
	b = binary.BigEndian.AppendUint16(b, src.Port())
	return binary.BigEndian.AppendUint16(b, dst.Port())
}
