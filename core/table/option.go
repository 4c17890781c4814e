package table

import (
	"context"
	"fmt"
	"slices"

	"github.com/sosh-shell/sosh/core/socket"
)

// Option sets the given options in order, then reads those named in get; no
// names at all, with nothing to set, reads every option that the protocol declares.
func (s *Socket) Option(ctx context.Context, set []socket.Setting, get []string) ([]socket.Setting, error) {
	if err := s.can(socket.CallOption, "option", s.name); err != nil {
		return nil, err
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
	if len(set) == 0 && len(get) == 0 {
		for _, o := range s.desc.Options {
			get = append(get, o.Name)
		}
	}
	var values []socket.Setting
	err := s.lend(ctx, func(c context.Context, l socket.Lent) (err error) {
		values, _, err = s.proto.Option(c, l, set, get)
		return err
	})
	if err != nil {
		return nil, s.fail("option", err)
	}
	s.mu.Lock()
	for _, o := range set { // the last of each name is what a new descriptor gets
		s.options = slices.DeleteFunc(slices.Clone(s.options), func(old socket.Setting) bool { return old.Name == o.Name })
		s.options = append(s.options, o)
	}
	s.mu.Unlock()
	return values, nil
}

// knows refuses an option that the protocol does not declare.
func (s *Socket) knows(name string) error {
	if _, ok := s.desc.Option(name); ok {
		return nil
	}
	return &socket.Error{Op: "option", Place: s.name,
		Err:  socket.Faultf(socket.Usage, "%s has no option %q", s.desc.Name, name),
		Hint: fmt.Sprintf("option %s lists them", s.name)}
}
