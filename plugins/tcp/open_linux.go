package tcp

import (
	"context"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// Open implements sdk.Protocol.
//
// SO_REUSEADDR is on from the start, as every server sets it: else a port stays
// unusable for a minute after its server's end. It must be set before bind(2), and
// whether the socket will listen is not known then. On Linux a port that another
// socket listens on is still refused (EADDRINUSE). reuseaddr=off takes it back.
func (protocol) Open(_ context.Context, req sdk.OpenRequest) (sdk.Handle, error) {
	var c sdk.Calls
	if req.Family == sdk.FamilyUnix {
		return sdk.Handle{FD: -1}, sdk.Faultf(sdk.Usage, "tcp has no unix addresses")
	}
	fd, err := c.Socket(req.Family, unix.SOCK_STREAM, unix.IPPROTO_TCP)
	if err != nil {
		return sdk.Handle{FD: -1, Report: c.Report}, err
	}
	err = c.SetInt(fd, "SOL_SOCKET, SO_REUSEADDR", unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	if err == nil {
		err = options.Set(&c, fd, req.Options)
	}
	if err != nil {
		unix.Close(fd)
		return sdk.Handle{FD: -1, Report: c.Report}, err
	}
	return sdk.Handle{FD: fd, Report: c.Report}, nil
}

// Option implements sdk.Optioner.
func (protocol) Option(_ context.Context, s sdk.Lent, set []sdk.Setting, get []string) ([]sdk.Setting, sdk.Report, error) {
	var c sdk.Calls
	if err := options.Set(&c, s.FD, set); err != nil {
		return nil, c.Report, err
	}
	values, err := options.Read(s.FD, get)
	return values, c.Report, err
}
