package command

import (
	"context"
	"io"
	"strings"
	"syscall"
	"testing"
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
