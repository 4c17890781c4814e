package main

import (
	"testing"

	"github.com/sosh-shell/sosh/plugins/sdk"
	"github.com/sosh-shell/sosh/plugins/sdk/conform"
	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
)

func newEcho() sdk.Protocol { return sdk.NewDialer(echo{}) }

func TestMain(m *testing.M) { plugintest.Main(m, newEcho) }

func TestConformance(t *testing.T) {
	plugintest.RunHow(t, newEcho, conform.How{Address: "anybody", Echo: true})
}
