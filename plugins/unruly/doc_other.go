//go:build !linux

// Package unruly is a plugin that misbehaves on demand, for tests on Linux.
package unruly
