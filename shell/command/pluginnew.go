package command

import (
	"context"
	"regexp"

	"github.com/spf13/pflag"
)

// NewPlugin is a plugin that is to be written.
type NewPlugin struct {
	Name string
	Kind string // one of the constants below
	Dir  string // absolute: the folder to make
	// Source is where sosh's own source is, absolute; "" where it was built from, or
	// the published module.
	Source string
}

// The kinds of plugin that can be begun.
const (
	NewDialer     = "dialer"
	NewDescriptor = "descriptor"
	NewLayer      = "layer"
	NewNode       = "node"
)

var pluginNew = &Command{
	Name:     "plugin new",
	Group:    Shell,
	Synopsis: "make a folder with a plugin of your own, which builds and runs",
	Usage:    []string{"plugin new NAME [--dialer|--descriptor|--layer] [--lang go|node] [--source DIR]"},
	Help: `The folder NAME gets a Go module with a protocol, its tests and a README that tells the next steps: build, test, check, install, use. The protocol upper-cases what it gets, accepts any address and needs no server: change it into yours.

It is a dialer, a function that gives a connection, which lives in the plugin's process. --descriptor makes a protocol whose sockets are the kernel's, and outlive the plugin; --layer one that wraps sockets of other protocols, as tls does. --lang node makes a dialer in Node.js, which needs npm.

Where sosh is not installed from a published version, the module is built against the source that this sosh was built from; --source names another place.`,
	Args: []Arg{{Name: "NAME"}},
	Examples: []Example{{
		Does:   "a protocol of one's own",
		Code:   "cd \"$(mktemp -d)\"\nplugin new shout\nls shout",
		Output: "README.md\ngo.mod\ngo.sum\nmain.go\nmain_test.go\n",
	}},
	New: func(f *pflag.FlagSet) Run {
		dialer := f.Bool("dialer", false, "a function that gives a connection (the default)")
		layer := f.Bool("layer", false, "a layer, which wraps other sockets")
		descriptor := f.Bool("descriptor", false, "a protocol whose sockets are the kernel's")
		lang := f.String("lang", "go", "the language: go or node")
		source := f.String("source", "", "sosh's own source is in `DIR`")
		return func(ctx context.Context, c *Call) error {
			args, err := c.args(1, 1)
			if err != nil {
				return err
			}
			p := NewPlugin{Name: args[0], Kind: NewDialer, Dir: c.fromDir(args[0])}
			switch {
			case !pluginName.MatchString(p.Name):
				return c.usage("%q is no name: lower case letters, digits and hyphens, a letter first", p.Name)
			case *layer && *descriptor, *layer && *dialer, *dialer && *descriptor:
				return c.usage("--dialer, --descriptor and --layer exclude each other")
			case *lang != "go" && *lang != "node":
				return c.usage("--lang is go or node, not %q", *lang)
			case *lang == "node" && (*layer || *descriptor):
				return c.usage("layers and descriptor protocols are written in Go: leave --lang out")
			case *lang == "node" && *source != "":
				return c.usage("--source is for plugins in Go: one in Node.js needs nothing of sosh's source")
			case *lang == "node":
				p.Kind = NewNode
			case *layer:
				p.Kind = NewLayer
			case *descriptor:
				p.Kind = NewDescriptor
			}
			if *source != "" {
				p.Source = c.fromDir(*source)
			}
			if err := c.closed(); err != nil {
				return err
			}
			if _, taken := c.description(p.Name); taken {
				c.warn("there is a plugin %s already: a bundled one cannot be replaced, an installed one will be", p.Name)
			}
			if c.Session.Author == nil || c.Session.Author.New == nil {
				return c.cannot("plugins cannot be made here")
			}
			if _, err := c.Session.Author.New(ctx, p); err != nil {
				return err
			}
			c.notice("made %s: its README.md tells the next steps", p.Dir)
			return nil
		}
	},
}

// pluginName is what a plugin may be called.
var pluginName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)
