package websocket

import (
	"testing"

	"github.com/sosh-shell/sosh/plugins/sdk"
	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
)

func TestMain(m *testing.M) { plugintest.Main(m, New) }

func TestConformance(t *testing.T) {
	// RFC 6455 knows no half close: who may send after the peer's end answers it late.
	o := []sdk.Setting{set("max", "16M"), set("answer", "late")}
	plugintest.RunLayer(t, New, plugintest.LayerTest{Client: o, Server: o, Host: "localhost", OwnEnd: true, Largest: 16 << 20})
}
