//go:build !linux

package sdk

import "errors"

// newKernelSocket fails: on this system the package cannot hold the kernel's sockets
// for a host yet.
func newKernelSocket(int) (far, error) { return nil, errors.ErrUnsupported }

// closeFD does nothing: no descriptor can have come here.
func closeFD(int) {}

func inode(int) uint64 { return 0 }
