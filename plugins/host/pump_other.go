//go:build !linux

package host

import (
	"errors"
	"os"

	"google.golang.org/grpc"

	"github.com/sosh-shell/sosh/plugins/internal/wire/pb"
)

// pump moves nothing on this system: no plugin runs here.
type pump struct {
	*carrier
	st   grpc.BidiStreamingClient[pb.ToSocket, pb.FromSocket]
	ours *os.File
}

func (*pump) run() {}

func pair() (*os.File, int, error) { return nil, -1, errors.ErrUnsupported }
func drainOne(int)                 {}
func shutdownWrite(int) error      { return errors.ErrUnsupported }
