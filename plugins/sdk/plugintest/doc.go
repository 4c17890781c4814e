// Package plugintest is the conformance kit under go test: it holds a protocol to the
// MUSTs of core/socket, with the checks of package conform, in process, through a real
// plugin process that passes descriptors, and through one that carries the bytes. A
// plugin's whole test is
//
//	func TestMain(m *testing.M)         { plugintest.Main(m, mine.New) }
//	func TestConformance(t *testing.T)  { plugintest.Run(t, mine.New) }
//
// A protocol that gives sockets of several kinds is run once for each, with the
// options that choose it. It tests what every protocol promises; what only yours
// does is for your tests.
package plugintest

import (
	"os"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/host"
	"github.com/sosh-shell/sosh/plugins/sdk"
)

// Main is a test program's TestMain: the program is also the plugin process of each
// of the protocols. It fails when goroutines are left at the end.
func Main(m *testing.M, protocols ...func() socket.Protocol) {
	ServeIfAsked(protocols...)
	goleak.VerifyTestMain(m)
}

// ServeIfAsked makes this process the plugin that its arguments ask for, if they do.
func ServeIfAsked(protocols ...func() socket.Protocol) {
	if len(os.Args) != 4 || !slices.Equal(os.Args[1:3], []string{"plugin", "serve"}) {
		return
	}
	for _, construct := range protocols {
		if p := construct(); p.Describe().Name == os.Args[3] {
			sdk.Serve(p)
			os.Exit(0)
		}
	}
	os.Exit(2)
}

// Host returns a host whose bundled plugins are this test program, closed at the
// test's end. edit may change its configuration.
func Host(tb testing.TB, form host.Form, edit func(*host.Config), protocols ...func() socket.Protocol) *host.Host {
	tb.Helper()
	cfg := host.Config{Form: form, Bundled: map[string]func() socket.Protocol{}, Log: testLog{tb}}
	for _, construct := range protocols {
		cfg.Bundled[construct().Describe().Name] = construct
	}
	if edit != nil {
		edit(&cfg)
	}
	h, err := host.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { h.Close() })
	return h
}

// testLog shows what plugins print where the test's output goes.
type testLog struct{ tb testing.TB }

func (l testLog) Write(p []byte) (int, error) {
	l.tb.Helper()
	l.tb.Logf("%s", p)
	return len(p), nil
}
