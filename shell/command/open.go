package command

import (
	"context"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/pflag"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/core/table"
	"github.com/sosh-shell/sosh/shell/render"
)

var open = &Command{
	Name:     "open",
	Group:    Calls,
	Synopsis: "make a socket; with an address, connect it",
	Usage: []string{
		"open PROTO [ADDR] [-n NAME] [-4|-6] [--retry] [--timeout D] [--via COMMAND] [KEY=VALUE...]",
		"open PROTO --listen ADDR [-n NAME] [-4|-6] [--via COMMAND] [KEY=VALUE...]",
	},
	Help: `The protocol's plugin makes the socket and hands its descriptor over; from then on sosh holds it. With ADDR the socket is connected, to the first of the name's addresses that answers. With --listen it is bound and listens: without a host that means the loopback address, and port 0 asks the kernel for a free one.

KEY=VALUE sets an option of the protocol (help PROTO lists them), from=ADDR the local address of a connection, inbox=SIZE the bound of unread bytes.

--via 'COMMAND...' opens it elsewhere, where the command leads: --via 'ssh host', --via 'ip netns exec lab', --via 'kubectl exec -i pod --'. Its addresses and paths are of that place. PROTO@PLACE is the same for a place that has a name: help via.

The new socket becomes the current one, which . names. Its name is printed when it is captured: s=$(open tcp :80).`,
	Args: []Arg{{Name: "PROTO", Kind: Protocol}, {Name: "ADDR"}, {Name: "KEY=VALUE", Kind: Option, Repeat: true}},
	Examples: []Example{{
		Does: "a server and its client, on a port of the kernel's choice",
		Code: `open tcp --listen 127.0.0.1:0 -n srv
open tcp 127.0.0.1:$(show srv local.port) -n c
show c state`,
		Output: "ESTABLISHED\n",
	}, {
		Does:   "a socket step by step",
		Code:   "open tcp -n s; bind s 127.0.0.1:0; listen s; show s state",
		Output: "LISTEN\n",
	}},
	New: func(f *pflag.FlagSet) Run {
		name := f.StringP("name", "n", "", "the socket's `NAME`; without it the table gives one")
		listen := f.String("listen", "", "bind to `ADDR` and listen")
		via := f.String("via", "", "open it where `COMMAND` leads: 'ssh host'")
		retry := f.Bool("retry", false, "try to connect until the time allowed is over")
		limit := limitFlag(f)
		family := familyFlags(f)
		return func(ctx context.Context, c *Call) error {
			args, err := c.args(1, -1)
			if err != nil {
				return err
			}
			for flag, value := range map[string]string{"listen": *listen, "name": *name, "via": *via} {
				if f.Changed(flag) && value == "" {
					return c.usage("--%s is empty", flag)
				}
			}
			proto := args[0]
			if *via != "" {
				if proto, err = c.via(proto, *via); err != nil {
					return err
				}
			}
			spec := table.Spec{Protocol: proto, Name: *name, Retry: *retry, Listen: c.address(proto, *listen)}
			if spec.Family, err = family(c); err != nil {
				return err
			}
			for _, arg := range args[1:] {
				if err := c.openArg(&spec, arg); err != nil {
					return err
				}
			}
			switch {
			case spec.Connect != "" && spec.Listen != "":
				return c.usage("a socket listens or connects: --listen %s and %s are one address too many", *listen, spec.Connect)
			case spec.Listen != "" && spec.From != "":
				return c.usage("from= is for connections: --listen %s is the local address", *listen)
			case spec.Retry && spec.Connect == "":
				return c.usage("--retry needs an address to connect to")
			}
			if err := c.reach(ctx, proto); err != nil {
				return err
			}
			step, cancel := c.Session.step(ctx, *limit)
			defer cancel()
			s, err := c.Session.Table.Open(step, spec)
			if err != nil {
				return err
			}
			return c.entered(s)
		}
	},
}

var settingPattern = regexp.MustCompile(`^[a-z][a-z0-9._-]*=`)

// openArg reads an argument after the protocol: an option, or the address.
func (c *Call) openArg(spec *table.Spec, arg string) error {
	if !settingPattern.MatchString(arg) {
		if spec.Connect != "" {
			return c.usage("%q is a second address, after %q", arg, spec.Connect)
		}
		if arg == "" {
			return c.usage("the address is empty")
		}
		spec.Connect = c.address(spec.Protocol, arg)
		return nil
	}
	key, value, _ := strings.Cut(arg, "=")
	switch key {
	case "from":
		spec.From = c.address(spec.Protocol, value)
	case "inbox":
		n, err := parseInbox(value)
		if err != nil {
			return err
		}
		spec.Inbox = n
	default:
		if d, ok := c.description(spec.Protocol); ok {
			o, ok := d.Option(key)
			if !ok {
				return c.usage("%s has no option %q: help %s lists them", d.Name, key, d.Name)
			}
			if d.Place == "" {
				value = c.absolute(o, value)
			}
		}
		spec.Options = append(spec.Options, socket.Setting{Name: key, Value: value})
	}
	return nil
}

// minInbox keeps an inbox large enough for a line.
const minInbox = 1 << 10

func parseInbox(value string) (int64, error) {
	n, err := socket.ParseSize(value)
	if err == nil && (n < minInbox || n > table.MaxInboxes) {
		err = socket.Faultf(socket.Usage, "inbox=%s is out of range (1K to 512M)", value)
	}
	return n, err
}

// description is a protocol's by the word after open: NAME, or NAME@PLACE.
func (c *Call) description(word string) (socket.Description, bool) {
	proto, at, _ := socket.CutPlace(word)
	for _, d := range c.Session.Table.Providers().Descriptions() {
		if d.Name == proto {
			d.Place = at
			return d, true
		}
	}
	return socket.Description{}, false
}

// address makes a path absolute against the shell's directory: a plugin has
// another. Other forms of address pass as they are, and paths of another place.
func (c *Call) address(proto, text string) string {
	d, ok := c.description(proto)
	if !ok || d.Place != "" || d.Address != socket.PathForm || text == "" || text[0] == '@' || filepath.IsAbs(text) {
		return text
	}
	return filepath.Join(c.Dir, text)
}

// entered tells of a new socket and makes it the current one.
func (c *Call) entered(s *table.Socket) error {
	c.Session.SetCurrent(s.Name())
	c.Session.Journal.Opened(s, c.Session.parent != nil)
	c.notice("%s", c.tell(s))
	if c.Captured {
		return c.print("%s\n", s.Name())
	}
	return nil
}

// tell says in a line what a socket is.
func (c *Call) tell(s *table.Socket) string {
	f, fd := s.Facts()
	d := s.Description()
	local, remote := f.Local.Text(d.Address), f.Remote.Text(d.Address)
	text := s.Name() + ": a " + string(s.Kind()) + " socket"
	if d.Place != "" {
		text += " at " + d.Place
	}
	switch {
	case remote != "":
		text += ", connected from " + local + " to " + remote
	case f.State == "LISTEN":
		text += ", listening on " + local
	case local != "":
		text += ", bound to " + local
	}
	return render.Line(text) + ", descriptor " + itoa(fd)
}
