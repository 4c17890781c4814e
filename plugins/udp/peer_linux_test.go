package udp_test

import (
	"context"
	"errors"
	"syscall"
	"testing"

	"github.com/sosh-shell/sosh/plugins/sdk"
	"github.com/sosh-shell/sosh/plugins/udp"
)

func TestBroadcastIsAskedFor(t *testing.T) {
	alone(t, func(t *testing.T) {
		k := open(t, sdk.FamilyIP4)
		to := address("127.255.255.255", k.bind("0.0.0.0").Port)
		from := open(t, sdk.FamilyIP4)
		if err := from.sendTo(to, "x"); !errors.Is(err, syscall.EACCES) {
			t.Errorf("without broadcast: %v", err)
		}
		var e *sdk.Error
		if err := from.connect(to); !errors.Is(err, syscall.EACCES) || !errors.As(err, &e) || e.Hint == "" {
			t.Errorf("connect without broadcast: %v", err)
		}
		if err := from.set("broadcast=on"); err != nil {
			t.Error(err)
		}
		if err := from.sendTo(to, "to all"); err != nil {
			t.Error(err)
		}
		k.gets("to all")
	})
}

// TestErrorsComeBackWithoutAPeer: that nobody is there is told to a socket that is
// not connected, unless recverr is off.
func TestErrorsComeBackWithoutAPeer(t *testing.T) {
	for _, family := range []sdk.Family{sdk.FamilyIP4, sdk.FamilyIP6} {
		ip := map[sdk.Family]string{sdk.FamilyIP4: "127.0.0.1", sdk.FamilyIP6: "::1"}[family]
		alone(t, func(t *testing.T) {
			dead := address(ip, 9) // nobody is in the namespace
			k := open(t, family)
			k.reads("recverr", "on")
			if err := k.sendTo(dead, "x"); err != nil {
				t.Error(err)
			}
			if got, err := k.next(); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("got %q, %v", got, err)
			}
			deaf := open(t, family, "recverr=off")
			self := deaf.bind(ip)
			for _, a := range []sdk.Address{dead, self} {
				if err := deaf.sendTo(a, "to myself"); err != nil {
					t.Error(err)
				}
			}
			deaf.gets("to myself")
		})
	}
}

// TestIPv6SocketHearsOfIPv4Errors: a socket of both families has both set.
func TestIPv6SocketHearsOfIPv4Errors(t *testing.T) {
	alone(t, func(t *testing.T) {
		k := open(t, sdk.FamilyIP6)
		if err := k.sendTo(address("::ffff:127.0.0.1", 9), "x"); err != nil {
			t.Error(err)
		}
		if got, err := k.next(); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

// TestNewPeerGetsALocalAddressThatLeadsToIt: connect(2) alone would keep the old one.
func TestNewPeerGetsALocalAddressThatLeadsToIt(t *testing.T) {
	alone(t, func(t *testing.T) {
		k, port := open(t, sdk.FamilyIP4), open(t, sdk.FamilyIP4).bind("127.0.0.1").Port
		if err := another([4]byte{10, 9, 0, 1}); err != nil {
			t.Error(err)
			return
		}
		if err := k.connect(address("127.0.0.1", port)); err != nil {
			t.Error(err)
		}
		first := k.local()
		if err := k.connect(address("10.9.0.1", port)); err != nil {
			t.Error(err)
		}
		if a := k.local(); a.IP.String() != "10.9.0.1" || a.Port != first.Port {
			t.Errorf("first from %v, then from %v", first, a)
		}
		bound := open(t, sdk.FamilyIP4)
		a := bound.bind("127.0.0.5")
		for range 2 {
			if err := bound.connect(address("127.0.0.7", port)); err != nil || bound.local() != a {
				t.Errorf("bound to %v, connected from %v, %v", a, bound.local(), err)
			}
		}
		if err := k.connect(sdk.Address{}); !errors.Is(err, sdk.Usage) {
			t.Errorf("no address: %v", err)
		}
		pmtu := func() string {
			v, err := udp.New().(sdk.Informer).Info(context.Background(), k.Lent, nil)
			if err != nil || len(v) != 1 {
				t.Errorf("%v, %v", v, err)
				return ""
			}
			return v[0].Value
		}
		if got := pmtu(); got != "65535" && got != "65536" {
			t.Errorf("pmtu of the loopback is %q", got)
		}
		k = open(t, sdk.FamilyIP4)
		if got := pmtu(); got != "" {
			t.Errorf("pmtu without a peer is %q", got)
		}
	})
}
