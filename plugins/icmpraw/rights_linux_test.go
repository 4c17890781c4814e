package icmpraw

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

func TestWithoutAnyRightTheErrorSaysWhatWouldGiveIt(t *testing.T) {
	w := newNetwork(t, 1)
	w.in(0, func() {
		withoutRight(t)
		for _, err := range []error{
			func() error { _, err := protocol{}.Open(t.Context(), sdk.OpenRequest{}); return err }(),
			run(t.Context(), nil, "ping", "127.0.0.1", "count=1", nil).err,
			run(t.Context(), nil, "traceroute", "127.0.0.1", "", nil).err,
		} {
			var at *sdk.Error
			if !errors.Is(err, syscall.EPERM) || !errors.As(err, &at) {
				t.Errorf("got %v", err)
				continue
			}
			program, _ := os.Executable()
			if !strings.Contains(at.Hint, "sudo setcap cap_net_raw+ep "+program) || !strings.Contains(at.Hint, `sudo sysctl -w net.ipv4.ping_group_range="0 2147483647"`) {
				t.Errorf("hint %q", at.Hint)
			}
		}
		if r := run(t.Context(), nil, "traceroute", "127.0.0.1", "udp=on numeric=on", nil); r.err != nil {
			t.Errorf("traceroute by UDP needs no right: %v", r.err)
		}
	})
}

func TestWithoutTheRightItIsThePingSocket(t *testing.T) {
	w := newNetwork(t, 1)
	w.openPings(0)
	w.in(0, func() {
		withoutRight(t)
		for family, host := range map[sdk.Family]string{sdk.FamilyIP4: "127.0.0.1", sdk.FamilyIP6: "::1"} {
			h, err := protocol{}.Open(t.Context(), sdk.OpenRequest{Family: family})
			if err != nil {
				t.Errorf("%s: %v", host, err)
				continue
			}
			pingSocketKeepsItsPromises(t, h, host)
			unix.Close(h.FD)
			r := run(t.Context(), nil, "ping", host, "count=3 interval=1ms", nil)
			if r.err != nil || field(r.summary(t), "received") != "3" || field(r.events("reply")[0], "ttl") != "64" {
				t.Errorf("%s: %v\n%s", host, r.err, r.text())
			}
		}
	})
}

func pingSocketKeepsItsPromises(t *testing.T, h sdk.Handle, host string) {
	facts := func() sdk.Row {
		v, err := protocol{}.Info(t.Context(), sdk.Lent{FD: h.FD, Mark: h.Mark}, nil)
		if err != nil {
			t.Error(err)
		}
		return sdk.Row{Fields: v}
	}
	if f := facts(); field(f, "socket") != "ping" || field(f, "id") != "0" {
		t.Errorf("facts %+v", f)
	}
	if _, err := (protocol{}).Encode(t.Context(), h.Mark, settings("type=timestamp")); !errors.Is(err, sdk.Usage) {
		t.Errorf("another type: %v", err)
	}
	m, err := protocol{}.Encode(t.Context(), h.Mark, settings("seq=9 data=hello"))
	if err != nil {
		t.Error(err)
		return
	}
	as, err := protocol{}.Resolve(t.Context(), sdk.ResolveRequest{Text: host})
	if err != nil {
		t.Error(err)
		return
	}
	sa, err := as[0].Sockaddr()
	if err == nil {
		err = syscall.Sendto(h.FD, m.Data, 0, sa)
	}
	if err != nil {
		t.Error(err)
		return
	}
	all, err := protocol{}.Decode(t.Context(), h.Mark, []sdk.Message{receiveOne(t, h)})
	if err != nil {
		t.Error(err)
		return
	}
	r := sdk.Row{Fields: all[0]}
	if field(r, "type") != "echo-reply" || field(r, "seq") != "9" || field(r, "data") != "hello" || field(r, "error") != "" {
		t.Errorf("%+v", all[0])
	}
	if id := field(facts(), "id"); id == "0" || id != field(r, "id") {
		t.Errorf("the fact id is %s, the reply's %s", id, field(r, "id"))
	}
}
