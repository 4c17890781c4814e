package host_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/host"
	"github.com/sosh-shell/sosh/plugins/tcp"
)

// TestPluginOfAnUnknownVersionIsRefusedWithBothNumbers: one that is too new, and one
// that is too old.
func TestPluginOfAnUnknownVersionIsRefusedWithBothNumbers(t *testing.T) {
	for version, hint := range map[int]string{99: "newer sosh", 0: "anew"} {
		h, err := host.New(host.Config{Bundled: map[string]func() socket.Protocol{"tcp": tcp.New}, Executable: "/bin/sh",
			Args: []string{"-c", fmt.Sprintf("echo '1|%d|unix|/nowhere|grpc'; read end", version)}})
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		p, err := h.Protocol("tcp")
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.Open(t.Context(), socket.OpenRequest{})
		want := fmt.Sprintf("the tcp plugin: speaks version %d of the contract, this sosh %d and %d",
			version, socket.ContractVersion, socket.OldestContract)
		var e *socket.Error
		if !errors.Is(err, socket.Failed) || err.Error() != want || !errors.As(err, &e) || !strings.Contains(e.Hint, hint) {
			t.Errorf("got %v", err)
		}
	}
}
