package host_test

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/host"
	"github.com/sosh-shell/sosh/plugins/tcp"
)

// TestCallThatIsTooLargeIsWrongUsage and not the plugin's fault, which lives on.
func TestCallThatIsTooLargeIsWrongUsage(t *testing.T) {
	long := strings.Repeat("9", 1<<20)
	for _, form := range []host.Form{host.Descriptors, host.Stream} {
		h, p := start(t, form, nil, tcp.New)
		k, err := p.Open(t.Context(), socket.OpenRequest{})
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(k.FD)
		_, rerr := p.Resolve(t.Context(), socket.ResolveRequest{Text: long})
		_, oerr := p.Open(t.Context(), socket.OpenRequest{Options: []socket.Setting{{Name: long, Value: "1"}}})
		_, _, serr := p.Option(t.Context(), lent(k), []socket.Setting{{Name: "nodelay", Value: long}}, nil)
		for _, err := range []error{rerr, oerr, serr} {
			if !errors.Is(err, socket.Usage) || !strings.Contains(err.Error(), "too many for one call") || strings.Contains(err.Error(), "contract") {
				t.Errorf("got %.200v", err)
			}
		}
		if _, _, err := p.Option(t.Context(), lent(k), nil, []string{"nodelay"}); err != nil || h.Plugins()[0].Starts != 1 {
			t.Errorf("afterwards: %v, %d starts", err, h.Plugins()[0].Starts)
		}
	}
}
