package main

import (
	"crypto/tls"
	"io"
	"net/http/httptest"
	"testing"

	"github.com/sosh-shell/sosh/plugins/sdk"
	"github.com/sosh-shell/sosh/plugins/sdk/conform"
	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
)

func newDialer() sdk.Protocol { return sdk.NewDialer(dialer{}) }

func TestMain(m *testing.M) { plugintest.Main(m, newDialer) }

func TestConformance(t *testing.T) {
	plugintest.RunHow(t, newDialer, conform.How{Address: echoServer(t), Echo: true,
		Options: []sdk.Setting{{Name: "insecure", Value: "on"}}})
}

// echoServer is the address of a TLS server that sends back what it gets.
func echoServer(t *testing.T) string {
	t.Helper()
	has := httptest.NewTLSServer(nil) // for its certificate
	defer has.Close()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: has.TLS.Certificates})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				io.Copy(c, c)
			}()
		}
	}()
	return l.Addr().String()
}
