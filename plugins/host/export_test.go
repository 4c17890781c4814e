package host

import "time"

// SetClock makes a host that has started nothing yet read another clock.
func SetClock(h *Host, now func() time.Time) { h.now = now }
