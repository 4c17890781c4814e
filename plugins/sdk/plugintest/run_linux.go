package plugintest

import (
	"testing"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/host"
)

// check is one promise of the contract.
type check struct {
	promise string
	needs   []socket.Call // a protocol without them cannot keep it, and need not
	run     func(*testing.T, *subject)
}

// Run holds the protocol to every promise of the contract that it makes, in each
// form. The test program's TestMain must call [Main].
func Run(t *testing.T, construct func() socket.Protocol) {
	forms := []struct {
		name string
		make func(*testing.T) *subject
	}{
		{"in process", func(*testing.T) *subject { return inProcess(construct()) }},
		{"by descriptors", func(t *testing.T) *subject { return inHost(t, construct, host.Descriptors) }},
		{"by stream", func(t *testing.T) *subject { return inHost(t, construct, host.Stream) }},
	}
	kind := construct().Describe().Kind
	for _, f := range forms {
		if f.name == "by stream" && kind != socket.Stream {
			continue // only bytes can be carried
		}
		t.Run(f.name, func(t *testing.T) {
			s := f.make(t)
			for _, c := range checks(s.desc) {
				t.Run(c.promise, func(t *testing.T) { c.run(t, s) })
			}
			t.Run("every call it lacks is refused", func(t *testing.T) { refusesWhatItLacks(t, s) })
		})
	}
}

// checks are those that apply.
func checks(d socket.Description) []check {
	all := append([]check(nil), describing...)
	all = append(all, opening...)
	if d.Address == socket.HostPort {
		all = append(all, resolving...)
		if d.Kind == socket.Stream {
			all = append(all, connections...)
			all = append(all, bytesAndEnds...)
		}
	}
	all = append(all, options...)
	var out []check
next:
	for _, c := range all {
		for _, n := range c.needs {
			if !d.Can(n) {
				continue next
			}
		}
		out = append(out, c)
	}
	return out
}
