//go:build !linux

package icmpraw

import (
	"context"
	"errors"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// declared is empty: the options are known on Linux only.
var declared []sdk.Option

// Open fails: the sockets are made on Linux only.
func (protocol) Open(context.Context, sdk.OpenRequest) (sdk.Handle, error) {
	return sdk.Handle{FD: -1}, errors.ErrUnsupported
}

// Option fails.
func (protocol) Option(context.Context, sdk.Lent, []sdk.Setting, []string) ([]sdk.Setting, sdk.Report, error) {
	return nil, nil, errors.ErrUnsupported
}

// Info fails.
func (protocol) Info(context.Context, sdk.Lent, []string) ([]sdk.Setting, error) {
	return nil, errors.ErrUnsupported
}

// Run fails.
func (protocol) Run(context.Context, sdk.RunRequest, func(sdk.Row) error) error {
	return errors.ErrUnsupported
}
