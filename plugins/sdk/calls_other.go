//go:build !linux

package sdk

import "errors"

// Calls makes socket calls; on this system each fails with errors.ErrUnsupported.
type Calls struct{ Report Report }

// Socket fails.
func (c *Calls) Socket(Family, int, int) (int, error) { return -1, errors.ErrUnsupported }

// Bind fails.
func (c *Calls) Bind(int, Address) error { return errors.ErrUnsupported }

// Listen fails.
func (c *Calls) Listen(int, int) error { return errors.ErrUnsupported }

// Connect fails.
func (c *Calls) Connect(int, Address) error { return errors.ErrUnsupported }

// Disconnect fails.
func (c *Calls) Disconnect(int) error { return errors.ErrUnsupported }

// Accept fails.
func (c *Calls) Accept(int) (int, error) { return -1, errors.ErrUnsupported }

// Shutdown fails.
func (c *Calls) Shutdown(int, How) error { return errors.ErrUnsupported }
