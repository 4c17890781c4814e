//go:build !linux

package sdk

import (
	"context"
	"errors"

	"github.com/sosh-shell/sosh/plugins/internal/wire/pb"
)

// newHolding: on this system the package cannot hold sockets for a host yet.
// Every call says so.
func newHolding(Protocol) sockets { return nowhere{} }

type nowhere struct{}

func (nowhere) with(context.Context, *pb.Lent, func(Lent) error) error { return errors.ErrUnsupported }
func (nowhere) keep(context.Context, uint64) (int, error)              { return -1, errors.ErrUnsupported }
func (nowhere) give(context.Context, uint64, Handle) (*pb.Opened, error) {
	return nil, errors.ErrUnsupported
}
func (nowhere) connecting(context.Context, *pb.Lent, error) error { return errors.ErrUnsupported }
func (nowhere) listening(*pb.Lent)                                {}
func (nowhere) accepted(*pb.Lent)                                 {}
func (nowhere) facts(*pb.Lent) *pb.Facts                          { return nil }
func (nowhere) stream(pb.Plugin_StreamServer) error               { return errors.ErrUnsupported }

// closeFD does nothing: no descriptor can have come here.
func closeFD(int) {}
