package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/host"
	"github.com/sosh-shell/sosh/shell/command"
	"github.com/sosh-shell/sosh/shell/render"
)

// plugins is "sosh plugin ...".
func plugins(h *host.Host, args []string) int {
	switch {
	case len(args) == 1 && args[0] == "list":
		t := render.Table{Columns: []string{"name", "version", "path"}}
		for _, p := range h.Plugins() {
			t.Rows = append(t.Rows, []string{p.Name, p.Version, p.Path})
		}
		t.Write(os.Stdout)
		return command.StatusDone
	case len(args) == 2 && args[0] == "install":
		d, err := h.Install(args[1])
		if err != nil {
			return pluginError(err)
		}
		fmt.Printf("%s: %s (%s, addresses are %s)\n", d.Name, render.Line(d.Synopsis), d.Kind, d.Address)
		return command.StatusDone
	}
	return usage("plugin: list, install PATH, or serve NAME")
}

func pluginError(err error) int {
	fmt.Fprintln(os.Stderr, "sosh plugin: "+render.Line(err.Error()))
	var e *socket.Error
	if errors.As(err, &e) && e.Hint != "" {
		fmt.Fprintln(os.Stderr, "  "+render.Line(e.Hint))
	}
	return command.Status(err)
}
