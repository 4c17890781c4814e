package host_test

import (
	"context"
	"errors"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/host"
	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
	"github.com/sosh-shell/sosh/plugins/tcp"
)

func BenchmarkStartToFirstCall(b *testing.B) {
	for b.Loop() {
		h := plugintest.Host(b, host.Descriptors, nil, tcp.New)
		p, _ := h.Protocol("tcp")
		k, err := p.Open(context.Background(), socket.OpenRequest{})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		unix.Close(k.FD)
		h.Close()
		b.StartTimer()
	}
}

func BenchmarkOpenAndClose(b *testing.B) {
	_, p := start(b, host.Descriptors, nil, tcp.New)
	ctx := context.Background()
	for b.Loop() {
		k, err := p.Open(ctx, socket.OpenRequest{})
		if err != nil {
			b.Fatal(err)
		}
		unix.Close(k.FD)
	}
}

func BenchmarkControlCall(b *testing.B) {
	for name, form := range map[string]host.Form{"descriptors": host.Descriptors, "stream": host.Stream} {
		b.Run(name, func(b *testing.B) {
			_, p := start(b, form, nil, tcp.New)
			k := open(b, p)
			ctx := context.Background()
			for b.Loop() {
				if _, _, err := p.Option(ctx, lent(k), nil, []string{"nodelay"}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAcceptNothing(b *testing.B) {
	_, p := start(b, host.Descriptors, nil, tcp.New)
	l, _ := listen(b, p)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for b.Loop() {
		if _, err := p.Accept(ctx, lent(l)); !errors.Is(err, syscall.EAGAIN) {
			b.Fatal(err)
		}
	}
}
