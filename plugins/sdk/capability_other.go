//go:build !linux

package sdk

// dropCapabilities does nothing: capabilities(7) are Linux's.
func dropCapabilities([]string) error { return nil }
