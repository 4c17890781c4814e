package plugintest

import (
	"strings"
	"testing"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/host"
	"github.com/sosh-shell/sosh/plugins/sdk/conform"
)

// Run holds the protocol to every promise of the contract that it makes, in each
// form. Its sockets are opened with the options, which may choose their kind: what is
// promised depends on that. The test program's TestMain must call [Main].
func Run(t *testing.T, construct func() socket.Protocol, options ...socket.Setting) {
	RunHow(t, construct, conform.How{Options: options})
}

// RunHow is Run for a protocol, or a layer, of which the checks have to know more: an
// address to talk to, the options of each end.
func RunHow(t *testing.T, construct func() socket.Protocol, how conform.How) {
	d := construct().Describe()
	if !d.Held { // such sockets can only be carried
		t.Run(conform.FormProcess, func(t *testing.T) {
			x, err := conform.InProcess(t.Context(), construct(), how)
			keep(t, x, err)
			how.Kind = x.Kind()
		})
		t.Run(conform.FormDescriptors, func(t *testing.T) {
			x, err := conform.InHost(t.Context(), Host(t, host.Descriptors, nil, construct), d.Name, host.Descriptors, how)
			keep(t, x, err)
		})
	}
	if d.Layer {
		return // a descriptor in, a descriptor out
	}
	t.Run(conform.FormStream, func(t *testing.T) {
		x, err := conform.InHost(t.Context(), Host(t, host.Stream, nil, construct), d.Name, host.Stream, how)
		keep(t, x, err)
	})
}

// keep runs each check as a test.
func keep(t *testing.T, x *conform.Suite, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range x.Promises {
		if p.Lacks != "" {
			continue
		}
		t.Run(p.Text, func(t *testing.T) {
			switch r := x.Keep(t.Context(), p); r.Outcome {
			case conform.Broken:
				t.Error(strings.Join(r.Reasons, "\n"))
			case conform.NotApplicable:
				t.Log("not applicable: " + strings.Join(r.Reasons, "\n"))
			}
		})
	}
}

// LayerTest says how two ends of one layer are put on a connection.
type LayerTest struct {
	Client, Server []socket.Setting
	Host           string // as the client's socket was opened with
	// OwnEnd says that the layer has an end of its own, so that one of the stream
	// beneath alone is a cut.
	OwnEnd bool
	// Largest is the length of the largest message that is sent; 1 MiB if it is 0.
	Largest int
	// Message makes a message of so many bytes that the layer carries unchanged; nil
	// for random ones.
	Message func(size int) []byte
}

// RunLayer holds a layer to the promises of [socket.Wrapper], with itself at both
// ends of TCP connections over the loopback: in process, and through a real plugin
// process. The test program's TestMain must call [Main].
func RunLayer(t *testing.T, construct func() socket.Protocol, how LayerTest) {
	server := append([]socket.Setting{}, how.Server...) // none are none, not the client's
	RunHow(t, construct, conform.How{Options: how.Client, Server: server, Host: how.Host, OwnEnd: how.OwnEnd,
		Largest: how.Largest, Message: how.Message})
}
