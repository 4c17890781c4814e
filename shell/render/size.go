package render

import (
	"strconv"
	"strings"
	"time"

	"github.com/sosh-shell/sosh/core/socket"
)

// Duration is the time allowed for something: not set, none (no limit), or D,
// where 0 means only what is there.
type Duration struct {
	Set, None bool
	D         time.Duration
}

// ParseDuration reads 500ms, 2s, 1m30s, 5 or 0.5 (seconds), none, 0. An error
// is [socket.Usage].
func ParseDuration(s string) (Duration, error) {
	if s == "none" {
		return Duration{Set: true, None: true}, nil
	}
	d, err := socket.ParseDuration(s)
	if err != nil {
		return Duration{}, socket.Faultf(socket.Usage, "%q is no time: 500ms, 2s, 5 (seconds), none, or 0", s)
	}
	return Duration{Set: true, D: d}, nil
}

// FormatAge is a duration in two units at most, for people.
func FormatAge(d time.Duration) string {
	switch {
	case d < time.Minute:
		return d.Truncate(100 * time.Millisecond).String()
	case d < time.Hour:
		return d.Truncate(time.Second).String()
	}
	return strings.TrimSuffix(d.Truncate(time.Minute).String(), "0s")
}

// Count writes a number with commas between thousands.
func Count(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
