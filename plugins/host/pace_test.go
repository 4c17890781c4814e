package host

import (
	"testing"
	"time"
)

func TestWhoSaysTooMuchIsHeldBack(t *testing.T) {
	var c pace
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	if d := c.take(paceBurst, now); d != 0 {
		t.Errorf("a burst is held back for %v", d)
	}
	if d := c.take(paceRate, now); d != time.Second {
		t.Errorf("a second's worth is held back for %v", d)
	}
	now = now.Add(time.Second)
	if d := c.take(0, now); d != 0 {
		t.Errorf("a second later it is held back for %v", d)
	}
	now = now.Add(time.Hour)
	if d := c.take(paceBurst, now); d != 0 {
		t.Errorf("an hour later a burst is held back for %v", d)
	}
	if d := c.take(1<<40, now); d <= 0 {
		t.Errorf("a flood is held back for %v", d)
	}
}

// A plugin that has gone is read to its last word at once.
func TestLastWordsAreNotHeldBack(t *testing.T) {
	over := make(chan struct{})
	close(over)
	r := newRing("x", func(string) {})
	w := r.writer(over)
	for range 100 {
		w.Write(make([]byte, paceBurst))
	}
	w.Write([]byte("\nlast\n"))
	if got := r.lines(); got[len(got)-1] != "last" {
		t.Errorf("%d lines", len(got))
	}
}
