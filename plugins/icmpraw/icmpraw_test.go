package icmpraw_test

import (
	"errors"
	"os"
	"testing"

	"github.com/sosh-shell/sosh/plugins/icmpraw"
	"github.com/sosh-shell/sosh/plugins/sdk"
	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
)

func TestMain(m *testing.M) { plugintest.Main(m, icmpraw.New) }

func TestConformance(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, for raw sockets")
	}
	plugintest.Run(t, icmpraw.New)
}

func TestAddressesAreHostsWithoutPorts(t *testing.T) {
	r := icmpraw.New().(sdk.Resolver)
	for _, text := range []string{"", "127.0.0.1:80", "localhost:80", "[::1]:80", "*", "256.1.1.1", "a b"} {
		if as, err := r.Resolve(t.Context(), sdk.ResolveRequest{Text: text}); !errors.Is(err, sdk.Usage) {
			t.Errorf("%q: got %v, %v", text, as, err)
		}
	}
	for text, want := range map[string]string{"127.0.0.1": "127.0.0.1", "::1": "::1", "[::1]": "::1", "localhost": "127.0.0.1", "fe80::1%lo": "fe80::1%lo"} {
		as, err := r.Resolve(t.Context(), sdk.ResolveRequest{Text: text})
		if err != nil || len(as) == 0 || as[0].IP.String() != want || as[0].Port != 0 {
			t.Errorf("%q: got %v, %v", text, as, err)
		}
	}
}
