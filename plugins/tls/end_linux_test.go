package tls_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/plugins/sdk"
	"github.com/sosh-shell/sosh/plugins/tls"
)

// patience bounds everything that a test waits for.
const patience = 20 * time.Second

// end is a connection with the layer on it, as a host has it.
type end struct {
	tb testing.TB
	protocol
	sdk.Handle
	above *os.File
}

// wrap puts the layer on a copy of c's descriptor. c stays open, as the host's copy.
func wrap(tb testing.TB, c net.Conn, req sdk.WrapRequest) (*end, error) {
	tb.Helper()
	raw, err := c.(interface{ File() (*os.File, error) }).File()
	must(tb, err)
	req.FD, req.Kind = dup(tb, raw), sdk.Stream
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	p := newProtocol()
	h, err := p.Wrap(ctx, req)
	if err != nil {
		return nil, err
	}
	return holdEnd(tb, p, h), nil
}

// holdEnd closes the end when the test is over.
func holdEnd(tb testing.TB, p protocol, h sdk.Handle) *end {
	e := &end{tb: tb, protocol: p, Handle: h, above: os.NewFile(uintptr(h.FD), "above")}
	must(tb, e.above.SetDeadline(time.Now().Add(patience)))
	tb.Cleanup(func() {
		e.above.Close()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := e.Carrier.(interface{ Gone(context.Context) error }).Gone(ctx); err != nil {
			tb.Errorf("the layer stays: %v", err)
		}
	})
	return e
}

// reason reads to the end, and returns all and the reason of it.
func (e *end) reason() (string, error) {
	got, err := io.ReadAll(e.above)
	if err != nil && !errors.Is(err, unix.ECONNRESET) {
		e.tb.Errorf("reading: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return string(got), e.Carrier.End(ctx)
}

func (e *end) facts() map[string]string {
	fs, err := e.Info(context.Background(), sdk.Lent{Carrier: e.Carrier}, nil)
	must(e.tb, err)
	m := map[string]string{}
	for _, f := range fs {
		m[f.Name] = f.Value
	}
	return m
}

// exchange writes, and reads the answer.
func (e *end) exchange(write, want string) {
	e.tb.Helper()
	if _, err := io.WriteString(e.above, write); err != nil {
		e.tb.Fatal(err)
	}
	e.expect(want)
}

func (e *end) expect(want string) {
	e.tb.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(e.above, got); err != nil || string(got) != want {
		_, why := e.reason()
		e.tb.Fatalf("%q came, %v (%v); not %q", got, err, why, want)
	}
}

// protocol is the layer, with the methods that it has.
type protocol interface {
	sdk.Protocol
	sdk.Wrapper
	sdk.Informer
}

func newProtocol() protocol { return tls.New().(protocol) }

// dup closes f and returns a copy of its descriptor.
func dup(tb testing.TB, f *os.File) int {
	tb.Helper()
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	must(tb, err)
	f.Close()
	return fd
}
