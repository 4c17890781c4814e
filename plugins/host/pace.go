package host

import (
	"sync"
	"time"
)

// What a plugin may say: taking it in costs this program processor time, which the
// user's sockets need. rate is for a second, once burst was said at once.
const (
	// In bytes, or events: what nobody asked for.
	paceBurst = 1 << 20
	paceRate  = 256 << 10
	// In rows, and KiB of their text: what a command was run for. Nobody reads as
	// much; it is a file or a program that waits.
	rowBurst = 128 << 10
	rowRate  = 32 << 10
)

// pace holds back who says too much. One that was just made has said nothing.
type pace struct {
	burst, rate float64

	mu   sync.Mutex
	said float64 // beyond what time has made good
	at   time.Time
}

func newPace(burst, rate float64) *pace { return &pace{burst: burst, rate: rate} }

// wait takes n in, and returns when more may come, or over is closed.
func (c *pace) wait(n int, over <-chan struct{}) {
	d := c.take(n, time.Now())
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-over:
	}
}

// take is how long who has said n more is to be held back.
func (c *pace) take(n int, now time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.at.IsZero() {
		c.said = max(0, c.said-now.Sub(c.at).Seconds()*c.rate)
	}
	c.at = now
	c.said += float64(n)
	if c.said <= c.burst {
		return 0
	}
	return time.Duration((c.said - c.burst) / c.rate * float64(time.Second))
}
