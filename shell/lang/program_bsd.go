//go:build unix && !linux

package lang

import "errors"

// awaitChange is not to be had here: a program that stops waits for SIGCONT.
func awaitChange(int) (stopped bool, err error) { return false, nil }

var errNoMask = errors.New("a thread's signals cannot be blocked here")

// blockTTOU is not to be had here.
func blockTTOU() (restore func(), err error) { return nil, errNoMask }
