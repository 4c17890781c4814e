package proxy

import (
	"testing"

	"github.com/sosh-shell/sosh/plugins/sdk"
	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
)

func TestMain(m *testing.M) { plugintest.Main(m, New) }

func TestConformance(t *testing.T) {
	for _, mode := range []string{"v1", "v2"} {
		t.Run(mode, func(t *testing.T) {
			plugintest.RunLayer(t, New, plugintest.LayerTest{Client: []sdk.Setting{set("mode", mode), set("from", "192.0.2.1:1"), set("to", "192.0.2.2:2")}})
		})
	}
}
