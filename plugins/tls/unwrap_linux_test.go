package tls_test

import (
	"bytes"
	"context"
	ctls "crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// held is a connection whose writes go out together, when they are let go.
type held struct {
	net.Conn
	mu   sync.Mutex
	hold bool
	kept bytes.Buffer
}

func (h *held) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.hold {
		return h.kept.Write(p)
	}
	return h.Conn.Write(p)
}

func (h *held) SetWriteDeadline(time.Time) error { return nil }

// What the peer sends right after its close_notify, in the same segment, is the next
// protocol's.
func TestBytesBehindTheCloseNotifyComeBack(t *testing.T) {
	ca := newAuthority(t, "test authority")
	cert, key := ca.leaf("server", nil)
	pair, err := ctls.LoadX509KeyPair(cert, key)
	must(t, err)
	for _, version := range []uint16{ctls.VersionTLS12, ctls.VersionTLS13} {
		a, d := tcp(t)
		h := &held{Conn: a}
		server := ctls.Server(h, &ctls.Config{Certificates: []ctls.Certificate{pair}, MaxVersion: version})
		clear := strings.Repeat("in the clear ", 1000)
		go func() {
			server.Handshake()
			h.mu.Lock()
			h.hold = true
			h.mu.Unlock()
			server.Write(bytes.Repeat([]byte("secret "), 10000))
			server.CloseWrite()
			h.kept.WriteString(clear)
			a.Write(h.kept.Bytes())
		}()
		e, err := wrap(t, d, sdk.WrapRequest{Host: "localhost", Options: settings("ca", ca.File)})
		must(t, err)
		rest, err := newProtocol().Unwrap(t.Context(), sdk.Lent{Carrier: e.Carrier})
		must(t, err)
		got, err := e.reason()
		if len(got) != 70000 || err != nil {
			t.Errorf("%d bytes of the layer's, %v", len(got), err)
		}
		more := make([]byte, len(clear)-len(rest))
		must(t, d.SetReadDeadline(time.Now().Add(patience)))
		if _, err := io.ReadFull(d, more); err != nil || string(rest)+string(more) != clear {
			t.Errorf("%d bytes came back, %d more came, %v", len(rest), len(more), err)
		}
		d.Close()
		a.Close()
	}
}

// A peer that never answers the close_notify must not hold the shell.
func TestUnwrapOfASilentPeerEndsWithItsTime(t *testing.T) {
	ca := newAuthority(t, "test authority")
	cert, key := ca.leaf("server", nil)
	c, s, err, serr := against(t, settings("cert", cert, "key", key), "localhost", "ca", ca.File)
	must(t, err)
	must(t, serr)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := newProtocol().Unwrap(ctx, sdk.Lent{Carrier: c.Carrier}); !errors.Is(err, ctx.Err()) || err == nil {
		t.Errorf("%v", err)
	}
	if _, err := s.reason(); err != nil {
		t.Errorf("the peer has been told in order: %v", err)
	}
}
