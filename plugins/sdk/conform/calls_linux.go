package conform

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
)

// call is one call of the contract on a socket, made in any state of it: what it
// answers is of no interest, only that it does, and in order.
type call struct {
	name socket.Call
	make func(ctx context.Context, k *sock) error
}

// calls are those that the protocol has and that need no peer.
func (s *subject) calls(t *trial) []call {
	var out []call
	add := func(name socket.Call, make func(context.Context, *sock) error) {
		if name == "open" || s.desc.Can(name) {
			out = append(out, call{name, make})
		}
	}
	add("open", func(ctx context.Context, _ *sock) error {
		h, err := s.Open(ctx, s.request())
		if err == nil {
			unix.Close(h.FD)
		}
		return err
	})
	add(socket.CallResolve, func(ctx context.Context, _ *sock) error {
		_, err := s.Resolve(ctx, socket.ResolveRequest{Text: s.someAddress(), Passive: true})
		return err
	})
	add(socket.CallBind, func(ctx context.Context, k *sock) error {
		_, err := s.Bind(ctx, k.lent(), s.unused(t))
		return err
	})
	add(socket.CallListen, func(ctx context.Context, k *sock) error {
		_, err := s.Listen(ctx, k.lent(), 4)
		return err
	})
	add(socket.CallAccept, func(ctx context.Context, k *sock) error {
		h, err := s.Accept(ctx, k.lent())
		if err == nil {
			unix.Close(h.FD)
		}
		return err
	})
	add(socket.CallShutdown, func(ctx context.Context, k *sock) error {
		_, err := s.Shutdown(ctx, k.lent(), socket.ShutdownWrite)
		return err
	})
	add(socket.CallOption, func(ctx context.Context, k *sock) error {
		var names []string
		for _, o := range s.desc.Options {
			names = append(names, o.Name)
		}
		_, _, err := s.Option(ctx, k.lent(), nil, names)
		return err
	})
	add(socket.CallInfo, func(ctx context.Context, k *sock) error {
		_, err := s.Info(ctx, k.lent(), nil)
		return err
	})
	add(socket.CallEncode, func(ctx context.Context, k *sock) error {
		_, err := s.Encode(ctx, k.Mark, nil)
		return err
	})
	add(socket.CallDecode, func(ctx context.Context, k *sock) error {
		_, err := s.Decode(ctx, k.Mark, []socket.Message{{Data: []byte("x")}})
		return err
	})
	return out
}

// someAddress is one that resolves without asking anybody.
func (s *subject) someAddress() string {
	switch s.desc.Address {
	case socket.HostPort:
		return "127.0.0.1:0"
	case socket.HostOnly:
		return "127.0.0.1"
	case socket.PathForm:
		return "/tmp/sosh-nobody"
	case socket.TextForm:
		return cmp.Or(s.Address, "anybody")
	}
	return s.Address
}

// unused is a free address where the form tells of one, else one that stands for
// ourselves.
func (s *subject) unused(t *trial) socket.Address {
	if s.desc.Address == socket.PathForm {
		return s.free(t)
	}
	as, err := s.Resolve(t.Context(), socket.ResolveRequest{Text: s.someAddress(), Passive: true})
	if err != nil {
		return socket.Address{}
	}
	return as[0]
}

