//go:build !linux

package plugintest

import (
	"errors"
	"testing"

	"github.com/sosh-shell/sosh/core/socket"
)

// Run fails: sockets are made and plugins run on Linux only.
func Run(t *testing.T, _ func() socket.Protocol, _ ...socket.Setting) { t.Fatal(errors.ErrUnsupported) }
