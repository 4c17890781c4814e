package inspect

import (
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
)

// tcpStates are the kernel's TCP states by number (include/net/tcp_states.h),
// in the words of RFC 9293 section 3.3.2, as ss(8) writes them in full.
var tcpStates = [...]string{
	1: "ESTABLISHED", 2: "SYN-SENT", 3: "SYN-RECEIVED", 4: "FIN-WAIT-1", 5: "FIN-WAIT-2", 6: "TIME-WAIT",
	7: "CLOSED", 8: "CLOSE-WAIT", 9: "LAST-ACK", 10: "LISTEN", 11: "CLOSING", 12: "SYN-RECEIVED",
}

func isTCP(fd int) bool {
	p, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PROTOCOL)
	return err == nil && p == unix.IPPROTO_TCP
}

// State is the kernel's word for the socket's state, "" where it has none.
func State(fd int) string {
	if !isTCP(fd) {
		return ""
	}
	info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil || int(info.State) >= len(tcpStates) {
		return ""
	}
	return tcpStates[info.State]
}

// Facts are what the kernel keeps of the socket: of TCP what TCP_INFO (tcp(7)) says,
// each name after the kernel's own, times as durations, the rest as plain numbers;
// of a socket with messages what SO_MEMINFO says.
func Facts(fd int) []socket.Setting {
	if !isTCP(fd) {
		return messageFacts(fd)
	}
	i, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return nil
	}
	us := func(n uint32) string { return (time.Duration(n) * time.Microsecond).String() }
	num := func(n uint64) string { return strconv.FormatUint(n, 10) }
	return []socket.Setting{
		{Name: "tcp.rtt", Value: us(i.Rtt)},
		{Name: "tcp.rttvar", Value: us(i.Rttvar)},
		{Name: "tcp.rto", Value: us(i.Rto)},
		{Name: "tcp.mss", Value: num(uint64(i.Snd_mss))},
		{Name: "tcp.pmtu", Value: num(uint64(i.Pmtu))},
		{Name: "tcp.cwnd", Value: num(uint64(i.Snd_cwnd))},
		{Name: "tcp.unacked", Value: num(uint64(i.Unacked))},
		{Name: "tcp.notsent", Value: num(uint64(i.Notsent_bytes))},
		{Name: "tcp.retransmits", Value: num(uint64(i.Total_retrans))},
		{Name: "tcp.lost", Value: num(uint64(i.Lost))},
		{Name: "tcp.bytes_acked", Value: num(i.Bytes_acked)},
		{Name: "tcp.bytes_received", Value: num(i.Bytes_received)},
		{Name: "tcp.delivery_rate", Value: num(i.Delivery_rate)},
	}
}

// Progress is a figure that changes while what was sent moves on: what the peer has
// acknowledged, of TCP, and how much waits to be sent (SIOCOUTQ).
func Progress(fd int) string {
	waits, _ := unix.IoctlGetInt(fd, unix.SIOCOUTQ)
	text := strconv.Itoa(waits)
	if isTCP(fd) {
		if i, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
			text += " " + strconv.FormatUint(i.Bytes_acked, 10)
		}
	}
	return text
}
