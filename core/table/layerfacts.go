package table

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/sosh-shell/sosh/core/socket"
)

// Layer is one layer of a socket.
type Layer struct {
	Name        string      // the protocol's; a second of one protocol has a number: tls2
	Kind        socket.Kind // what comes out of it
	Description socket.Description
}

// Layers are what is wrapped around the socket, the innermost first.
func (s *Socket) Layers() []Layer {
	var out []Layer
	for _, l := range s.levels()[1:] {
		out = append(out, Layer{Name: l.name, Kind: l.kind, Description: l.desc})
	}
	return out
}

// BaseKind is what reads and writes mean beneath all layers.
func (s *Socket) BaseKind() socket.Kind { return s.kind }

// levels are the socket's own and its layers', the lowest first.
func (s *Socket) levels() []*level {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*level{&s.level}, s.layers...)
}

// named finds the level of that name.
func (s *Socket) named(name string) (*level, bool) {
	all := s.levels()
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].name == name {
			return all[i], true
		}
	}
	return nil, false
}

// PluginFacts asks the plugins of the socket's protocol and of its layers for the
// facts that they declare, named PROTOCOL.NAME (of a layer its name), the lowest level's first. group
// restricts it to one; "" does not. A plugin that cannot answer is passed over,
// with the reason as a fact named PROTOCOL.error.
func (s *Socket) PluginFacts(ctx context.Context, group string) []socket.Setting {
	var out []socket.Setting
	for _, l := range s.levels() {
		if group != "" && l.name != group {
			continue
		}
		facts, err := s.pluginFacts(ctx, l)
		if err != nil {
			facts = []socket.Setting{{Name: l.name + ".error", Value: err.Error()}}
		}
		out = append(out, facts...)
	}
	return out
}

// PluginFact is one fact of a level, "" for one that the level has none of now. Its
// plugin that does not answer, or has died, is the error.
func (s *Socket) PluginFact(ctx context.Context, group, name string) (string, error) {
	for _, l := range s.levels() {
		if l.name != group {
			continue
		}
		facts, err := s.pluginFacts(ctx, l)
		if i := slices.IndexFunc(facts, func(f socket.Setting) bool { return f.Name == name }); i >= 0 {
			return facts[i].Value, nil
		}
		if errors.Is(err, socket.Lost) || errors.Is(err, socket.Failed) || errors.Is(err, socket.Timeout) {
			return "", err
		}
	}
	return "", nil
}

// pluginFacts asks one level.
func (s *Socket) pluginFacts(ctx context.Context, l *level) (facts []socket.Setting, err error) {
	if !l.desc.Can(socket.CallInfo) || len(l.desc.Facts) == 0 {
		return nil, nil
	}
	err = s.lendFacts(ctx, l, func(c context.Context, lent socket.Lent) (err error) {
		facts, err = l.proto.Info(c, lent, nil)
		return err
	})
	for i := range facts {
		facts[i].Name = l.name + "." + facts[i].Name
	}
	return facts, err
}

// factsTime bounds a question about facts: who asks does not want to wait, and a
// plugin that is slow to tell must not be ended for it.
const factsTime = time.Second

// lendFacts is lendLevel whose time ends the call.
func (s *Socket) lendFacts(ctx context.Context, l *level, f func(context.Context, socket.Lent) error) error {
	return s.lendLevel(ctx, l, func(c context.Context, lent socket.Lent) error {
		short, cancel := context.WithTimeout(c, factsTime)
		defer cancel()
		return f(short, lent)
	})
}

// lendLevel is lend for any level.
func (s *Socket) lendLevel(ctx context.Context, l *level, f func(context.Context, socket.Lent) error) error {
	if l == &s.level {
		return s.lend(ctx, f)
	}
	c, cancel := control(ctx)
	defer cancel()
	return asFault(ctx, f(c, socket.Lent{FD: -1, Mark: l.mark, Carrier: l.carrier}))
}

// optionOf finds whose option a name is: LAYER.KEY is a layer's, KEY the protocol's.
func (s *Socket) optionOf(name string) (l *level, key string) {
	if prefix, key, ok := strings.Cut(name, "."); ok {
		if l, ok := s.named(prefix); ok {
			return l, key
		}
	}
	return &s.level, name
}
