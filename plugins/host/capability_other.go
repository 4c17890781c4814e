//go:build !linux

package host

// DropCapabilities does nothing: capabilities(7) are Linux's.
func DropCapabilities() error { return nil }
