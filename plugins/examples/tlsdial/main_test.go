package main

import (
	"testing"

	"github.com/sosh-shell/sosh/plugins/sdk"
	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
)

func newDialer() sdk.Protocol { return sdk.NewDialer(dialer{}) }

func TestMain(m *testing.M)        { plugintest.Main(m, newDialer) }
func TestConformance(t *testing.T) { plugintest.Run(t, newDialer) }
