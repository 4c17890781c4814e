package command

import (
	"context"
	"io"
	"strings"
	"syscall"
	"testing"

	"github.com/sosh-shell/sosh/core/socket"
)

// TestEndOfInputIsNoAgreement is Ctrl-D at the question: the line ends, and nothing is done.
func TestEndOfInputIsNoAgreement(t *testing.T) {
	var out strings.Builder
	c := &Call{command: pluginInstall, Stderr: &out, Ask: func(context.Context, string) (string, error) { return "", io.ErrUnexpectedEOF }}
	if err := c.agree(t.Context(), "install it?"); err == nil || err.Error() != "plugin install: nothing was changed" || out.String() != "\n" {
		t.Errorf("%v, %q", err, out.String())
	}
}

// TestCheckThatIsEndedSaysByWhom: not how the program was told.
func TestCheckThatIsEndedSaysByWhom(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(&Signalled{Signal: syscall.SIGTERM, Name: "SIGTERM"})
	c := &Call{command: pluginCheck, Session: &Session{Author: &Author{
		Check: func(ctx context.Context, _ CheckPlugin, _ func(Promise)) (CheckSummary, error) {
			return CheckSummary{}, ctx.Err()
		},
	}}}
	err := c.checkPlugin(ctx, CheckPlugin{Path: "/built"}, false, false)
	if err == nil || err.Error() != "plugin check /built: ended by SIGTERM" || Status(err) != 143 {
		t.Errorf("%v, status %d", err, Status(err))
	}
}

func TestCheckSaysHowMoreCouldBeTried(t *testing.T) {
	connects := socket.Description{Kind: socket.Stream, Calls: []socket.Call{socket.CallConnect}}
	listens := socket.Description{Kind: socket.Stream, Calls: []socket.Call{socket.CallConnect, socket.CallListen}}
	binds := socket.Description{Kind: socket.Datagram, Calls: []socket.Call{socket.CallConnect, socket.CallBind}}
	for _, c := range []struct {
		p    CheckPlugin
		d    socket.Description
		want string
	}{
		{CheckPlugin{}, connects, "--address"},
		{CheckPlugin{Address: "x"}, connects, "--echo"},
		{CheckPlugin{Address: "x", Echo: true}, connects, ""},
		{CheckPlugin{}, listens, ""},
		{CheckPlugin{}, binds, ""},
		{CheckPlugin{}, socket.Description{Layer: true, Calls: []socket.Call{socket.CallConnect}}, ""},
	} {
		if got := untried(c.p, c.d); (got == "") != (c.want == "") || !strings.HasPrefix(strings.TrimPrefix(got, "; "), c.want) {
			t.Errorf("%+v %+v: %q", c.p, c.d, got)
		}
	}
}
