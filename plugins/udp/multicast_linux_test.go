package udp_test

import (
	"errors"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

func TestGroupsArriveFromJoinToLeave(t *testing.T) {
	alone(t, func(t *testing.T) {
		k := open(t, sdk.FamilyIP4, "join=239.1.2.3%lo 239.1.2.4,lo")
		port := k.bind("0.0.0.0").Port
		k.reads("join", "239.1.2.4%lo 239.1.2.3%lo")
		from := open(t, sdk.FamilyIP4, "mcastif=lo")
		send := func(ip, text string) {
			t.Helper()
			if err := from.sendTo(address(ip, port), text); err != nil {
				t.Errorf("send to %s: %v", ip, err)
			}
		}
		send("239.1.2.3", "three")
		k.gets("three")
		if err := k.set("leave=239.1.2.3%lo"); err != nil {
			t.Error(err)
		}
		k.reads("join", "239.1.2.4%lo")
		k.reads("leave", "")
		send("239.1.2.3", "nobody's")
		send("239.1.2.4", "four")
		k.gets("four")
	})
}

// TestGroupsOfIPv6 needs an interface that is not the loopback: that takes no IPv6
// groups from itself.
func TestGroupsOfIPv6(t *testing.T) {
	ip, err := exec.LookPath("ip")
	if err != nil {
		t.Skip("ip(8), which makes an interface, is not here")
	}
	alone(t, func(t *testing.T) {
		for _, args := range []string{"link add v0 type veth peer name v1", "link set v0 up addrgenmode none",
			"link set v1 up addrgenmode none", "-6 addr add fe80::1/64 dev v0 nodad"} {
			if out, err := exec.Command(ip, strings.Fields(args)...).CombinedOutput(); err != nil {
				t.Errorf("ip %s: %v: %s", args, err, out)
				return
			}
		}
		k := open(t, sdk.FamilyIP6, "join=ff02::7%v0 239.1.2.3%lo") // both families
		port := k.bind("::").Port
		k.reads("join", "239.1.2.3%lo ff02::7%v0")
		from := open(t, sdk.FamilyIP6, "mcastif=v0")
		from.reads("mcastif", "v0")
		from4 := open(t, sdk.FamilyIP4, "mcastif=lo")
		send := func(text string) {
			t.Helper()
			if err := from.sendTo(address("ff02::7", port), text); err != nil {
				t.Error(err)
			}
			if err := from4.sendTo(address("239.1.2.3", port), "four "+text); err != nil {
				t.Error(err)
			}
		}
		send("six")
		k.gets("six")
		k.gets("four six")
		if err := from.set("mcastloop=off"); err != nil {
			t.Error(err)
		}
		send("not to this machine")
		k.gets("four not to this machine")
	})
}

// TestJoinFromOneSource: others do not arrive (RFC 4607).
func TestJoinFromOneSource(t *testing.T) {
	alone(t, func(t *testing.T) {
		k := open(t, sdk.FamilyIP4, "join=127.0.0.2@232.1.2.3%lo", "join=127.0.0.3@232.1.2.3%lo", "mcastall=off")
		port := k.bind("0.0.0.0").Port
		k.reads("join", "127.0.0.2@232.1.2.3%lo 127.0.0.3@232.1.2.3%lo")
		if err := k.set("leave=127.0.0.3@232.1.2.3%lo"); err != nil {
			t.Error(err)
		}
		for _, source := range []string{"127.0.0.9", "127.0.0.3", "127.0.0.2"} {
			from := open(t, sdk.FamilyIP4, "mcastif=lo")
			from.bind(source)
			if err := from.sendTo(address("232.1.2.3", port), "from "+source); err != nil {
				t.Error(err)
			}
		}
		k.gets("from 127.0.0.2")
		if err := k.set("join=232.1.2.3%lo"); !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("from all as well: %v", err)
		}
	})
}

// TestOthersGroupsAreNotOurs: the machine's list names them, the socket's does not.
func TestOthersGroupsAreNotOurs(t *testing.T) {
	alone(t, func(t *testing.T) {
		open(t, sdk.FamilyIP4, "join=239.1.2.3%lo").reads("join", "239.1.2.3%lo")
		open(t, sdk.FamilyIP4, "join=239.1.2.4%lo").reads("join", "239.1.2.4%lo")
		open(t, sdk.FamilyIP4).reads("join", "")
	})
}

func TestGroupsThatCannotBeJoinedSayWhy(t *testing.T) {
	alone(t, func(t *testing.T) {
		k := open(t, sdk.FamilyIP4, "join=239.1.2.3%lo")
		for set, want := range map[string]struct {
			is   error
			text string
		}{
			"join=ff02::1%lo":        {sdk.Usage, "open one with -6"},
			"join=239.1.2.4%nope":    {sdk.Usage, `no interface is named "nope"`},
			"join=239.1.2.4%9.9.9.9": {sdk.Usage, "no interface has the address 9.9.9.9"},
			"join=10.0.0.1":          {sdk.Usage, "is no group"},
			"join=":                  {sdk.Usage, "takes groups"},
			"join=239.1.2.4":         {syscall.ENODEV, "write 239.1.2.4%IFACE"},
			"join=239.1.2.3%lo":      {syscall.EADDRINUSE, "joined already"},
			"leave=239.1.2.9%lo":     {syscall.EADDRNOTAVAIL, "not joined"},
			"mcastif=nope":           {sdk.Usage, `no interface is named "nope"`},
			"mcastttl=256":           {sdk.Usage, "0 to 255"},
		} {
			if err := k.set(set); !errors.Is(err, want.is) || !strings.Contains(err.Error(), want.text) {
				t.Errorf("%s: got %v, want %s", set, err, want.text)
			}
		}
		k.reads("join", "239.1.2.3%lo")
	})
}

// TestSocketMadeAgainLeavesWhatItNeverJoined: the options of the older one are set
// on the newer.
func TestSocketMadeAgainLeavesWhatItNeverJoined(t *testing.T) {
	alone(t, func(t *testing.T) {
		open(t, sdk.FamilyIP6, "leave=239.1.2.3%lo", "join=239.1.2.4%lo").reads("join", "239.1.2.4%lo")
	})
}

func TestMulticastInterfaceIsReadBack(t *testing.T) {
	alone(t, func(t *testing.T) {
		for _, family := range []sdk.Family{sdk.FamilyIP4, sdk.FamilyIP6} {
			k := open(t, family)
			k.reads("mcastif", "")
			for _, word := range []string{"lo", "1", "127.0.0.1"} {
				if err := k.set("mcastif=" + word); err != nil {
					t.Errorf("%s: %v", word, err)
				}
				k.reads("mcastif", "lo")
			}
			if err := k.set("mcastif="); err != nil {
				t.Error(err)
			}
			k.reads("mcastif", "")
		}
	})
}
