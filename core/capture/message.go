package capture

import (
	"fmt"
	"hash/crc32"
	"net/netip"

	"github.com/sosh-shell/sosh/core/socket"
)

// Message records a message: as a UDP datagram, or as a packet of the socket's own
// protocol. One that no packet has room for is cut, and says so.
func (r *Recorder) Message(out bool, m socket.Message) {
	if r.failure != nil {
		return
	}
	if !r.set {
		r.locate(r.spec.Ends())
	}
	us, them, comment := r.us, r.them, r.remark()
	if !m.Peer.IsZero() {
		var words string
		us, them, words = addresses(r.ends.Local, m.Peer)
		if comment == "" {
			comment = words
		}
	}
	from, to := them, us
	if out {
		from, to = us, them
	}
	room := maxPacket - 20 - 8
	data := m.Data
	cut := max(len(data)-room, 0)
	if data = data[:len(data)-cut]; cut > 0 {
		comment = fmt.Sprintf("the message has %d bytes, of which a packet has room for %d", len(m.Data), len(data))
	}
	r.packet(out, comment, cut, func(dst []byte) []byte {
		proto := r.ends.Protocol
		switch {
		case (out && r.ends.HeaderOut || !out && r.ends.HeaderIn) && len(data) >= 20 && data[0]>>4 == 4:
			return append(dst, data...)
		case proto == 0 || proto == protoTCP || proto == protoUDP:
			return appendUDP(dst, from, to, r.id, data)
		}
		return append(appendIP(dst, from.Addr(), to.Addr(), r.id, byte(proto), len(data)), data...)
	})
	r.flush()
}

// locate takes the addresses down.
func (r *Recorder) locate(e Ends) {
	r.set, r.ends = true, e
	r.us, r.them, r.comment = addresses(e.Local, e.Remote)
	if r.comment == "" {
		r.comment = Synthetic
	} else {
		r.comment = Synthetic + "; " + r.comment
	}
}

// Addresses for sockets that have none in IP, of a range that nobody has (RFC 5737).
var (
	inventedLocal  = netip.AddrFrom4([4]byte{192, 0, 2, 1})
	inventedRemote = netip.AddrFrom4([4]byte{192, 0, 2, 2})
)

// addresses are those of packets between two ends, and what is to be said of them when
// they are invented. Both are of one family.
func addresses(local, remote socket.Address) (us, them netip.AddrPort, words string) {
	if !local.IP.IsValid() && !remote.IP.IsValid() {
		us = netip.AddrPortFrom(inventedLocal, inventedPort(local, 1))
		them = netip.AddrPortFrom(inventedRemote, inventedPort(remote, 2))
		return us, them, fmt.Sprintf("addresses are invented: %s is %s here, %s is %s there", us, named(local), them, named(remote))
	}
	a, b := local.IP, remote.IP
	six := a.Is6() && !a.Is4In6() || b.Is6() && !b.Is4In6()
	plain := func(ip netip.Addr) netip.Addr {
		switch {
		case !six && !ip.IsValid():
			return netip.IPv4Unspecified()
		case !six:
			return ip.Unmap()
		case !ip.IsValid():
			return netip.IPv6Unspecified()
		}
		return netip.AddrFrom16(ip.As16())
	}
	return netip.AddrPortFrom(plain(a), local.Port), netip.AddrPortFrom(plain(b), remote.Port), ""
}

// inventedPort is one that stands for a path, the same every time.
func inventedPort(a socket.Address, without uint16) uint16 {
	if a.Path == "" {
		return without
	}
	return uint16(1024 + crc32.ChecksumIEEE([]byte(a.Path))%60000)
}

func named(a socket.Address) string {
	if text := a.Text(socket.PathForm); text != "" {
		return fmt.Sprintf("%q", text)
	}
	return "a socket without a name"
}
