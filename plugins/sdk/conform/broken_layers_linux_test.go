package conform_test

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/sdk"
	"github.com/sosh-shell/sosh/plugins/sdk/conform"
)

// layerCalls are what NewLayer gives.
type layerCalls interface {
	sdk.Protocol
	sdk.Wrapper
	sdk.Optioner
	sdk.Informer
}

// faultyLayer is a good layer with some of its calls replaced.
type faultyLayer struct {
	layerCalls
	open   func(context.Context, sdk.OpenRequest) (sdk.Handle, error)
	wrap   func(context.Context, sdk.WrapRequest) (sdk.Handle, error)
	unwrap func(context.Context, sdk.Lent) ([]byte, error)
	option func(context.Context, sdk.Lent, []sdk.Setting, []string) ([]sdk.Setting, sdk.Report, error)
	info   func(context.Context, sdk.Lent, []string) ([]sdk.Setting, error)
}

func (f *faultyLayer) Open(ctx context.Context, r sdk.OpenRequest) (sdk.Handle, error) {
	return or(f.open, f.layerCalls.Open)(ctx, r)
}

func (f *faultyLayer) Wrap(ctx context.Context, r sdk.WrapRequest) (sdk.Handle, error) {
	return or(f.wrap, f.layerCalls.Wrap)(ctx, r)
}

func (f *faultyLayer) Unwrap(ctx context.Context, s sdk.Lent) ([]byte, error) {
	return or(f.unwrap, f.layerCalls.Unwrap)(ctx, s)
}

func (f *faultyLayer) Option(ctx context.Context, s sdk.Lent, set []sdk.Setting, get []string) ([]sdk.Setting, sdk.Report, error) {
	return or(f.option, f.layerCalls.Option)(ctx, s, set, get)
}

func (f *faultyLayer) Info(ctx context.Context, s sdk.Lent, names []string) ([]sdk.Setting, error) {
	return or(f.info, f.layerCalls.Info)(ctx, s, names)
}

func badLayer(fault func(*faultyLayer)) func() sdk.Protocol {
	return func() sdk.Protocol {
		f := &faultyLayer{layerCalls: sdk.NewLayer(blocks{}).(layerCalls)}
		fault(f)
		return f
	}
}

// inBlocks is blocks with a fault, inFrames framed with one.
func inBlocks(fault string, fails ...string) broken {
	return broken{does: "A layer " + fault, construct: func() sdk.Protocol { return sdk.NewLayer(blocks{fault: fault}) },
		how: conform.How{OwnEnd: true}, fails: fails}
}

func inFrames(fault string, fails ...string) broken {
	return broken{does: "A layer of messages " + fault, construct: func() sdk.Protocol { return sdk.NewLayer(framed{fault}) }, fails: fails}
}

const (
	inOrder   = "What is written arrives whole and in order, both ways"
	msgBounds = "Empty and large messages keep their bounds"
	closeEnds = "A close ends the peer's in order, after all that was written"
	halfClose = "A half close ends one direction, after all that was written, and leaves the other"
	resetUp   = "A reset beneath is a reset above"
	cutShort  = "A stream that is cut is no end, where the layer has one"
	unread    = "Unread bytes come before those of the socket"
	counted   = "The bytes beneath are counted"
	unwraps   = "Unwrap loses nothing: what was written arrives, and the socket goes on"
	several   = "Several layers work at once"
	stacks    = "Layers stack"
	refuses   = "An unknown option is refused before a byte is sent"
	givenUp   = "A handshake that is given up ends at once"
)

