package host_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/host"
	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
	"github.com/sosh-shell/sosh/plugins/tcp"
)

// TestInstallOfAnotherProgramIsWaitedFor is a start between another sosh's two steps,
// when the new file stands there and its record does not.
func TestInstallOfAnotherProgramIsWaitedFor(t *testing.T) {
	dir, cfg := installed(t)
	file := filepath.Join(dir, "sosh-plugin-installed")
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	guard := filepath.Join(dir, "plugins.lock")
	other, err := os.OpenFile(guard, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := unix.Flock(int(other.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(whole, 0), 0o755); err != nil {
		t.Fatal(err)
	}
	h := plugintest.Host(t, host.Descriptors, cfg, tcp.New)
	p, err := h.Protocol("installed")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		k, err := p.Open(context.Background(), socket.OpenRequest{})
		if err == nil {
			unix.Close(k.FD)
		}
		done <- err
	}()
	eventually(t, "it waits for the other", func() bool {
		select {
		case err := <-done:
			t.Fatalf("it did not wait: %v", err)
		default:
		}
		return openOf(t, guard) > 1
	})
	if err := os.WriteFile(file, whole, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Flock(int(other.Fd()), unix.LOCK_UN); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// openOf counts this process's descriptors of a path.
func openOf(t *testing.T, path string) (n int) {
	for _, to := range descriptors(t) {
		if to == path {
			n++
		}
	}
	return n
}
