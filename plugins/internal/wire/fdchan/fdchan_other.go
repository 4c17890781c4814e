//go:build !linux

package fdchan

import (
	"context"
	"errors"
	"os"
)

// Conn cannot be made on this system: Pair and New say so.
type Conn struct{}

// Pair fails: descriptors do not travel on this system.
func Pair() (*Conn, *os.File, error) { return nil, nil, errors.ErrUnsupported }

// New fails: descriptors do not travel on this system.
func New(int) (*Conn, error) { return nil, errors.ErrUnsupported }

// Close does nothing.
func (c *Conn) Close() error { return nil }

// Send fails.
func (c *Conn) Send(context.Context, Message) error { return errors.ErrUnsupported }

// Serve fails.
func (c *Conn) Serve(func(Message) bool) error { return errors.ErrUnsupported }

// Drain fails.
func (c *Conn) Drain(func(Message) bool) error { return errors.ErrUnsupported }

// Reserve fails.
func (c *Conn) Reserve() error { return errors.ErrUnsupported }

// Release does nothing.
func (c *Conn) Release() {}
