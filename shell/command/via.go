package command

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/pflag"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/core/table"
	"github.com/sosh-shell/sosh/shell/render"
)

var viaCmd = &Command{
	Name:     "via",
	Group:    Shell,
	Synopsis: "name places elsewhere, where sockets can be opened",
	Usage:    []string{"via add NAME COMMAND...", "via list [--json]", "via remove NAME"},
	Help: `A place is what a command leads to: ssh HOST, ip netns exec LAB, kubectl exec -i POD --, docker exec -i NAME, sudo nsenter -t PID -n. Once it has a name, PROTO@NAME stands wherever a protocol does: open tcp@NAME ADDR. The socket is there and its bytes come here: addresses are resolved there, paths mean files there, a listener listens there. A command that a plugin adds runs there as COMMAND@NAME: ping@NAME HOST.

The command is run with sh behind it, which must be there. The program is found there, or carried there once and kept in the user's cache; it runs while sockets need it, and ends with them or with sosh. The command gets no terminal: ssh must work without asking for a password.

When the connection goes, the sockets there are lost (status 7), and the next open starts anew.

Names are kept in the file sosh/places of the configuration directory. open PROTO --via 'COMMAND...' needs none.`,
	Args:     []Arg{{Name: "WHAT", Kind: Word, Words: []string{"add", "list", "remove"}}, {Name: "NAME", Kind: Place}},
	DataLast: true,
	Examples: []Example{{
		Does: "a place that is here: env runs what follows it, as ssh would elsewhere",
		Code: `via add nearby env
open tcp@nearby --listen 127.0.0.1:0 -n srv
show srv proto
close srv
via remove nearby`,
		Output: "tcp@nearby\n",
	}},
	New: func(f *pflag.FlagSet) Run {
		json := f.Bool("json", false, "one JSON object a line")
		return func(ctx context.Context, c *Call) error {
			if len(c.Args) == 0 {
				return c.usage("WHAT is missing: add, list or remove")
			}
			places, err := c.places()
			if err != nil {
				return &socket.Error{Op: "via", Err: err}
			}
			rest := c.Args[1:]
			switch c.Args[0] {
			case "list":
				if len(rest) == 1 && rest[0] == "--json" { // behind a first word nothing is a flag
					*json, rest = true, nil
				}
				if len(rest) > 0 {
					return c.usage("%q is one argument too many", rest[0])
				}
				return c.listPlaces(places, *json || c.Session.JSON)
			case "remove":
				if len(rest) != 1 {
					return c.usage("remove needs one NAME")
				}
				return asVia(rest[0], places.RemovePlace(rest[0]))
			case "add":
				if len(rest) < 2 {
					return c.usage("add needs a NAME and a COMMAND that leads there")
				}
				command := rest[1:]
				if len(command) == 1 {
					if command, err = c.placeWords(command[0]); err != nil {
						return err
					}
				}
				return asVia(rest[0], places.AddPlace(rest[0], command))
			}
			return c.usage("%q is none of add, list and remove", c.Args[0])
		}
	},
}

func asVia(name string, err error) error {
	var e *socket.Error
	if err == nil || errors.As(err, &e) {
		return err
	}
	return &socket.Error{Op: "via", Place: name, Err: err}
}

func (c *Call) listPlaces(places socket.Places, json bool) error {
	all, err := places.Places()
	if err != nil {
		return err
	}
	p := printer{c: c, json: json}
	var rows []render.Object
	for _, at := range all {
		kept := "yes"
		if !at.Kept {
			kept = "this session"
		}
		rows = append(rows, render.Object{
			{Key: "name", Value: at.Name},
			{Key: "command", Value: socket.JoinCommand(at.Command)},
			{Key: "kept", Value: kept},
		})
	}
	if len(rows) == 0 {
		c.notice("no place has a name: via add NAME COMMAND... gives one")
	}
	return p.rows([]string{"name", "command", "kept"}, rows)
}

// errNoPlaces is for a script that may start nothing.
var errNoPlaces = socket.Faultf(socket.Unsupported, "places are reached by programs, which are closed to this script (--no-external)")

// places are where plugins can run besides here.
func (c *Call) places() (socket.Places, error) {
	if c.NoFiles {
		return nil, errNoPlaces
	}
	p, ok := c.Session.Table.Providers().(socket.Places)
	if !ok {
		return nil, socket.Faultf(socket.Unsupported, "there are no places here")
	}
	return p, nil
}

// placeWords splits the one word of a command that leads to a place.
func (c *Call) placeWords(text string) ([]string, error) {
	words, err := socket.SplitCommand(text)
	if err == nil {
		err = socket.CheckCommand(words)
	}
	if err != nil {
		return nil, c.usage("%v", err)
	}
	return words, nil
}

// via is the protocol at the place that a command leads to.
func (c *Call) via(proto, text string) (string, error) {
	if _, at, elsewhere := socket.CutPlace(proto); elsewhere {
		return "", c.usage("%s is at a place already: --via names a second one, after %s", proto, at)
	}
	places, err := c.places()
	if err != nil {
		return "", &socket.Error{Op: c.command.Name, Place: proto, Err: err}
	}
	words, err := c.placeWords(text)
	if err != nil {
		return "", err
	}
	name, err := places.PlaceOf(words)
	if err != nil {
		return "", asVia(text, err)
	}
	return proto + "@" + name, nil
}

// reach starts a protocol's plugin where it runs, when that is a place: it may take
// long, and is no part of a step that waits for a peer.
func (c *Call) reach(ctx context.Context, proto string) error {
	_, at, elsewhere := socket.CutPlace(proto)
	if !elsewhere {
		return nil
	}
	places, err := c.places()
	if err == nil {
		err = places.Reach(ctx, proto, func(note string) { c.notice("%s", render.Line(note)) })
	}
	if err == nil {
		return nil
	}
	out := &socket.Error{Op: c.command.Name, Place: proto, Err: err}
	if ended := table.Ended(ctx); ended != nil {
		out.Err = ended
		return out
	}
	var e *socket.Error
	if errors.As(err, &e) {
		out.Hint = e.Hint
		switch {
		case errors.Is(err, socket.Usage): // it repeats nothing
			return err
		case e == err && e.Op == "the place "+at:
			out.Err = e.Err
		}
	}
	return out
}

// placed lists the protocols at the places whose names may follow the @ in word.
func (s *Session) placed(word string, protocols []Candidate) (all []Candidate) {
	proto, _, elsewhere := strings.Cut(word, "@")
	places, ok := s.Table.Providers().(socket.Places)
	if !elsewhere || !ok {
		return nil
	}
	list, _ := places.Places()
	for _, at := range list {
		for _, p := range protocols {
			if p.Text == proto {
				all = append(all, Candidate{proto + "@" + at.Name, socket.JoinCommand(at.Command)})
			}
		}
	}
	return all
}

func (s *Session) placeCandidates() (all []Candidate) {
	if places, ok := s.Table.Providers().(socket.Places); ok {
		list, _ := places.Places()
		for _, at := range list {
			all = append(all, Candidate{at.Name, socket.JoinCommand(at.Command)})
		}
	}
	return all
}
