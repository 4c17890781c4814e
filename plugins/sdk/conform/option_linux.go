package conform

import (
	"errors"
	"slices"
	"syscall"

	"github.com/sosh-shell/sosh/core/socket"
)

var (
	needOption = []socket.Call{socket.CallOption}
	needInfo   = []socket.Call{socket.CallInfo}
)

var options = []check{
	{"Option reads every option that is declared", needOption, func(t *trial, s *subject) {
		k := s.open(t)
		for _, o := range s.desc.Options {
			v, _, err := s.Option(t.Context(), k.lent(), nil, []string{o.Name})
			switch {
			case errors.Is(err, syscall.ENOPROTOOPT), errors.Is(err, syscall.EOPNOTSUPP):
				// this kernel lacks it
			case err != nil || len(v) != 1 || v[0].Name != o.Name:
				t.Errorf("%s: got %v, %v", o.Name, v, err)
			case o.Default != "" && v[0].Value != o.Default && !s.chosen(o.Name):
				t.Errorf("%s: a new socket has %q, declared is %q", o.Name, v[0].Value, o.Default)
			}
		}
	}},
	{"Option sets, and reads what it set", needOption, func(t *trial, s *subject) {
		k := s.open(t)
		for _, o := range s.desc.Options {
			if o.Type != socket.BoolOption || o.Default == "" {
				continue
			}
			want := map[string]string{"on": "off", "off": "on"}[o.Default]
			v, report, err := s.Option(t.Context(), k.lent(), []socket.Setting{{Name: o.Name, Value: want}}, []string{o.Name})
			if errors.Is(err, syscall.EPERM) {
				continue
			}
			if errors.Is(err, socket.Unsupported) { // only Open can set it
				k := s.open(t, socket.Setting{Name: o.Name, Value: want})
				v, _, err = s.Option(t.Context(), k.lent(), nil, []string{o.Name})
				report = make(socket.Report, 1)
			}
			if err != nil || len(v) != 1 || v[0].Value != want || len(report) == 0 && !s.desc.Held {
				t.Errorf("%s=%s: got %v, %v, %v", o.Name, want, v, report, err)
			}
		}
	}},
	{"Option refuses what it does not know as wrong usage", needOption, func(t *trial, s *subject) {
		k := s.open(t)
		if _, _, err := s.Option(t.Context(), k.lent(), []socket.Setting{{Name: "no-such-option", Value: "1"}}, nil); !errors.Is(err, socket.Usage) {
			t.Errorf("setting: %v", err)
		}
		if _, _, err := s.Option(t.Context(), k.lent(), nil, []string{"no-such-option"}); !errors.Is(err, socket.Usage) {
			t.Errorf("reading: %v", err)
		}
		for _, o := range s.desc.Options {
			if o.Type == socket.StringOption {
				continue
			}
			if _, _, err := s.Option(t.Context(), k.lent(), []socket.Setting{{Name: o.Name, Value: "x\x00\xff"}}, nil); !errors.Is(err, socket.Usage) {
				t.Errorf("%s: %v", o.Name, err)
			}
		}
	}},
	{"Option stops at the first failure", needOption, func(t *trial, s *subject) {
		for _, o := range s.desc.Options {
			if o.Type != socket.BoolOption || o.Default != "off" || s.chosen(o.Name) {
				continue
			}
			k := s.open(t)
			on := socket.Setting{Name: o.Name, Value: "on"}
			_, _, err := s.Option(t.Context(), k.lent(), []socket.Setting{{Name: "no-such-option"}, on}, nil)
			if err == nil {
				t.Fatal("no failure")
			}
			if v, _, err := s.Option(t.Context(), k.lent(), nil, []string{o.Name}); err != nil || v[0].Value != "off" {
				t.Errorf("%s: got %v, %v", o.Name, v, err)
			}
			return
		}
		t.notApplicable("no option of it is off by itself")
	}},
	{"Open sets the options that it is given", nil, func(t *trial, s *subject) {
		for _, o := range s.desc.Options {
			if o.Type != socket.BoolOption || o.Default != "off" || !s.desc.Can(socket.CallOption) {
				continue
			}
			k := s.open(t, socket.Setting{Name: o.Name, Value: "on"})
			if v, _, err := s.Option(t.Context(), k.lent(), nil, []string{o.Name}); err != nil || v[0].Value != "on" {
				t.Errorf("%s: got %v, %v", o.Name, v, err)
			}
			return
		}
		t.notApplicable("no option of it is off by itself, and can be read")
	}},
	{"Info without names reads every fact that is declared, and each by its name", needInfo, func(t *trial, s *subject) {
		k := s.open(t)
		all, err := s.Info(t.Context(), k.lent(), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range all {
			if v, err := s.Info(t.Context(), k.lent(), []string{f.Name}); err != nil || len(v) != 1 || v[0].Name != f.Name {
				t.Errorf("%s: got %v, %v", f.Name, v, err)
			}
		}
		var told, declared []string
		for _, f := range all {
			told = append(told, f.Name)
		}
		for _, f := range s.desc.Facts {
			declared = append(declared, f.Name)
		}
		if !slices.Equal(told, declared) && !(s.desc.Held && len(told) == 0) { // it may know none before it is connected
			t.Errorf("told are %v, declared %v", told, declared)
		}
		if _, err := s.Info(t.Context(), k.lent(), []string{"no-such-fact"}); !errors.Is(err, socket.Usage) {
			t.Errorf("unknown: %v", err)
		}
	}},
}

// chosen reports whether the subject's sockets are opened with that option.
func (s *subject) chosen(name string) bool {
	return slices.ContainsFunc(s.Options, func(o socket.Setting) bool { return o.Name == name })
}
