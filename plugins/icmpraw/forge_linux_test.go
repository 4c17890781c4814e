package icmpraw

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// A forged message goes to who sent the echo: from that address of ours.
type forged struct {
	from [4]byte
	icmp []byte
}

var honest, stranger = [4]byte{10, 9, 0, 2}, [4]byte{10, 9, 0, 99}

// forge answers each echo to a host, whose kernel is silent, with what f makes of it,
// in that order, until the test ends.
func (w *network) forge(host int, f func(echo []byte) []forged) {
	w.t.Helper()
	w.set(host, "net/ipv4/icmp_echo_ignore_all", "1")
	w.ip(host, "addr", "add", fmt.Sprintf("10.9.0.%d/24", stranger[3]), "dev", "left")
	stop, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		w.t.Fatal(err)
	}
	in, out := -1, map[[4]byte]int{}
	raw := func() int {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMP)
		if err != nil {
			w.t.Error(err)
		}
		return fd
	}
	w.in(host, func() {
		in = raw()
		unix.SetsockoptInt(in, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20)
		block := ^uint32(1 << 8)
		unix.SetsockoptInt(in, unix.SOL_RAW, unix.ICMP_FILTER, int(int32(block)))
		for _, a := range [][4]byte{honest, stranger} {
			out[a] = raw()
			unix.SetsockoptInt(out[a], unix.SOL_SOCKET, unix.SO_RCVBUF, 0)
			if err := unix.Bind(out[a], &unix.SockaddrInet4{Addr: a}); err != nil {
				w.t.Error(err)
			}
		}
	})
	var ended sync.WaitGroup
	ended.Go(func() {
		buf := make([]byte, 4096)
		for {
			fds := []unix.PollFd{{Fd: int32(in), Events: unix.POLLIN}, {Fd: int32(stop), Events: unix.POLLIN}}
			if _, err := unix.Poll(fds, -1); err != nil && err != unix.EINTR || fds[1].Revents != 0 {
				return
			}
			n, from, err := unix.Recvfrom(in, buf, unix.MSG_DONTWAIT)
			if err != nil || n < 28 {
				continue
			}
			for _, m := range f(slices.Clone(buf[20:n])) {
				unix.Sendto(out[m.from], m.icmp, 0, from)
			}
		}
	})
	w.t.Cleanup(func() {
		unix.Write(stop, []byte{7: 1})
		ended.Wait()
		for _, fd := range []int{stop, in, out[honest], out[stranger]} {
			unix.Close(fd)
		}
	})
}

// replyTo is the right reply, as edit changes it, its checksum made right again.
func replyTo(echo []byte, edit func([]byte)) []byte {
	b := slices.Clone(echo)
	b[0] = 0
	if edit != nil {
		edit(b)
	}
	b[2], b[3] = 0, 0
	binary.BigEndian.PutUint16(b[2:], checksum(b))
	return b
}

// refusal is an error that quotes the echo as if it had gone to dst.
func refusal(echo []byte, dst string) []byte {
	b := append([]byte{3, 1, 0, 0, 0, 0, 0, 0}, ip4(echo, 1, "10.9.0.1", dst)...)
	binary.BigEndian.PutUint16(b[2:], checksum(b))
	return b
}

