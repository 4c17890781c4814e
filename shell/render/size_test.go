package render

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sosh-shell/sosh/core/socket"
)

func TestParseDuration(t *testing.T) {
	for in, want := range map[string]Duration{
		"500ms": {Set: true, D: 500 * time.Millisecond},
		"2s":    {Set: true, D: 2 * time.Second},
		"1m30s": {Set: true, D: 90 * time.Second},
		"5":     {Set: true, D: 5 * time.Second},
		"0.5":   {Set: true, D: 500 * time.Millisecond},
		"0":     {Set: true},
		"0s":    {Set: true},
		"none":  {Set: true, None: true},
	} {
		if got, err := ParseDuration(in); err != nil || got != want {
			t.Errorf("ParseDuration(%q) = %+v, %v, want %+v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "-1", "-1s", "-0.5", "inf", "Inf", "NaN", "1e300", "9e18", "5 s", "s", "five", "None", "1d"} {
		got, err := ParseDuration(in)
		if !errors.Is(err, socket.Usage) || !strings.Contains(err.Error(), "is no time") {
			t.Errorf("ParseDuration(%q) = %+v, %v", in, got, err)
		}
	}
}

func TestFormatAge(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"0s": 20 * time.Millisecond, "1.2s": 1230 * time.Millisecond, "59.9s": 59999 * time.Millisecond,
		"2m5s": 125 * time.Second, "1h0m": time.Hour + 59*time.Second, "3h12m": 3*time.Hour + 12*time.Minute,
	} {
		if got := FormatAge(d); got != want {
			t.Errorf("FormatAge(%v) = %s, want %s", d, got, want)
		}
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000", -999: "-999", -1 << 63: "-9,223,372,036,854,775,808"} {
		if got := Count(n); got != want {
			t.Errorf("Count(%d) = %s, want %s", n, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"5", "none", "1h2m", "-1", "9e99"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDuration(s)
		if err == nil && (d.D < 0 || !d.Set || d.None && d.D != 0) || err != nil && !errors.Is(err, socket.Usage) {
			t.Fatalf("ParseDuration(%q) = %+v, %v", s, d, err)
		}
	})
}
