package table

import (
	"context"
	"fmt"
	"slices"

	"github.com/sosh-shell/sosh/core/socket"
)

// Option sets the given options in order, then reads those named in get; no
// names at all, with nothing to set, reads every option that the protocol declares.
// LAYER.KEY is an option of a layer of the socket's. What comes back bears the names
// that were asked for.
func (s *Socket) Option(ctx context.Context, set []socket.Setting, get []string) ([]socket.Setting, error) {
	if len(set) == 0 && len(get) == 0 {
		for _, l := range s.levels() {
			if !l.desc.Can(socket.CallOption) {
				continue
			}
			for _, o := range l.desc.Options {
				get = append(get, s.optionName(l, o.Name))
			}
		}
	}
	for _, o := range set {
		if err := s.knows(o.Name); err != nil {
			return nil, err
		}
	}
	for _, name := range get {
		if err := s.knows(name); err != nil {
			return nil, err
		}
	}
	for _, l := range s.levels() {
		if err := s.setOptions(ctx, l, set); err != nil {
			return nil, err
		}
	}
	values := make([]socket.Setting, len(get))
	for _, l := range s.levels() {
		if err := s.getOptions(ctx, l, get, values); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// optionName is how an option of a level is called.
func (s *Socket) optionName(l *level, key string) string {
	if l == &s.level {
		return key
	}
	return l.name + "." + key
}

// setOptions sets those that are the level's.
func (s *Socket) setOptions(ctx context.Context, l *level, set []socket.Setting) error {
	var mine []socket.Setting
	for _, o := range set {
		if of, key := s.optionOf(o.Name); of == l {
			mine = append(mine, socket.Setting{Name: key, Value: o.Value})
		}
	}
	if len(mine) == 0 {
		return nil
	}
	err := s.lendLevel(ctx, l, func(c context.Context, lent socket.Lent) error {
		_, _, err := l.proto.Option(c, lent, mine, nil)
		return err
	})
	if err != nil {
		return s.fail("option", err)
	}
	if l != &s.level {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range mine { // the last of each name is what a new descriptor gets
		s.options = slices.DeleteFunc(slices.Clone(s.options), func(old socket.Setting) bool { return old.Name == o.Name })
		s.options = append(s.options, o)
	}
	return nil
}

// getOptions reads those that are the level's into their places.
func (s *Socket) getOptions(ctx context.Context, l *level, get []string, values []socket.Setting) error {
	var keys []string
	var at []int
	for i, name := range get {
		if of, key := s.optionOf(name); of == l {
			keys, at = append(keys, key), append(at, i)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	var got []socket.Setting
	err := s.lendLevel(ctx, l, func(c context.Context, lent socket.Lent) (err error) {
		got, _, err = l.proto.Option(c, lent, nil, keys)
		return err
	})
	if err != nil {
		return s.fail("option", err)
	}
	for i := range at {
		values[at[i]].Name = get[at[i]]
		if i < len(got) {
			values[at[i]].Value = got[i].Value
		}
	}
	return nil
}

// Declared is the declaration of an option by the name that [Socket.Option] knows.
func (s *Socket) Declared(name string) (socket.Option, bool) {
	l, key := s.optionOf(name)
	return l.desc.Option(key)
}

// knows refuses an option that nobody declares.
func (s *Socket) knows(name string) error {
	l, key := s.optionOf(name)
	if err := s.canLevel(l); err != nil {
		return err
	}
	if _, ok := l.desc.Option(key); ok {
		return nil
	}
	return &socket.Error{Op: "option", Place: s.name,
		Err:  socket.Faultf(socket.Usage, "%s has no option %q", l.desc.Name, key),
		Hint: fmt.Sprintf("option %s lists them", s.name)}
}

func (s *Socket) canLevel(l *level) error {
	if l.desc.Can(socket.CallOption) {
		return nil
	}
	return s.fail("option", socket.Faultf(socket.Unsupported, "%s has no options", l.desc.Name))
}