// TestHundredPingsAtOnceAreNotTakenInByForgedReplies: before each true reply come
// five that are nearly right, and others that are nobody's.
func TestHundredPingsAtOnceAreNotTakenInByForgedReplies(t *testing.T) {
	w := newNetwork(t, 2)
	scramble := func(b []byte) {
		for i := range b {
			b[i] = byte(rand.Uint32())
		}
	}
	w.forge(1, func(echo []byte) []forged {
		lie := slices.Clone(echo)
		scramble(lie[8:])
		return []forged{
			{honest, replyTo(echo, func(b []byte) { b[4] ^= 0x80 })},                       // another's id
			{honest, []byte{0, 0, 0, 0}},                                                   // half a header
			{honest, replyTo(echo, nil)[:7]},                                               // nearly one
			{honest, replyTo(encode(t, raw4, "type=timestamp"), nil)},                      // another type
			{honest, replyTo(echo, func(b []byte) { scramble(b[8:]) })},                    // 1: other content
			{stranger, replyTo(echo, nil)},                                                 // 2: another source
			{honest, replyTo(echo, func(b []byte) { b[6] ^= 0x40 })},                       // 3: another number
			{honest, refusal(echo, "10.9.0.77")},                                           // 4: an error about another host
			{honest, refusal(lie, "10.9.0.2")},                                             // 5: an error about other content
			{honest, refusal(slices.Concat(echo[:4], []byte{9, 9}, echo[6:]), "10.9.0.2")}, // about another's echo
			{honest, replyTo(echo, nil)},
		}
	})
	const each = 20
	var all sync.WaitGroup
	results := make([]ran, 100)
	for i := range results {
		all.Go(func() {
			w.in(0, func() {
				results[i] = run(t.Context(), nil, "ping", "10.9.0.2", fmt.Sprintf("count=%d interval=20ms timeout=20s", each), nil)
			})
		})
	}
	all.Wait()
	mismatches := 0
	for i, r := range results {
		s := r.summary(t)
		for name, want := range map[string]int{"sent": each, "received": each, "unmatched": 5 * each, "duplicates": 0, "late": 0, "corrupted": 0, "errors": 0} {
			if got := field(s, name); got != strconv.Itoa(want) {
				mismatches++
				t.Errorf("ping %d: %s is %s, want %d", i, name, got, want)
			}
		}
		for n, row := range r.events("reply") {
			if field(row, "seq") != strconv.Itoa(n+1) || field(row, "from") != "10.9.0.2" {
				mismatches++
				t.Errorf("ping %d: reply %d is %s", i, n+1, row.Text)
			}
		}
		if r.err != nil {
			t.Errorf("ping %d: %v", i, r.err)
		}
	}
	t.Logf("%d pings of %d, %d forged replies, %d mismatches", len(results), each, len(results)*each*5, mismatches)
}

func TestDuplicateLateAndCorruptedRepliesAreTold(t *testing.T) {
	w := newNetwork(t, 2)
	var held []byte
	w.forge(1, func(echo []byte) []forged {
		right := forged{honest, replyTo(echo, nil)}
		switch binary.BigEndian.Uint16(echo[6:]) {
		case 1:
			return []forged{right, right}
		case 2:
			return []forged{{honest, replyTo(echo, func(b []byte) { b[60] ^= 1 })}}
		case 3:
			return []forged{{honest, replyTo(echo, nil)[:40]}} // its checksum is wrong, too
		case 4:
			bad := replyTo(echo, nil)
			bad[3] ^= 1
			return []forged{{honest, bad}}
		case 5:
			held = replyTo(echo, nil)
			return nil
		case 6:
			return []forged{{honest, held}, right}
		case 7:
			return []forged{{honest, refusal(echo, "10.9.0.2")}, right}
		}
		return []forged{right}
	})
	var r ran
	w.in(0, func() { r = run(t.Context(), nil, "ping", "10.9.0.2", "count=8 interval=100ms timeout=50ms", nil) })
	s := r.summary(t)
	for name, want := range map[string]string{"sent": "8", "received": "5", "duplicates": "1", "late": "2", "corrupted": "3", "errors": "1", "unmatched": "0"} {
		if got := field(s, name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	for _, want := range []string{"seq=1 ttl=64 time=", "ms (duplicate)", "seq=2 corrupted: byte 52 is", "seq=3 corrupted: 32 bytes of data instead of 56",
		"seq=4 corrupted: the checksum is wrong", "seq=5 no answer within 50ms", "from 10.9.0.2: seq=7 unreachable: host", "3 corrupted"} {
		if !strings.Contains(r.text(), want) {
			t.Errorf("%q is not in\n%s", want, r.text())
		}
	}
	r.declaredFields(t, "ping")
}