// calling are promises of all calls.
var calling = []check{
	{"Every call may be made at once, on one socket and on many", nil, func(t *trial, s *subject) {
		shared, calls := s.open(t), s.calls(t)
		wg := t.group()
		for i := range 8 {
			own := s.open(t)
			wg.Go(func() {
				for j := range 2 * len(calls) {
					c := calls[(i+j)%len(calls)]
					for _, k := range []*sock{shared, own} {
						if err := c.make(t.Context(), k); errors.Is(err, socket.Failed) {
							t.Errorf("%s: %v", c.name, err)
						}
					}
				}
			})
		}
		wg.Wait()
	}},
	{"A cancelled call is answered at once", nil, func(t *trial, s *subject) {
		for _, c := range s.calls(t) {
			k := s.open(t)
			t.within(string(c.name), func(ctx context.Context) {
				ctx, cancel := context.WithCancel(ctx)
				cancel()
				err := c.make(ctx, k)
				if s.remote && !errors.Is(err, context.Canceled) {
					t.Errorf("%s: %v", c.name, err)
				}
			})
		}
	}},
	{"No call waits", nil, func(t *trial, s *subject) {
		for _, c := range s.calls(t) {
			k := s.open(t)
			t.within(string(c.name), func(ctx context.Context) { c.make(ctx, k) })
		}
	}},
	{"A lent descriptor is as it was after every call", nil, func(t *trial, s *subject) {
		for _, c := range s.calls(t) {
			k := s.open(t)
			before := identity(k.FD)
			c.make(t.Context(), k)
			if after := identity(k.FD); after != before {
				t.Errorf("%s made %s of %s", c.name, after, before)
			}
		}
	}},
	{"A socket outlives its plugin", nil, func(t *trial, s *subject) {
		if !s.remote || s.carried {
			t.notApplicable("it lives where its plugin lives")
		}
		k := s.open(t)
		before := s.known(t, k)
		pid := s.pid()
		unix.Kill(pid, unix.SIGKILL)
		settles(t, func() string {
			if s.pid() == pid {
				return "the plugin does not end"
			}
			return ""
		})
		if after := s.known(t, k); after != before {
			t.Errorf("it was %s, and is now %s", before, after)
		}
		for _, c := range s.calls(t) {
			if err := c.make(t.Context(), k); errors.Is(err, socket.Failed) {
				t.Errorf("%s: %v", c.name, err)
			}
		}
	}},
	{"Hostile names and values are refused as wrong usage", nil, func(t *trial, s *subject) {
		for _, name := range append(slices.Clone(hostileNames), longName) {
			if err := s.tryOpen(t, s.request(socket.Setting{Name: name, Value: "1"})); !errors.Is(err, socket.Usage) {
				t.Errorf("open with option %.20q: %v", name, err)
			}
		}
		k := s.open(t)
		s.hostileToValues(t, k.lent())
	}},
}

// longWord is nearly all that a host passes on in one call, 1 MiB.
const longWord = 1<<20 - 4<<10

var hostileNames = []string{"", "\x00", "\xff\xfe\x80", "no such option", "\x1b[2J"}

var longName = strings.Repeat("x", longWord)

// hostileValues are of no type but text.
var hostileValues = []string{"", "\x00", "x\x00\xff", "-", "1e999", "NaN", "99999999999999999999999", "0x", "\x1b[2J"}

// hostileTo are the hostile values for the i-th of several names: a very long one is
// for the first alone, as it takes its time.
func hostileTo(i int) []string {
	if i > 0 {
		return hostileValues
	}
	return append([]string{strings.Repeat("9", longWord)}, hostileValues...)
}

// hostileToValues gives Option and Info what they cannot know.
func (s *subject) hostileToValues(t *trial, l socket.Lent) {
	ctx := t.Context()
	refused := func(what, text string, err error) {
		if !errors.Is(err, socket.Usage) {
			t.Errorf("%s %.20q: %v", what, text, err)
		}
	}
	if s.desc.Can(socket.CallOption) {
		_, _, err := s.Option(ctx, l, nil, []string{longName})
		refused("reading", longName, err)
		for _, name := range hostileNames {
			_, _, err := s.Option(ctx, l, []socket.Setting{{Name: name, Value: "1"}}, nil)
			refused("setting", name, err)
			_, _, err = s.Option(ctx, l, nil, []string{name})
			refused("reading", name, err)
		}
		for i, o := range s.desc.Options {
			for _, v := range hostileTo(i) {
				_, _, err := s.Option(ctx, l, []socket.Setting{{Name: o.Name, Value: v}}, nil)
				switch {
				case errors.Is(err, socket.Failed):
					t.Errorf("%s=%.20q: %v", o.Name, v, err)
				case o.Type != socket.StringOption && o.Type != socket.PathOption && !s.desc.Layer:
					refused(o.Name+"=", v, err)
				}
			}
		}
	}
	if s.desc.Can(socket.CallInfo) {
		for _, name := range hostileNames {
			_, err := s.Info(ctx, l, []string{name})
			refused("fact", name, err)
		}
	}
}

// known is what can be asked of a socket that does not change by itself.
func (s *subject) known(t *trial, k *sock) string {
	var all []string
	if s.desc.Can(socket.CallOption) {
		for _, o := range s.desc.Options {
			v, _, err := s.Option(t.Context(), k.lent(), nil, []string{o.Name})
			if err == nil && len(v) == 1 {
				all = append(all, o.Name+"="+v[0].Value)
			}
		}
	}
	if s.desc.Can(socket.CallInfo) {
		v, err := s.Info(t.Context(), k.lent(), nil)
		if err != nil {
			t.Errorf("info: %v", err)
		}
		for _, f := range v {
			all = append(all, f.Name+"="+f.Value)
		}
	}
	return strings.Join(all, " ")
}
