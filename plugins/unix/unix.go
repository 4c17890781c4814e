// Package unix is the protocol unix: it makes sockets of this machine alone, whose
// addresses are paths or abstract names (unix(7)), and makes the socket calls on
// them. It keeps nothing, waits for nothing and moves no bytes. It removes a file
// only where it was told to (unlink=on), only a socket, and only one that no
// process has.
package unix

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// maxPath is the length of the longest path in bytes: sun_path has 108, and the
// last is a NUL. An abstract name is as long, as its first byte is a NUL.
const maxPath = 107

// New returns the protocol.
func New() sdk.Protocol { return protocol{} }

type protocol struct{}

// Describe implements sdk.Protocol.
func (protocol) Describe() sdk.Description {
	return sdk.Description{
		Name:     "unix",
		Synopsis: "byte streams and messages within this machine, by a path or an @name (unix(7))",
		Version:  "1",
		Kind:     sdk.Stream,
		Kinds:    []sdk.Kind{sdk.Datagram, sdk.Seqpacket},
		Address:  sdk.PathForm,
		Options:  declared,
		Facts:    declaredFacts,
	}
}

// Resolve implements sdk.Resolver. A path must be absolute: this process has a
// directory of its own. @name is a name in the abstract namespace, and @ alone, to
// bind to, one that the kernel chooses.
func (protocol) Resolve(_ context.Context, req sdk.ResolveRequest) ([]sdk.Address, error) {
	path := req.Text
	switch name, abstract := strings.CutPrefix(path, "@"); {
	case req.Family != sdk.FamilyNone && req.Family != sdk.FamilyUnix:
		return nil, sdk.Faultf(sdk.Usage, "unix has no IP addresses")
	case path == "":
		return nil, sdk.Faultf(sdk.Usage, "no address: write a path, or @NAME for the abstract namespace")
	case strings.ContainsRune(path, 0):
		return nil, sdk.Faultf(sdk.Usage, "a path has no NUL byte: %q", path)
	case abstract && name == "" && req.Passive:
		path = ""
	case abstract && name == "":
		return nil, sdk.Faultf(sdk.Usage, "@ names nothing: write @NAME")
	case len(path)-len("@") > maxPath, !abstract && len(path) > maxPath:
		return nil, sdk.Faultf(sdk.Usage, "the address has %d bytes; a unix socket's has at most %d: %s", len(strings.TrimPrefix(path, "@")), maxPath, path)
	case abstract:
		path = "\x00" + name
	case !filepath.IsAbs(path):
		return nil, sdk.Faultf(sdk.Usage, "%q is no absolute path", path)
	}
	return []sdk.Address{{Family: sdk.FamilyUnix, Path: path}}, nil
}

// Listen implements sdk.Listener.
func (protocol) Listen(_ context.Context, s sdk.Lent, backlog int) (sdk.Report, error) {
	var c sdk.Calls
	err := c.Listen(s.FD, backlog)
	return c.Report, err
}

// Accept implements sdk.Accepter.
func (protocol) Accept(_ context.Context, s sdk.Lent) (sdk.Handle, error) {
	var c sdk.Calls
	fd, err := c.Accept(s.FD)
	return sdk.Handle{FD: fd, Report: c.Report}, err
}

var (
	_ sdk.Resolver   = protocol{}
	_ sdk.Binder     = protocol{}
	_ sdk.Listener   = protocol{}
	_ sdk.Connector  = protocol{}
	_ sdk.Accepter   = protocol{}
	_ sdk.Shutdowner = protocol{}
	_ sdk.Optioner   = protocol{}
	_ sdk.Informer   = protocol{}
)
