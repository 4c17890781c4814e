package render

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/sosh-shell/sosh/core/socket"
)

// ParseSize reads a number of bytes: 1000, 64K, 16M, 1G, also KiB and KB, all
// with 1024. An error is [socket.Usage].
func ParseSize(s string) (int64, error) {
	fail := socket.Faultf(socket.Usage, "%q is no size: a number of bytes, or with K, M or G", s)
	digits := strings.TrimRight(s, "KMGTiBkb")
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 {
		return 0, fail
	}
	shift := 0
	switch strings.ToUpper(s[len(digits):]) {
	case "", "B":
	case "K", "KB", "KIB":
		shift = 10
	case "M", "MB", "MIB":
		shift = 20
	case "G", "GB", "GIB":
		shift = 30
	default:
		return 0, fail
	}
	if n > math.MaxInt64>>shift {
		return 0, fail
	}
	return n << shift, nil
}

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
	d, err := time.ParseDuration(s)
	if err != nil {
		var seconds float64
		seconds, err = strconv.ParseFloat(s, 64)
		if err == nil && !(seconds >= 0 && seconds < math.MaxInt64/float64(time.Second)) {
			err = strconv.ErrRange
		}
		d = time.Duration(seconds * float64(time.Second))
	}
	if err != nil || d < 0 {
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
