package udp

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// machineGroup is a group that some socket of this machine has joined.
type machineGroup struct {
	index int
	iface string
	group netip.Addr
}

// maxList bounds what is read of the kernel's lists.
const maxList = 1 << 20

// machineGroups are the groups of this network namespace, in the kernel's order.
func machineGroups(six bool) []machineGroup {
	// Of this thread: a namespace is a thread's.
	out := listed("/proc/thread-self/net/igmp", parseIGMP)
	if six {
		out = append(out, listed("/proc/thread-self/net/igmp6", parseIGMP6)...)
	}
	return out
}

// listed reads one list. One that is not there (no IPv6, no /proc) lists nothing.
func listed(path string, parse func(io.Reader) []machineGroup) []machineGroup {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	return parse(io.LimitReader(f, maxList))
}

// parseIGMP reads /proc/net/igmp: a line for each interface ("4", "eth0", ":", ...),
// and after it one for each group, indented, the address as the machine's own number.
func parseIGMP(r io.Reader) (out []machineGroup) {
	in := bufio.NewScanner(r)
	var at machineGroup
	for in.Scan() {
		line := in.Text()
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		if line[0] != '\t' && line[0] != ' ' {
			index, err := strconv.ParseUint(words[0], 10, 31)
			if err != nil {
				index = 0 // the heading
			}
			at = machineGroup{index: int(index), iface: words[1]}
			continue
		}
		n, err := strconv.ParseUint(words[0], 16, 32)
		if err != nil || at.index == 0 {
			continue
		}
		at.group = netip.AddrFrom4([4]byte(binary.NativeEndian.AppendUint32(nil, uint32(n))))
		out = append(out, at)
	}
	return out
}

// parseIGMP6 reads /proc/net/igmp6: a line for each group, "4 eth0 ff02...01 1 ...".
func parseIGMP6(r io.Reader) (out []machineGroup) {
	in := bufio.NewScanner(r)
	for in.Scan() {
		words := strings.Fields(in.Text())
		if len(words) < 3 {
			continue
		}
		index, err := strconv.ParseUint(words[0], 10, 31)
		ip, herr := hex.DecodeString(words[2])
		if err != nil || herr != nil || len(ip) != 16 || index == 0 {
			continue
		}
		out = append(out, machineGroup{int(index), words[1], netip.AddrFrom16([16]byte(ip))})
	}
	return out
}
