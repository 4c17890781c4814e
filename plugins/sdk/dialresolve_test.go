package sdk

import (
	"context"
	"errors"
	"net"
	"testing"
)

// The name is the dialer's to look up, the port is not.
func TestPortOfADialersPeerIsCheckedBeforeItDials(t *testing.T) {
	p := NewDialer(nobody{}).(Resolver)
	for _, text := range []string{"host:99999", "host:-1", "host:nosuchservice"} {
		if _, err := p.Resolve(t.Context(), ResolveRequest{Text: text}); !errors.Is(err, Usage) {
			t.Errorf("%s: got %v", text, err)
		}
	}
	for _, text := range []string{"no.such.host:443", ":telnet"} {
		if as, err := p.Resolve(t.Context(), ResolveRequest{Text: text}); err != nil || len(as) != 1 {
			t.Errorf("%s: got %v, %v", text, as, err)
		}
	}
}

type nobody struct{}

func (nobody) Describe() Description {
	return Description{Name: "nobody", Synopsis: "connects to nobody", Address: HostPort}
}

func (nobody) Dial(context.Context, DialRequest) (net.Conn, error) { return nil, net.ErrClosed }
