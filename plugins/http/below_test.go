package http

import (
	"context"
	"testing"

	"github.com/sosh-shell/sosh/plugins/sdk"
	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
)

// The kit's, by their short names.
var (
	below = plugintest.Below
	pair  = plugintest.Pair
	fact  = plugintest.Fact
	says  = plugintest.Says[[]byte]
)

func wrap(t *testing.T, b sdk.Below, accepted bool, set ...sdk.Setting) *conn {
	t.Helper()
	values, err := sdk.OptionValuesOf(options, set...)
	if err != nil {
		t.Fatal(err)
	}
	c, err := layer{}.Wrap(context.Background(), b, sdk.LayerRequest{Host: "example.com", Accepted: accepted, Options: values})
	if err != nil {
		t.Fatal(err)
	}
	return c.(*conn)
}

func set(name, value string) sdk.Setting { return sdk.Setting{Name: name, Value: value} }
