package unix_test

import (
	"testing"

	"github.com/sosh-shell/sosh/plugins/sdk"
	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
	"github.com/sosh-shell/sosh/plugins/unix"
)

func TestMain(m *testing.M) { plugintest.Main(m, unix.New) }

func TestConformance(t *testing.T) { plugintest.Run(t, unix.New) }

func TestConformanceOfDatagrams(t *testing.T) {
	plugintest.Run(t, unix.New, sdk.Setting{Name: "kind", Value: "datagram"})
}

func TestConformanceOfSeqpackets(t *testing.T) {
	plugintest.Run(t, unix.New, sdk.Setting{Name: "kind", Value: "seqpacket"})
}
