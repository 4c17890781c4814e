//go:build !linux

package sdk

import (
	"context"
	"errors"

	"github.com/sosh-shell/sosh/core/socket"
)

// Wrap fails: layers work on Linux only.
func (p layerProtocol) Wrap(context.Context, WrapRequest) (Handle, error) {
	return Handle{FD: -1}, errors.ErrUnsupported
}

// layered is a layer at work; on this system there is none.
type layered struct {
	name    string
	conn    any
	options OptionValues
}

func (*layered) End(context.Context) error              { return errors.ErrUnsupported }
func (*layered) Gone(context.Context) error             { return errors.ErrUnsupported }
func (*layered) Facts() socket.Facts                    { return socket.Facts{} }
func (*layered) Abort()                                 {}
func (*layered) facts() []Setting                       { return nil }
func (*layered) unwrap(context.Context) ([]byte, error) { return nil, errors.ErrUnsupported }
