package sdk_test

import (
	"context"
	"net"
	"testing"

	"go.uber.org/goleak"

	"github.com/sosh-shell/sosh/plugins/sdk"
	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// plain is a layer that changes nothing.
type plain struct{}

func (plain) Describe() sdk.Description {
	return sdk.Description{Name: "plain", Synopsis: "nothing between", Kind: sdk.Stream,
		Options: []sdk.Option{{Name: "size", Type: sdk.SizeOption, Default: "1K", Help: "a size"}}}
}

func (plain) Wrap(_ context.Context, b sdk.Below, _ sdk.LayerRequest) (net.Conn, error) {
	return b, nil
}

// opaque is a layer whose connection is of its own type.
type opaque struct{ plain }

func (opaque) Wrap(_ context.Context, b sdk.Below, _ sdk.LayerRequest) (net.Conn, error) {
	return struct{ net.Conn }{b}, nil
}

func TestLayerConformance(t *testing.T) {
	for name, l := range map[string]sdk.Layer{"below itself": plain{}, "a connection of its own": opaque{}} {
		t.Run(name, func(t *testing.T) {
			plugintest.RunLayer(t, func() sdk.Protocol { return sdk.NewLayer(l) }, plugintest.LayerTest{})
		})
	}
}
