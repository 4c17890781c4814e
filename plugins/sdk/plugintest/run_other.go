//go:build !linux

package plugintest

import (
	"errors"
	"testing"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/sdk/conform"
)

// Run fails: sockets are made and plugins run on Linux only.
func Run(t *testing.T, _ func() socket.Protocol, _ ...socket.Setting) { t.Fatal(errors.ErrUnsupported) }

// RunHow fails, as Run does.
func RunHow(t *testing.T, _ func() socket.Protocol, _ conform.How) { t.Fatal(errors.ErrUnsupported) }
