package telnet

import (
	"bytes"
	"io"
	"math/rand"
	"testing"

	"github.com/sosh-shell/sosh/plugins/sdk"
	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
)

func TestMain(m *testing.M) { plugintest.Main(m, New) }

// Two clients ask each other nothing, so that nothing but data passes: what unwrap
// leaves is the socket's.
func TestConformance(t *testing.T) {
	o := []sdk.Setting{set("server", "off")}
	plugintest.RunLayer(t, New, plugintest.LayerTest{Client: o, Server: o})
}

// Both ask for BINARY and begin to send before the other has agreed.
func TestBytesPassWhileBinaryIsNegotiated(t *testing.T) {
	a, b := pair(t)
	o := set("binary", "on")
	ends := []*conn{wrap(t, a, false, o), wrap(t, b, true, o)}
	data := make([]byte, 1<<20)
	rand.New(rand.NewSource(1)).Read(data)
	for i, c := range ends {
		go func() {
			c.Write(data)
			c.CloseWrite()
		}()
		got, err := io.ReadAll(ends[1-i])
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	}
}
