package command

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/shell/render"
)

// pluginCmd is every word about plugins: at the prompt, and as "sosh plugin ...".
var pluginCmd = &Command{
	Name:     "plugin",
	Group:    Shell,
	Synopsis: "make, check, install, reload and remove plugins",
	Help: `A plugin is an executable that makes sockets of a protocol, or wraps them in a layer. It is a process of its own, so a language and a crash of its own.

plugin new makes one, plugin check tests one, plugin install makes it a part of sosh. What was not installed is not run: the digest of what was is kept, and the file compared with it at every start.`,
	Examples: []Example{{
		Does:   "what there is",
		Code:   "plugin list | grep '^t[cl]'",
		Output: "tcp        ...  bundled\ntls        ...  bundled\n",
	}, {
		Does: "a new process of a plugin takes over, and the connection lives on",
		Code: `open tcp --listen 127.0.0.1:0 -n srv; open tcp :$(show srv local.port) -n c; accept srv -n s
plugin reload tcp
send c hello; expect s hello && echo "still there"`,
		Output: "still there\n",
	}},
}

func init() { // they lead back here
	pluginCmd.Subs = []*Command{pluginList, pluginInfo, pluginDocs, pluginNew, pluginCheck, pluginInstall, pluginReload, pluginRemove}
}

// Author is what the author of a plugin needs and the shell cannot do itself.
type Author struct {
	// New makes a folder with a plugin that builds, and tells what is in it.
	New func(ctx context.Context, p NewPlugin) ([]string, error)
	// Check holds a plugin to the contract, and reports each promise.
	Check func(ctx context.Context, p CheckPlugin, report func(Promise)) (CheckSummary, error)
}

// installer is what changes the plugins.
func (c *Call) installer() (socket.Installer, error) {
	if in, ok := c.Session.Table.Providers().(socket.Installer); ok {
		return in, nil
	}
	return nil, c.cannot("plugins cannot be changed here")
}

func (c *Call) cannot(why string) error {
	return &socket.Error{Op: c.command.Name, Err: socket.Faultf(socket.Unsupported, "%s", why)}
}

// closed refuses what starts programs or writes files, where those are closed.
func (c *Call) closed() error {
	if c.NoFiles {
		return c.cannot("programs and files are closed to this script (--no-external)")
	}
	return nil
}

// plugin is the state of the plugin of that name.
func (c *Call) plugin(name string) (socket.Plugin, error) {
	for _, p := range c.Session.Table.Providers().Plugins() {
		if p.Name == name {
			return p, nil
		}
	}
	// Where the record cannot be read, it is that what the user must hear.
	if _, err := c.Session.Table.Providers().Protocol(name); err != nil && !errors.Is(err, socket.Usage) {
		return socket.Plugin{}, err
	}
	return socket.Plugin{}, &socket.Error{Op: c.command.Name, Place: name, Err: socket.Faultf(socket.Usage, "there is no such plugin"),
		Hint: "plugin list tells which there are"}
}

// agree asks whether to do what cannot be taken back. Without a terminal there is
// nobody to ask: then --yes must be given.
func (c *Call) agree(ctx context.Context, question string) error {
	answer, err := c.Ask(ctx, question+" [y/N] ")
	if errors.Is(err, io.ErrUnexpectedEOF) { // Ctrl-D: the line is not ended
		answer = ""
		io.WriteString(c.Stderr, "\n")
	} else if err != nil {
		return &socket.Error{Op: c.command.Name, Err: err}
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return &socket.Error{Op: c.command.Name, Err: errDeclined}
}

// mayAsk refuses a call that would have to ask and cannot.
func (c *Call) mayAsk(yes bool) error {
	if yes || c.Ask != nil {
		return nil
	}
	return &socket.Error{Op: c.command.Name, Err: socket.Faultf(socket.Usage, "there is no terminal to ask at"),
		Hint: "--yes does it without asking"}
}

type declined struct{}

func (declined) Error() string { return "nothing was changed" }

var errDeclined = declined{}

// digest is the beginning of one, enough for people to compare.
func digest(sha string) string { return sha[:min(len(sha), 12)] }

// nature is what sort of plugin it is, in words.
func nature(d socket.Description) string {
	var b strings.Builder
	switch {
	case d.Layer && d.Kind.Messages():
		b.WriteString("a layer that gives messages")
	case d.Layer:
		b.WriteString("a layer")
	default:
		b.WriteString("a " + string(d.Kind) + " protocol, addresses are " + string(d.Address))
	}
	return render.Line(b.String())
}

// named is a plugin's name with its version, if it has one.
func named(d socket.Description) string {
	if d.Version == "" {
		return d.Name
	}
	return d.Name + " " + render.Line(d.Version)
}
