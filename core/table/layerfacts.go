package table

import (
	"context"
	"strings"

	"github.com/sosh-shell/sosh/core/socket"
)

// Layers are the descriptions of what is wrapped around the socket, the innermost
// first.
func (s *Socket) Layers() []socket.Description {
	var out []socket.Description
	for _, l := range s.levels()[1:] {
		out = append(out, l.desc)
	}
	return out
}

// levels are the socket's own and its layers', the lowest first.
func (s *Socket) levels() []*level {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*level{&s.level}, s.layers...)
}

// named finds the highest level of that protocol.
func (s *Socket) named(name string) (*level, bool) {
	all := s.levels()
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].desc.Name == name {
			return all[i], true
		}
	}
	return nil, false
}

// PluginFacts asks the plugins of the socket's protocol and of its layers for the
// facts that they declare, named PROTOCOL.NAME, the lowest level's first. group
// restricts it to one; "" does not. A plugin that cannot answer is passed over,
// with the reason as a fact named PROTOCOL.error.
func (s *Socket) PluginFacts(ctx context.Context, group string) []socket.Setting {
	var out []socket.Setting
	for _, l := range s.levels() {
		if group != "" && l.desc.Name != group || !l.desc.Can(socket.CallInfo) || len(l.desc.Facts) == 0 {
			continue
		}
		var facts []socket.Setting
		err := s.lendLevel(ctx, l, func(c context.Context, lent socket.Lent) (err error) {
			facts, err = l.proto.Info(c, lent, nil)
			return err
		})
		if err != nil {
			facts = []socket.Setting{{Name: "error", Value: err.Error()}}
		}
		for _, f := range facts {
			out = append(out, socket.Setting{Name: l.desc.Name + "." + f.Name, Value: f.Value})
		}
	}
	return out
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
