package udp

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// igmp and igmp6 are as the kernel writes them on a little-endian machine.
const (
	igmp = "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n" +
		"1\tlo        :     1      V3\n\t\t\t\t010000E0     1 0:00000000\t\t0\n" +
		"4\teth0      :     2      V3\n\t\t\t\t030201EF     1 0:00000000\t\t0\n\t\t\t\t010000E0     1 0:00000000\t\t0\n"
	igmp6 = "1    lo              ff020000000000000000000000000001     1 0000000C 0\n" +
		"4    eth0            ff3e0000000000000000000080000001     1 00000004 0\n"
)

func TestKernelsListsOfGroups(t *testing.T) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the list is that of a little-endian machine")
	}
	all := netip.MustParseAddr("224.0.0.1")
	if got, want := parseIGMP(strings.NewReader(igmp)), []machineGroup{{1, "lo", all},
		{4, "eth0", netip.MustParseAddr("239.1.2.3")}, {4, "eth0", all}}; !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	if got, want := parseIGMP6(strings.NewReader(igmp6)), []machineGroup{{1, "lo", netip.MustParseAddr("ff02::1")},
		{4, "eth0", netip.MustParseAddr("ff3e::8000:1")}}; !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

// FuzzKernelsLists: whatever stands there, a group has an interface and an address.
func FuzzKernelsLists(f *testing.F) {
	f.Add(igmp)
	f.Add(igmp6)
	f.Add("7\n\t\t\t\n1 2\n\tFFFFFFFFFF 1\n")
	f.Fuzz(func(t *testing.T, s string) {
		for _, g := range append(parseIGMP(strings.NewReader(s)), parseIGMP6(strings.NewReader(s))...) {
			if g.index <= 0 || g.iface == "" || !g.group.IsValid() {
				t.Fatalf("%q: %+v", s, g)
			}
		}
	})
}
