//go:build !linux

package tcp

import (
	"context"
	"errors"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// declared and declaredFacts are empty: options and facts are known on Linux only.
var (
	declared      []sdk.Option
	declaredFacts []sdk.Fact
)

// Open fails: the socket calls are made on Linux only.
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
