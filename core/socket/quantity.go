package socket

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// ParseSize reads a number of bytes: 1000, 64K, 16M, 1G, also KB and KiB, in
// either case, all with 1024. Anything else, and more than an int64 holds, is
// [Usage].
func ParseSize(s string) (int64, error) {
	fail := Faultf(Usage, "%q is no size: a number of bytes, or with K, M or G", s)
	digits := strings.TrimRight(s, "KMGBkmgbi")
	// Not ParseInt: it takes a sign.
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil {
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
	return int64(n << shift), nil
}

// ParseDuration reads a length of time: 500ms, 2s, 1m30s; a number without a
// unit is seconds: 5, 0.5. A negative one, one beyond 292 years and anything
// else is [Usage].
func ParseDuration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err == nil && d >= 0 {
		return d, nil
	}
	// Not ParseFloat alone: it takes inf, hexadecimal digits and underscores.
	seconds, err := strconv.ParseFloat(s, 64)
	if err != nil || strings.Trim(s, "0123456789.") != "" || seconds >= math.MaxInt64/float64(time.Second) {
		return 0, Faultf(Usage, "%q is no time: 500ms, 2s, or 5 (seconds)", s)
	}
	return time.Duration(math.Round(seconds * float64(time.Second))), nil
}

// FormatDuration writes a duration without parts that are zero: 2h, 1m15s, 500ms.
// [ParseDuration] reads it back, unless it is negative.
func FormatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}
