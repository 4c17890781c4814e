package host

import (
	"context"
	"errors"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sosh-shell/sosh/core/socket"
)

// TestPluginThatSaysItsTimeIsOverIsNotWaitedFor: there is no time limit on some calls,
// and on others it is far away.
func TestPluginThatSaysItsTimeIsOverIsNotWaitedFor(t *testing.T) {
	far, cancel := context.WithTimeout(t.Context(), patient)
	defer cancel()
	for _, limited := range []context.Context{t.Context(), far} {
		pr := &process{name: "early"}
		err := pr.judge(t.Context(), limited, patient, status.Error(codes.DeadlineExceeded, "too late"))
		if !errors.Is(err, socket.Failed) {
			t.Errorf("got %v", err)
		}
	}
}
