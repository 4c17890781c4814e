package socks5

import (
	"context"
	"io"
	"net"
	"testing"

	"github.com/sosh-shell/sosh/plugins/sdk"
	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
)

// The kit's, by their short names.
var (
	dial = plugintest.Dial
	fact = plugintest.Fact
	says = plugintest.Says[string]
)

func wrap(below sdk.Below, set ...sdk.Setting) (net.Conn, error) {
	values, err := sdk.OptionValuesOf(options, set...)
	if err != nil {
		return nil, err
	}
	return layer{}.Wrap(context.Background(), below, sdk.LayerRequest{Options: values})
}

func set(name, value string) sdk.Setting { return sdk.Setting{Name: name, Value: value} }

func rest(t *testing.T, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
