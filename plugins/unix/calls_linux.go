package unix

import (
	"context"
	"errors"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// Open implements sdk.Protocol.
func (protocol) Open(_ context.Context, req sdk.OpenRequest) (sdk.Handle, error) {
	var c sdk.Calls
	if req.Family != sdk.FamilyNone && req.Family != sdk.FamilyUnix {
		return sdk.Handle{FD: -1}, sdk.Faultf(sdk.Usage, "unix has no IP addresses")
	}
	kind, mark, rest, err := split(req.Options)
	if err != nil {
		return sdk.Handle{FD: -1}, err
	}
	fd, err := c.Socket(sdk.FamilyUnix, kind, 0)
	if err != nil {
		return sdk.Handle{FD: -1, Report: c.Report}, err
	}
	if err := optionsOf(mark).Set(&c, fd, rest); err != nil {
		unix.Close(fd)
		return sdk.Handle{FD: -1, Report: c.Report}, err
	}
	return sdk.Handle{FD: fd, Mark: mark, Report: c.Report}, nil
}

// errBacklog is connect(2)'s EAGAIN: a unix socket does not begin to connect, as a
// TCP socket does, so there is nothing to wait for.
type errBacklog struct{}

func (errBacklog) Error() string { return "the server's backlog is full" }
func (errBacklog) Unwrap() error { return unix.EAGAIN }

// Connect implements sdk.Connector. It is done at once, or fails.
func (protocol) Connect(_ context.Context, s sdk.Lent, remote sdk.Address) (sdk.Report, error) {
	var c sdk.Calls
	err := c.Connect(s.FD, remote)
	hint := ""
	switch {
	case errors.Is(err, unix.EAGAIN):
		err, hint = errBacklog{}, "it accepts too slowly: try again, or open --retry"
	case errors.Is(err, unix.ENOENT):
		hint = "no file has that name: start the server, or wait for it with open --retry"
	case errors.Is(err, unix.EPROTOTYPE):
		hint = "the server's socket is of another kind: open with kind=stream, kind=datagram or kind=seqpacket"
	case errors.Is(err, unix.EACCES):
		hint = "the socket's file, or a directory on the way to it, is not this user's to use"
	case errors.Is(err, unix.EPERM):
		hint = "that socket is connected, and takes messages from its peer only"
	}
	if hint != "" {
		err = &sdk.Error{Op: "connect", Err: err, Hint: hint}
	}
	return c.Report, err
}

// Shutdown implements sdk.Shutdowner. shutdown(2) of a unix socket without a peer
// answers that all is well, and reads then end: so it is not called.
func (protocol) Shutdown(_ context.Context, s sdk.Lent, how sdk.How) (sdk.Report, error) {
	var c sdk.Calls
	if _, err := unix.Getpeername(s.FD); err != nil {
		return nil, err
	}
	err := c.Shutdown(s.FD, how)
	return c.Report, err
}

// Option implements sdk.Optioner.
func (protocol) Option(_ context.Context, s sdk.Lent, set []sdk.Setting, get []string) ([]sdk.Setting, sdk.Report, error) {
	var c sdk.Calls
	options := optionsOf(s.Mark)
	if err := options.Set(&c, s.FD, set); err != nil {
		return nil, c.Report, err
	}
	values, err := options.Read(s.FD, get)
	return values, c.Report, err
}
