package http

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// closing is a layer that has an end of its own, without which it is cut.
type closing struct{ cut bool }

func (closing) Describe() sdk.Description {
	return sdk.Description{Name: "closing", Synopsis: "an end of its own", Kind: sdk.Stream}
}

func (l closing) Wrap(_ context.Context, b sdk.Below, _ sdk.LayerRequest) (net.Conn, error) {
	return closingConn{b, l.cut}, nil
}

type closingConn struct {
	net.Conn
	cut bool
}

func (c closingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err == io.EOF && c.cut {
		err = sdk.Truncated
	}
	return n, err
}

// A body that the end delimits is whole only where the layer beneath ended in order.
func TestBodyIsNotWholeWhereTheLayerBeneathWasCut(t *testing.T) {
	for _, cut := range []bool{false, true} {
		below := socketpair(t)
		low, err := sdk.NewLayer(closing{cut}).(sdk.Wrapper).Wrap(t.Context(), sdk.WrapRequest{FD: below.fd, Kind: sdk.Stream})
		if err != nil {
			t.Fatal(err)
		}
		h, err := New().(sdk.Wrapper).Wrap(t.Context(), sdk.WrapRequest{FD: low.FD, Kind: sdk.Stream, Host: "example.com"})
		if err != nil {
			t.Fatal(err)
		}
		above := os.NewFile(uintptr(h.FD), "above")
		defer above.Close()
		if _, err := below.peer.Write([]byte("HTTP/1.0 200 OK\r\n\r\nhalf of it")); err != nil {
			t.Fatal(err)
		}
		below.peer.Close()
		got, err := io.ReadAll(above)
		if err != nil {
			t.Fatal(err)
		}
		end := h.Carrier.End(t.Context())
		if whole := len(got) > 0; whole == cut || errors.Is(end, sdk.Truncated) != cut {
			t.Errorf("cut %v: %q, %v", cut, got, end)
		}
	}
}

// What cannot be sent any more is refused; what comes can still be taken off.
func TestMessageAfterTheSwitchIsRefusedAndUnwrapGoesOn(t *testing.T) {
	below := socketpair(t)
	p := New().(interface {
		sdk.Wrapper
		sdk.Informer
	})
	h, err := p.Wrap(t.Context(), sdk.WrapRequest{FD: below.fd, Kind: sdk.Stream, Host: "example.com"})
	if err != nil {
		t.Fatal(err)
	}
	above := os.NewFile(uintptr(h.FD), "above")
	defer above.Close()
	message := "GET / HTTP/1.1\r\nHost: example.com\r\nUpgrade: x\r\n\r\n"
	frame := append([]byte{0, 0, 0, 0, 0, 0, 0, byte(len(message))}, message...)
	if _, err := above.Write(frame); err != nil {
		t.Fatal(err)
	}
	below.read(t, len(message))
	answer := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"
	if _, err := below.peer.Write([]byte(answer)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(above, make([]byte, 8+len(answer))); err != nil {
		t.Fatal(err)
	}
	if _, err := above.Write(frame); err != nil {
		t.Fatal(err)
	}
	lent := sdk.Lent{FD: h.FD, Mark: h.Mark, Carrier: h.Carrier}
	for want := "1, the last: what follows is no HTTP: unwrap to go on"; ; {
		f, err := p.Info(t.Context(), lent, []string{"refused"})
		if err != nil {
			t.Fatal(err)
		}
		if f[0].Value == want {
			break
		}
		if f[0].Value != "" || h.Carrier.Facts().State != "open" {
			t.Fatalf("%q, %s", f[0].Value, h.Carrier.Facts().State)
		}
		unix.Poll(nil, 1)
	}
	if unread, err := p.Unwrap(t.Context(), lent); err != nil || len(unread) > 0 {
		t.Errorf("%q, %v", unread, err)
	}
}
