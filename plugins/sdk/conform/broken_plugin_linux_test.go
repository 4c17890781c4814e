package conform_test

import (
	"context"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/sdk"
	"github.com/sosh-shell/sosh/plugins/sdk/conform"
)

// atWord makes Info do something when it is asked for the first of the hostile names.
func atWord(more func()) func(*faulty) {
	return func(f *faulty) {
		f.info = func(ctx context.Context, s sdk.Lent, names []string) ([]sdk.Setting, error) {
			if len(names) == 1 && names[0] == "\x00" {
				more()
			}
			return f.good.Info(ctx, s, names)
		}
	}
}

func brokenIn(name, does string, fault func(*faulty), fails ...string) broken {
	return broken{does: does, construct: badTCP(named(name, fault)), form: conform.FormDescriptors, fails: fails}
}

// brokenPlugins are in a process of their own.
var brokenPlugins = []broken{
	brokenIn("stateful", "A plugin remembers its sockets itself", func(f *faulty) {
		var mu sync.Mutex
		known := map[string]bool{}
		openedBy(func(_ *faulty, _ sdk.OpenRequest, h *sdk.Handle) {
			mu.Lock()
			defer mu.Unlock()
			h.Mark = sdk.Mark(time.Now().String())
			known[string(h.Mark)] = true
		})(f)
		f.info = func(ctx context.Context, s sdk.Lent, names []string) ([]sdk.Setting, error) {
			mu.Lock()
			defer mu.Unlock()
			if len(s.Mark) > 0 && !known[string(s.Mark)] {
				return nil, errPlain
			}
			return f.good.Info(ctx, s, names)
		}
	}, "A socket outlives its plugin"),
	brokenIn("dying", "A plugin dies at a word", atWord(func() { os.Exit(0) }), hostile),
	brokenIn("hanging", "A plugin hangs at a word", atWord(func() { select {} }), hostile),
	brokenIn("panicking", "A plugin panics at a word", atWord(func() { panic("at the disco") }), hostile),
	brokenIn("longmark", "A plugin gives a mark that is too long", openedBy(func(_ *faulty, _ sdk.OpenRequest, h *sdk.Handle) {
		h.Mark = make(sdk.Mark, socket.MaxMark+1)
	}), "Open opens a socket"),
	brokenIn("family", "A plugin ignores the family", func(f *faulty) {
		f.open = func(ctx context.Context, r sdk.OpenRequest) (sdk.Handle, error) {
			if r.Family == sdk.FamilyIP6 {
				r.Family = sdk.FamilyIP4
			}
			return f.good.Open(ctx, r)
		}
	}, "Open makes the asked-for family, and chooses IPv4 or the one that it has"),
	brokenIn("keeping", "A plugin keeps a copy of what it is lent", lentBy(func(s sdk.Lent) {
		unix.FcntlInt(uintptr(s.FD), unix.F_DUPFD_CLOEXEC, 0)
	}), copies, left),
	brokenIn("blocking", "Nothing that counts: the host makes every descriptor close-on-exec and non-blocking", openedBy(func(_ *faulty, _ sdk.OpenRequest, h *sdk.Handle) {
		unix.SetNonblock(h.FD, false)
		unix.FcntlInt(uintptr(h.FD), unix.F_SETFD, 0)
	})),
}
