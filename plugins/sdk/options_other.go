//go:build !linux

package sdk

import "errors"

func (o *SocketOption) set(*Calls, int, string) error { return errors.ErrUnsupported }
func (o *SocketOption) get(int) (string, error)       { return "", errors.ErrUnsupported }
