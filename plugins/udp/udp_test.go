package udp_test

import (
	"testing"

	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
	"github.com/sosh-shell/sosh/plugins/udp"
)

func TestMain(m *testing.M) { plugintest.Main(m, udp.New) }

func TestConformance(t *testing.T) { plugintest.Run(t, udp.New) }
