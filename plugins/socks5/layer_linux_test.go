package socks5

import (
	"testing"

	"github.com/sosh-shell/sosh/plugins/sdk"
	"github.com/sosh-shell/sosh/plugins/sdk/conform"
	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
)

func TestMain(m *testing.M) { plugintest.Main(m, New) }

// It is no proxy, so it cannot be at both ends.
func TestConformance(t *testing.T) {
	plugintest.RunHow(t, New, conform.How{Alone: true, Options: []sdk.Setting{set("to", "example.com:80")}})
}
