//go:build !linux

package udp

import (
	"context"
	"errors"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// declared is empty: the options are known on Linux only.
var declared []sdk.Option

// Open fails: the socket calls are made on Linux only.
func (protocol) Open(context.Context, sdk.OpenRequest) (sdk.Handle, error) {
	return sdk.Handle{FD: -1}, errors.ErrUnsupported
}

// Connect fails.
func (protocol) Connect(context.Context, sdk.Lent, sdk.Address) (sdk.Report, error) {
	return nil, errors.ErrUnsupported
}

// Shutdown fails.
func (protocol) Shutdown(context.Context, sdk.Lent, sdk.How) (sdk.Report, error) {
	return nil, errors.ErrUnsupported
}

// Option fails.
func (protocol) Option(context.Context, sdk.Lent, []sdk.Setting, []string) ([]sdk.Setting, sdk.Report, error) {
	return nil, nil, errors.ErrUnsupported
}

// Info fails.
func (protocol) Info(context.Context, sdk.Lent, []string) ([]sdk.Setting, error) {
	return nil, errors.ErrUnsupported
}
