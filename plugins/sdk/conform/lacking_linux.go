package conform

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
)

var lacking = []check{{"Every call that it lacks is refused", nil, refusesWhatItLacks}}

func refusesWhatItLacks(t *trial, s *subject) {
	if !s.remote {
		return // it has no such method
	}
	k := s.open(t)
	ctx := t.Context()
	for c, call := range map[socket.Call]func() error{
		socket.CallResolve:  func() error { _, err := s.Resolve(ctx, socket.ResolveRequest{Text: "x"}); return err },
		socket.CallBind:     func() error { _, err := s.Bind(ctx, k.lent(), socket.Address{}); return err },
		socket.CallListen:   func() error { _, err := s.Listen(ctx, k.lent(), 1); return err },
		socket.CallConnect:  func() error { _, err := s.Connect(ctx, k.lent(), socket.Address{}); return err },
		socket.CallAccept:   func() error { _, err := s.Accept(ctx, k.lent()); return err },
		socket.CallShutdown: func() error { _, err := s.Shutdown(ctx, k.lent(), socket.ShutdownBoth); return err },
		socket.CallOption:   func() error { _, _, err := s.Option(ctx, k.lent(), nil, nil); return err },
		socket.CallInfo:     func() error { _, err := s.Info(ctx, k.lent(), nil); return err },
		socket.CallEncode:   func() error { _, err := s.Encode(ctx, k.Mark, nil); return err },
		socket.CallDecode:   func() error { _, err := s.Decode(ctx, k.Mark, []socket.Message{{}}); return err },
		socket.CallRun: func() error {
			return s.Run(ctx, socket.RunRequest{Command: "x"}, func(socket.Row) error { return nil })
		},
		socket.CallWrap: func() error {
			fd, err := unix.FcntlInt(uintptr(k.FD), unix.F_DUPFD_CLOEXEC, 0) // the layer's own, also when it fails
			if err == nil {
				_, err = s.Wrap(ctx, socket.WrapRequest{FD: fd, Kind: s.kind})
			}
			return err
		},
	} {
		if s.desc.Can(c) {
			continue
		}
		if err := call(); !errors.Is(err, socket.Unsupported) {
			t.Errorf("%s: got %v", c, err)
		}
	}
}
