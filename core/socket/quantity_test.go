package socket

import (
	"errors"
	"math"
	"testing"
	"time"
)

func TestParseSize(t *testing.T) {
	for in, want := range map[string]int64{
		"0": 0, "1000": 1000, "64K": 64 << 10, "64k": 64 << 10, "64KiB": 64 << 10, "64kib": 64 << 10, "64KB": 64 << 10, "64kb": 64 << 10,
		"16M": 16 << 20, "16m": 16 << 20, "16MiB": 16 << 20, "2G": 2 << 30, "10B": 10, "9223372036854775807": 1<<63 - 1, "8589934591G": (1<<33 - 1) << 30,
	} {
		if got, err := ParseSize(in); err != nil || got != want {
			t.Errorf("ParseSize(%q) = %d, %v, want %d", in, got, err, want)
		}
	}
	for _, in := range []string{"", "K", "-1", "+1", "-1K", "1.5M", "16i", "16iB", "16KK", "16KBB", "16BK", "16 M", "16X",
		"9223372036854775808", "8589934592G", "0x10", "1_000"} {
		if got, err := ParseSize(in); !errors.Is(err, Usage) {
			t.Errorf("ParseSize(%q) = %d, %v", in, got, err)
		}
	}
}

func TestParseDuration(t *testing.T) {
	for in, want := range map[string]time.Duration{
		"500ms": 500 * time.Millisecond, "2s": 2 * time.Second, "1m30s": 90 * time.Second, "5": 5 * time.Second,
		"0.5": 500 * time.Millisecond, ".5": 500 * time.Millisecond, "0.29": 290 * time.Millisecond, "0": 0, "0s": 0, "1h": time.Hour,
		"2147483648": 2147483648 * time.Second,
	} {
		if got, err := ParseDuration(in); err != nil || got != want {
			t.Errorf("ParseDuration(%q) = %v, %v, want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"", ".", "-1", "-1s", "-0.5", "inf", "Inf", "NaN", "1e300", "1e3", "0x10", "1_0", "9e18", "9223372037",
		"5 s", "s", "five", "none", "1d"} {
		if got, err := ParseDuration(in); !errors.Is(err, Usage) {
			t.Errorf("ParseDuration(%q) = %v, %v", in, got, err)
		}
	}
}

func TestFormatDuration(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"0s": 0, "2h": 2 * time.Hour, "2h5m": 125 * time.Minute, "1m15s": 75 * time.Second, "10m": 10 * time.Minute,
		"1h0m1s": time.Hour + time.Second, "500ms": 500 * time.Millisecond, "30s": 30 * time.Second, "-1m": -time.Minute,
	} {
		if got := FormatDuration(d); got != want {
			t.Errorf("FormatDuration(%v) = %s, want %s", d, got, want)
		}
	}
}

// FuzzQuantities: what is refused is wrong usage, what is read is not negative,
// and what is written is read back.
func FuzzQuantities(f *testing.F) {
	for _, s := range []string{"16M", "5", "none", "1h2m", "-1", "9e99", "0.1", "8589934592G"} {
		f.Add(s, int64(len(s)))
	}
	f.Add("", int64(math.MaxInt64))
	f.Fuzz(func(t *testing.T, s string, n int64) {
		if n, err := ParseSize(s); err == nil && n < 0 || err != nil && !errors.Is(err, Usage) {
			t.Fatalf("ParseSize(%q) = %d, %v", s, n, err)
		}
		if d, err := ParseDuration(s); err == nil && d < 0 || err != nil && !errors.Is(err, Usage) {
			t.Fatalf("ParseDuration(%q) = %v, %v", s, d, err)
		}
		if n < 0 {
			return
		}
		d := time.Duration(n)
		if got, err := ParseDuration(FormatDuration(d)); err != nil || got != d {
			t.Fatalf("ParseDuration(%q) = %v, %v", FormatDuration(d), got, err)
		}
	})
}
