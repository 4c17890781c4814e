package fdchan

import (
	"os"

	"golang.org/x/sys/unix"
)

// Reserve makes sure that a descriptor can be received later: it takes a slot
// now, which is set free just before the descriptor is received. With
// descriptors used up it fails with EMFILE, before anything was asked for.
// Each Reserve needs a Release, or a received descriptor that was taken.
func (c *Conn) Reserve() error {
	var fd int
	var err error
	cerr := c.raw.Control(func(self uintptr) {
		fd, err = unix.FcntlInt(self, unix.F_DUPFD_CLOEXEC, 0)
	})
	if cerr != nil {
		return os.ErrClosed
	}
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shut {
		unix.Close(fd)
		return os.ErrClosed
	}
	c.slots = append(c.slots, fd)
	return nil
}

// Release gives a slot back for which no descriptor came.
func (c *Conn) Release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.slots); n > 0 {
		unix.Close(c.slots[n-1])
		c.slots = c.slots[:n-1]
	}
}

// refill takes a slot again that a descriptor nobody waited for had used.
func (c *Conn) refill(self int) {
	if c.shut {
		return
	}
	if fd, err := unix.FcntlInt(uintptr(self), unix.F_DUPFD_CLOEXEC, 0); err == nil {
		c.slots = append(c.slots, fd)
	}
}
