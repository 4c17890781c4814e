package table

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	"github.com/sosh-shell/sosh/core/socket"
)

// What has no ports or hosts is not told to choose another.
func TestHintsSpeakOfTheAddressesThatAProtocolHas(t *testing.T) {
	hints := func(form socket.AddressForm) (all []string) {
		for _, err := range []error{syscall.EADDRINUSE, syscall.EADDRNOTAVAIL, syscall.EACCES} {
			all = append(all, bindHint(err, "s1", form))
		}
		all = append(all, listensHint(form))
		var e *socket.Error
		errors.As(withConnectHint(&socket.Error{Op: "connect", Err: socket.Timeout}, socket.Address{Path: "x"}, form), &e)
		return append(all, e.Hint)
	}
	for form, foreign := range map[socket.AddressForm][]string{
		socket.HostPort: nil,
		socket.HostOnly: {"port"},
		socket.PathForm: {"port", "host", "filter", "interface"},
		socket.TextForm: {"port", "host", "filter", "interface"},
	} {
		all := hints(form)
		text := strings.Join(all, "; ")
		for _, word := range foreign {
			if strings.Contains(text, word) {
				t.Errorf("%s: %q", form, text)
			}
		}
		if all[0] == "" || all[3] == "" || all[4] == "" || form == socket.HostPort && (all[1] == "" || all[2] == "") {
			t.Errorf("%s: %q", form, all)
		}
	}
}
