package lenprefix_test

import (
	"errors"
	"io"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/host"
	"github.com/sosh-shell/sosh/plugins/lenprefix"
	"github.com/sosh-shell/sosh/plugins/sdk"
	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
)

// each calls f with the layer in process and through a plugin.
func each(t *testing.T, f func(*testing.T, sdk.Protocol)) {
	t.Run("in process", func(t *testing.T) { f(t, lenprefix.New()) })
	t.Run("by descriptors", func(t *testing.T) {
		p, err := plugintest.Host(t, host.Descriptors, nil, lenprefix.New).Protocol("lenprefix")
		if err != nil {
			t.Fatal(err)
		}
		f(t, p)
	})
}

// on puts p on one end of a stream.
func on(t *testing.T, p sdk.Protocol, options ...string) (lent sdk.Lent, above, peer *os.File) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	h, err := p.(sdk.Wrapper).Wrap(t.Context(), sdk.WrapRequest{FD: fds[0], Kind: sdk.Stream, Options: settings(options...)})
	if err != nil {
		t.Fatal(err)
	}
	above, peer = os.NewFile(uintptr(h.FD), "above"), os.NewFile(uintptr(fds[1]), "peer")
	t.Cleanup(func() { above.Close(); peer.Close() })
	return sdk.Lent{FD: h.FD, Mark: h.Mark, Carrier: h.Carrier}, above, peer
}

// What a layer read and could not deliver comes back, whatever ended it.
func TestBytesThatTheLayerCouldNotReadComeBack(t *testing.T) {
	each(t, func(t *testing.T, p sdk.Protocol) {
		for sent, want := range map[string]struct {
			rest string
			err  error
		}{
			"\x00\x00\x00\x05hello\x00\x00\xff\x00and what follows": {"\x00\x00\xff\x00and what follows", sdk.Malformed},
			"\x00\x00\x00\x05hello\x00\x00\x00\x05hel":              {"\x00\x00\x00\x05hel", sdk.Truncated},
		} {
			lent, above, peer := on(t, p, "max", "10")
			peer.Write([]byte(sent))
			if want.err == sdk.Truncated {
				peer.Close()
			}
			if got, err := io.ReadAll(above); err != nil || string(got[8:]) != "hello" {
				t.Fatalf("%q, %v", got, err)
			}
			above.Close()
			if err := lent.Carrier.(socket.LayerCarrier).Gone(t.Context()); err != nil {
				t.Fatal(err)
			}
			rest, err := p.(sdk.Wrapper).Unwrap(t.Context(), lent)
			if string(rest) != want.rest || !errors.Is(err, want.err) {
				t.Errorf("%q, %v", rest, err)
			}
			if rest, _ := p.(sdk.Wrapper).Unwrap(t.Context(), lent); len(rest) > 0 {
				t.Errorf("twice: %q", rest)
			}
		}
	})
}

func TestMessageThatIsTooLongForItsLengthIsRefused(t *testing.T) {
	each(t, func(t *testing.T, p sdk.Protocol) {
		lent, above, peer := on(t, p, "size", "1")
		for _, n := range []int{300, 3} {
			if _, err := above.Write(socket.AppendFrame(nil, socket.Message{Data: make([]byte, n)})); err != nil {
				t.Fatal(err)
			}
		}
		got := make([]byte, 4)
		if _, err := io.ReadFull(peer, got); err != nil || got[0] != 3 {
			t.Fatalf("%q, %v", got, err)
		}
		f, err := p.(sdk.Informer).Info(t.Context(), lent, []string{"refused"})
		if err != nil || f[0].Value != "1, the last: a message of 300 bytes: a length of size=1 cannot say that" {
			t.Errorf("%v, %v", f, err)
		}
	})
}
