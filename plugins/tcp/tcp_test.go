package tcp_test

import (
	"testing"

	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
	"github.com/sosh-shell/sosh/plugins/tcp"
)

func TestMain(m *testing.M) { plugintest.Main(m, tcp.New) }

func TestConformance(t *testing.T) { plugintest.Run(t, tcp.New) }
