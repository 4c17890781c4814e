package host

import (
	"sync"
	"time"
)

// What a plugin may say that nobody asked for. Taking it in costs this program
// processor time, which the user's sockets need.
const (
	paceBurst = 1 << 20   // bytes, or events, at once
	paceRate  = 256 << 10 // a second from then on
)

// pace holds back who says too much. The zero pace has said nothing.
type pace struct {
	mu   sync.Mutex
	said int64 // beyond what time has made good
	at   time.Time
}

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
		c.said = max(0, c.said-int64(now.Sub(c.at).Seconds()*paceRate))
	}
	c.at = now
	c.said += int64(n)
	if c.said <= paceBurst {
		return 0
	}
	return time.Duration(float64(c.said-paceBurst) / paceRate * float64(time.Second))
}
