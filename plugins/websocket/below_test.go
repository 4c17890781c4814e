package websocket

import (
	"bytes"
	"context"
	"net"
	"testing"

	"github.com/sosh-shell/sosh/plugins/sdk"
	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
)

// The kit's, by their short names.
type canned = plugintest.Canned

var (
	below = plugintest.Below
	pair  = plugintest.Pair
	fact  = plugintest.Fact
	says  = plugintest.Says[[]byte]
)

func wrap(b sdk.Below, accepted bool, set ...sdk.Setting) (*conn, error) {
	values, err := sdk.OptionValuesOf(options, set...)
	if err != nil {
		return nil, err
	}
	c, err := layer{}.Wrap(context.Background(), b, sdk.LayerRequest{Host: "example.com", Accepted: accepted, Options: values})
	if err != nil {
		return nil, err
	}
	return c.(*conn), nil
}

// wrapped is a pair with the layer on both ends.
func wrapped(t *testing.T, client, server []sdk.Setting) (c, s *conn) {
	t.Helper()
	a, b := pair(t)
	done := make(chan error, 1)
	go func() {
		var err error
		s, err = wrap(b, true, server...)
		done <- err
	}()
	c, err := wrap(a, false, client...)
	if err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return c, s
}

// raw is a client's connection after the handshake, without the layer, and the
// server's with it.
func raw(t *testing.T, set ...sdk.Setting) (net.Conn, *conn) {
	t.Helper()
	a, b := pair(t)
	a.Write([]byte("GET /x HTTP/1.1\r\nHost: h\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"))
	s, err := wrap(b, true, set...)
	if err != nil {
		t.Fatal(err)
	}
	var head []byte
	for one := make([]byte, 1); !bytes.HasSuffix(head, []byte("\r\n\r\n")); {
		if _, err := a.Read(one); err != nil {
			t.Fatal(err)
		}
		head = append(head, one...)
	}
	// The answer to this key stands in RFC 6455, section 1.3.
	if !bytes.Contains(head, []byte("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n")) {
		t.Fatalf("answer %q", head)
	}
	return a, s
}

func set(name, value string) sdk.Setting { return sdk.Setting{Name: name, Value: value} }
