package host_test

import (
	"compress/bzip2"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/host"
	"github.com/sosh-shell/sosh/plugins/sdk/conform"
	"github.com/sosh-shell/sosh/plugins/udp"
)

// ofVersion1 is a plugin that was built when the contract had version 1.
func ofVersion1(t *testing.T) string {
	t.Helper()
	packed, err := os.Open("testdata/contract1/sosh-plugin-tcp.bz2")
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	path := filepath.Join(t.TempDir(), "sosh-plugin-tcp")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(f, bzip2.NewReader(packed))
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPluginOfTheVersionBeforeRuns(t *testing.T) {
	path := ofVersion1(t)
	for _, form := range []host.Form{host.Descriptors, host.Stream} {
		h, err := host.New(host.Config{Dir: t.TempDir(), Form: form})
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		if _, err := h.Install(path); err != nil {
			t.Fatal(err)
		}
		p, err := h.Protocol("tcp")
		if err != nil {
			t.Fatal(err)
		}
		l, a := listen(t, p)
		c := dial(t, a)
		readable(t, l.FD)
		k, err := p.Accept(t.Context(), lent(l))
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(k.FD)
		if _, err := unix.Write(c, []byte("hello")); err != nil {
			t.Fatal(err)
		}
		readable(t, k.FD)
		b := make([]byte, 16)
		if n, err := unix.Read(k.FD, b); err != nil || string(b[:n]) != "hello" {
			t.Errorf("form %d: got %q, %v", form, b[:max(n, 0)], err)
		}
		if k.Carrier != nil {
			if _, err := unix.Write(k.FD, []byte("hello")); err != nil {
				t.Fatal(err)
			}
			eventually(t, "what was given counts as moved", func() bool { return k.Carrier.Facts().Moved == 5 })
		}
	}
}

func TestPluginOfTheVersionBeforeKeepsItsPromises(t *testing.T) {
	sum, err := conform.Check(t.Context(), ofVersion1(t), conform.How{}, func(r conform.Result) {
		if r.Outcome == conform.Broken {
			t.Errorf("%s, %s: %s", r.Promise, r.Form, strings.Join(r.Reasons, "\n"))
		}
	})
	if err != nil || sum.Kept < 60 {
		t.Errorf("%d promises are kept, %v", sum.Kept, err)
	}
}

// TestMessagesAreNotAskedOfThoseThatCannotCarryThem: whatever it is, it never gets so far.
func TestMessagesAreNotAskedOfThoseThatCannotCarryThem(t *testing.T) {
	h, err := host.New(host.Config{Bundled: map[string]func() socket.Protocol{"udp": udp.New}, Form: host.Stream,
		Executable: ofVersion1(t), Args: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	p, err := h.Protocol("udp")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Open(t.Context(), socket.OpenRequest{}); !errors.Is(err, socket.Unsupported) || !strings.Contains(err.Error(), "version 1") {
		t.Errorf("got %v", err)
	}
}
