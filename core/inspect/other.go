//go:build !linux

package inspect

import "github.com/sosh-shell/sosh/core/socket"

// State is "": no kernel but Linux is asked yet.
func State(int) string { return "" }

// Facts are none: no kernel but Linux is asked yet.
func Facts(int) []socket.Setting { return nil }

// Kind is "": no kernel but Linux is asked yet.
func Kind(int) socket.Kind { return "" }

// Progress is "": no kernel but Linux is asked yet.
func Progress(int) string { return "" }
