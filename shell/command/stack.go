package command

import (
	"strings"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/shell/render"
)

// stack draws what stands between the user and the wire, the user's side on top: each
// level with what went out of it and came into it.
func stack(f *snapshot, facts render.Object) string {
	var b strings.Builder
	line := func(name, sent, received string, kind socket.Kind) {
		b.WriteString("  " + name + strings.Repeat(" ", max(1, 12-len(name))))
		if sent != "" {
			b.WriteString(sent + " bytes sent, " + received + " received, ")
		}
		b.WriteString(string(kind) + "\n")
	}
	layers := f.s.Layers()
	b.WriteString("\n")
	line("you", facts.Text("sent"), facts.Text("received"), f.s.Kind())
	for i := len(layers) - 1; i >= 0; i-- {
		below := f.s.BaseKind()
		if i > 0 {
			below = layers[i-1].Kind
		}
		line(layers[i].Name, facts.Text(layers[i].Name+".sent"), facts.Text(layers[i].Name+".received"), below)
	}
	b.WriteString("  " + f.desc.Word() + strings.Repeat(" ", max(1, 12-len(f.desc.Word()))) +
		f.facts.Local.Text(f.desc.Address) + " to " + f.facts.Remote.Text(f.desc.Address) + "\n")
	return string(render.Escape(nil, []byte(b.String())))
}
