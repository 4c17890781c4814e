package command

import (
	"context"
	"io"
	"strings"
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
