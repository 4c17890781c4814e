package sdk_test

import (
	"context"
	"errors"
	"net"
	"testing"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/core/table"
	"github.com/sosh-shell/sosh/plugins/host"
	"github.com/sosh-shell/sosh/plugins/sdk"
)

// sullen is a server whose listener accepts nobody: its address says how.
type sullen struct{ odd }

func newSullen() sdk.Protocol { return sdk.NewDialer(sullen{}) }

func (sullen) Describe() sdk.Description {
	return sdk.Description{Name: "sullen", Synopsis: "a server that accepts nobody", Version: "1"}
}

func (sullen) Listen(_ context.Context, req sdk.DialRequest) (net.Listener, error) {
	return sulking{how: req.Address}, nil
}

type sulking struct {
	net.Listener
	how string
}

func (s sulking) Accept() (net.Conn, error) {
	switch s.how {
	case "nothing":
		return nil, nil
	case "panic":
		panic("in Accept")
	}
	return nil, errors.New("out of chairs")
}

func (sulking) Close() error   { return nil }
func (sulking) Addr() net.Addr { return nil }

func TestListenerThatFailsTellsWhy(t *testing.T) {
	tb, _ := newTable(t, host.Descriptors, newSullen)
	for address, want := range map[string]struct {
		is   error
		text string
	}{
		"words":   {nil, "out of chairs"},
		"nothing": {socket.Failed, "sullen accepted no connection and gave no error"},
		"panic":   {socket.Failed, "panic: in Accept"},
	} {
		s, err := tb.Open(patient(t), table.Spec{Protocol: "sullen", Listen: address})
		if err != nil {
			t.Fatalf("%s: %v", address, err)
		}
		for range 2 { // also who asks again
			_, err = s.Accept(patient(t), "")
			var at *socket.Error
			if !errors.As(err, &at) || at.Op != "accept" || at.Err.Error() != want.text || want.is != nil && !errors.Is(err, want.is) {
				t.Errorf("%s: %v", address, err)
			}
		}
		if f, _ := s.Facts(); f.State != "closed" {
			t.Errorf("%s: it is %s", address, f.State)
		}
	}
}
