//go:build !linux

package host

import (
	"errors"

	"github.com/sosh-shell/sosh/core/socket"
)

// No descriptor comes here on this system.
func check(int, socket.Description, socket.Family) error { return errors.ErrUnsupported }
func familyOf(int) socket.Family                         { return socket.FamilyNone }
func localOf(int) socket.Address                         { return socket.Address{} }
func remoteOf(int) socket.Address                        { return socket.Address{} }
func nonblocking(int)                                    {}
func closeFD(int)                                        {}