var brokenLayers = []broken{
	inBlocks("does nothing wrong"),
	inFrames("does nothing wrong"),
	inBlocks("corrupts", inOrder, closeEnds, halfClose, cutShort, unread, counted, unwraps, several, stacks),
	inBlocks("reorders", inOrder, counted, several, stacks),
	inBlocks("has no end", closeEnds, halfClose, counted, unwraps, stacks),
	inBlocks("takes every end for an orderly one", resetUp, cutShort),
	inBlocks("takes a cut for an end", cutShort),
	{does: "A layer panics at a long block", form: conform.FormDescriptors, how: conform.How{OwnEnd: true}, construct: func() sdk.Protocol {
		return sdk.NewLayer(blocks{fault: "panics at a long block", name: "blocks-panicking"})
	}, fails: []string{"A hostile peer ends a layer that is on, and nothing else"}},
	inBlocks("does not heed that it is given up", givenUp),
	inBlocks("does not stack", stacks),
	inBlocks("panics at a bad greeting", "A hostile peer ends a layer and nothing else").perhaps(left), // until the next collection of garbage
	inBlocks("keeps silent when it cannot write", "A close while the peer sends ends both"),
	inBlocks("makes up what comes after it", unwraps),
	inFrames("drops empty ones", msgBounds),
	inFrames("cuts large ones", msgBounds),
	inFrames("joins two", msgBounds, inOrder, counted, several),
	{does: "A layer opens sockets", construct: badLayer(func(f *faultyLayer) {
		f.open = func(context.Context, sdk.OpenRequest) (sdk.Handle, error) { return sdk.Handle{FD: -1}, errPlain }
	}), fails: []string{"It declares a layer, and opens no socket"}},
	{does: "A layer takes unknown options", construct: badLayer(func(f *faultyLayer) {
		f.wrap = func(ctx context.Context, r sdk.WrapRequest) (sdk.Handle, error) {
			if len(r.Options) > 0 && r.Options[0].Name == "no-such-option" {
				unix.Write(r.FD, []byte("hello?"))
			}
			return f.layerCalls.Wrap(ctx, r)
		}
	}), fails: []string{refuses}},
	{does: "A layer is on nothing", construct: badLayer(func(f *faultyLayer) {
		f.wrap = func(ctx context.Context, r sdk.WrapRequest) (sdk.Handle, error) {
			if len(r.Options) == 0 {
				unix.Close(r.FD)
				return sdk.Handle{FD: -1}, errPlain
			}
			return f.layerCalls.Wrap(ctx, r)
		}
	}), fails: []string{"It can be put on both ends of a connection"}},
	{does: "A layer keeps the descriptor when its wrap fails", construct: badLayer(func(f *faultyLayer) {
		f.wrap = func(ctx context.Context, r sdk.WrapRequest) (sdk.Handle, error) {
			keep, _ := unix.FcntlInt(uintptr(r.FD), unix.F_DUPFD_CLOEXEC, 0)
			h, err := f.layerCalls.Wrap(ctx, r)
			if !errors.Is(err, context.Canceled) {
				unix.Close(keep)
			}
			return h, err
		}
	}), fails: []string{left}},
	{does: "A layer forgets the unread bytes", construct: badLayer(func(f *faultyLayer) {
		f.wrap = func(ctx context.Context, r sdk.WrapRequest) (sdk.Handle, error) {
			r.Unread = nil
			return f.layerCalls.Wrap(ctx, r)
		}
	}), fails: []string{unread}},
	{does: "A layer counts nothing", construct: badLayer(func(f *faultyLayer) {
		f.info = func(ctx context.Context, s sdk.Lent, names []string) ([]sdk.Setting, error) {
			v, err := f.layerCalls.Info(ctx, s, names)
			for i := range v {
				v[i].Value = "0"
			}
			return v, err
		}
	}), fails: []string{counted}},
	{does: "A layer takes any fact for one", construct: badLayer(func(f *faultyLayer) {
		f.info = func(ctx context.Context, s sdk.Lent, names []string) ([]sdk.Setting, error) {
			v, err := f.layerCalls.Info(ctx, s, names)
			if errors.Is(err, sdk.Usage) && names[0] == "no-such-fact" {
				return nil, nil
			}
			return v, err
		}
	}), fails: []string{"Options can be read"}},
	{does: "A layer takes any value", construct: badLayer(func(f *faultyLayer) {
		f.option = func(ctx context.Context, s sdk.Lent, set []sdk.Setting, get []string) ([]sdk.Setting, sdk.Report, error) {
			if len(set) == 1 && set[0].Name == "" {
				return nil, nil, nil
			}
			return f.layerCalls.Option(ctx, s, set, get)
		}
	}), fails: []string{hostile}},
	{does: "A layer stays as long as its peer does not read", how: conform.How{Patience: 4 * time.Second}, construct: badLayer(func(f *faultyLayer) {
		f.wrap = func(ctx context.Context, r sdk.WrapRequest) (sdk.Handle, error) {
			h, err := f.layerCalls.Wrap(ctx, r)
			if err == nil {
				h.Carrier = lingering{h.Carrier.(socket.LayerCarrier)}
			}
			return h, err
		}
		f.unwrap = func(ctx context.Context, s sdk.Lent) ([]byte, error) {
			s.Carrier = s.Carrier.(lingering).LayerCarrier
			return f.layerCalls.Unwrap(ctx, s)
		}
		f.option = func(ctx context.Context, s sdk.Lent, set []sdk.Setting, get []string) ([]sdk.Setting, sdk.Report, error) {
			s.Carrier = s.Carrier.(lingering).LayerCarrier
			return f.layerCalls.Option(ctx, s, set, get)
		}
		f.info = func(ctx context.Context, s sdk.Lent, names []string) ([]sdk.Setting, error) {
			s.Carrier = s.Carrier.(lingering).LayerCarrier
			return f.layerCalls.Info(ctx, s, names)
		}
	}), fails: []string{slow}},
}

// lingering is a layer that is not gone when it had to wait for its peer.
type lingering struct{ socket.LayerCarrier }

func (l lingering) Gone(ctx context.Context) error {
	start := time.Now()
	err := l.LayerCarrier.Gone(ctx)
	if time.Since(start) > time.Second {
		return errPlain
	}
	return err
}
