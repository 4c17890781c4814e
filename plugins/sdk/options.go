package sdk

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// SocketOption declares one option of a protocol as data: what is said of it
// and how the kernel is told. Get and Set are for options that are no plain int.
type SocketOption struct {
	Option
	Symbol     string // as in a manual page: "IPPROTO_TCP, TCP_NODELAY"
	Level, Opt int    // of setsockopt(2)

	// IPv6 has numbers of its own for a few options; 0 where it has not.
	Symbol6      string
	Level6, Opt6 int

	Scale time.Duration // of a duration: the kernel's unit
	Get   func(fd int) (string, error)
	Set   func(c *Calls, fd int, value string) error
}

// Options is a protocol's table of options.
type Options []SocketOption

// Declare is the table as it goes into a description.
func (o Options) Declare() []Option {
	out := make([]Option, len(o))
	for i := range o {
		out[i] = o[i].Option
	}
	return out
}

// Set sets options in order and stops at the first failure. Names that the table
// lacks and malformed values are [Usage].
func (o Options) Set(c *Calls, fd int, set []Setting) error {
	for _, s := range set {
		opt, err := o.find(s.Name)
		if err == nil {
			err = opt.set(c, fd, s.Value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Read reads options by name.
func (o Options) Read(fd int, names []string) ([]Setting, error) {
	var out []Setting
	for _, n := range names {
		opt, err := o.find(n)
		if err != nil {
			return nil, err
		}
		v, err := opt.get(fd)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", n, err)
		}
		out = append(out, Setting{Name: n, Value: v})
	}
	return out, nil
}

func (o Options) find(name string) (*SocketOption, error) {
	for i := range o {
		if o[i].Name == name {
			return &o[i], nil
		}
	}
	return nil, Faultf(Usage, "no option is named %q", name)
}

// parse turns a value in words into the kernel's number.
func (o *SocketOption) parse(value string) (int, error) {
	switch o.Type {
	case BoolOption:
		switch value {
		case "on":
			return 1, nil
		case "off":
			return 0, nil
		}
		return 0, Faultf(Usage, "%s is on or off, not %q", o.Name, value)
	case SizeOption:
		n, ok := parseSize(value)
		if !ok {
			return 0, Faultf(Usage, "%s is a size such as 64K, not %q", o.Name, value)
		}
		return n, nil
	case DurationOption:
		d, ok := ParseDuration(value)
		n := int64(d / max(o.Scale, 1))
		if !ok || n > math.MaxInt32 {
			return 0, Faultf(Usage, "%s is a duration such as 30s, not %q", o.Name, value)
		}
		if d > 0 && n == 0 {
			return 0, Faultf(Usage, "%s is at least %v, not %q", o.Name, o.Scale, value)
		}
		return int(n), nil
	}
	n, err := strconv.ParseInt(value, 0, 32)
	if err != nil {
		return 0, Faultf(Usage, "%s is a number, not %q", o.Name, value)
	}
	return int(n), nil
}

// text is the inverse of parse.
func (o *SocketOption) text(n int) string {
	switch o.Type {
	case BoolOption:
		if n != 0 {
			return "on"
		}
		return "off"
	case DurationOption:
		return FormatDuration(time.Duration(n) * o.Scale)
	}
	return strconv.Itoa(n)
}

// parseSize reads 1000, 64K, 64KiB, 16M, 1G; K is 1024.
func parseSize(s string) (int, bool) {
	digits := strings.TrimRight(s, "KMGiB")
	shift, ok := map[string]uint{"": 0, "B": 0, "K": 10, "KB": 10, "KiB": 10, "M": 20, "MB": 20, "MiB": 20,
		"G": 30, "GB": 30, "GiB": 30}[s[len(digits):]]
	n, err := strconv.ParseUint(digits, 10, 31)
	if !ok || err != nil || n > math.MaxInt32>>shift {
		return 0, false
	}
	return int(n << shift), true
}

// ParseDuration reads 500ms, 2s, 1m30s; a number without a unit is seconds.
// A negative one is refused.
func ParseDuration(s string) (time.Duration, bool) {
	if n, err := strconv.ParseUint(s, 10, 31); err == nil {
		return time.Duration(n) * time.Second, true
	}
	d, err := time.ParseDuration(s)
	return d, err == nil && d >= 0
}

// FormatDuration writes a duration without parts that are zero: 2h, 1m15s, 500ms.
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
