package sdk

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/sosh-shell/sosh/core/socket"
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

	// Min and Max bound the value, in the kernel's unit: the kernel cuts some that
	// are out of range without a word. Both 0 stand for the bounds of an int32; a Max
	// beyond those makes the number unsigned.
	Min, Max int64
	// Words are the values of a StringOption that is an int to the kernel.
	Words []OptionWord
	// Needs is the capability without which the kernel refuses, or empty.
	Needs string
	Scale time.Duration // of a duration: the kernel's unit

	Get func(fd int) (string, error)
	Set func(c *Calls, fd int, value string) error
}

// OptionWord is a value of an option in words and to the kernel.
type OptionWord struct {
	Word  string
	Value int
}

// Options is a protocol's table of options.
type Options []SocketOption

// Declare is the table as it goes into a description.
func (o Options) Declare() []Option {
	out := make([]Option, len(o))
	for i := range o {
		out[i] = o[i].Option
		if b := o[i].bounds(); o[i].Type == IntOption && b != "" {
			out[i].Help += " (" + b + ")"
		}
		if o[i].Words != nil {
			out[i].Help += ": " + o[i].words()
		}
	}
	return out
}

// Set sets options in order and stops at the first failure. Names that the table
// lacks and malformed values are [Usage].
func (o Options) Set(c *Calls, fd int, set []Setting) error {
	for _, s := range set {
		opt, err := o.find(s.Name)
		if err == nil {
			err = opt.failed(s.Value, opt.set(c, fd, s.Value))
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

// failed says which value the kernel refused, and what it would take.
func (o *SocketOption) failed(value string, err error) error {
	var fault Fault
	if err == nil || errors.As(err, &fault) {
		return err
	}
	why := ""
	switch {
	case o.Needs != "" && errors.Is(err, syscall.EPERM):
		why = " (it needs " + o.Needs + ")"
	case errors.Is(err, syscall.EINVAL) && o.bounds() != "":
		why = " (" + o.bounds() + ")"
	}
	return fmt.Errorf("%s=%s: %w%s", o.Name, value, err, why)
}

// bounds is the range of the value in words, "" where it says nothing.
func (o *SocketOption) bounds() string {
	if o.Max == 0 || o.Max > math.MaxUint16 {
		return ""
	}
	return o.text(int(o.Min)) + " to " + o.text(int(o.Max))
}

func (o *SocketOption) words() string {
	var all []string
	for _, w := range o.Words {
		all = append(all, w.Word)
	}
	return strings.Join(all, ", ")
}

// parse turns a value in words into the kernel's number. What cannot be meant,
// and what is out of range, is [Usage].
func (o *SocketOption) parse(value string) (int, error) {
	var n int64
	switch o.Type {
	case BoolOption:
		switch value {
		case "on":
			return 1, nil
		case "off":
			return 0, nil
		}
		return 0, Faultf(Usage, "%s is on or off, not %q", o.Name, value)
	case StringOption:
		for _, w := range o.Words {
			if w.Word == value {
				return w.Value, nil
			}
		}
		return 0, Faultf(Usage, "%s is one of %s, not %q", o.Name, o.words(), value)
	case SizeOption:
		var err error
		if n, err = socket.ParseSize(value); err != nil {
			return 0, Faultf(Usage, "%s is a size such as 64K, not %q", o.Name, value)
		}
	case DurationOption:
		d, err := socket.ParseDuration(value)
		scale := max(o.Scale, 1)
		if err != nil {
			return 0, Faultf(Usage, "%s is a duration such as 30s, not %q", o.Name, value)
		}
		if d%scale != 0 {
			return 0, Faultf(Usage, "%s is in steps of %v, not %q", o.Name, o.Scale, value)
		}
		n = int64(d / scale)
	default:
		var err error
		n, err = strconv.ParseInt(value, 0, 64)
		if errors.Is(err, strconv.ErrRange) {
			return 0, Faultf(Usage, "%s=%s is out of range", o.Name, value)
		}
		if err != nil {
			return 0, Faultf(Usage, "%s is a number, not %q", o.Name, value)
		}
	}
	least, most := o.Min, o.Max
	if least == 0 && most == 0 {
		least, most = math.MinInt32, math.MaxInt32
	}
	if n < least || n > most {
		why := ""
		if b := o.bounds(); b != "" {
			why = " (" + b + ")"
		}
		return 0, Faultf(Usage, "%s=%s is out of range%s", o.Name, value, why)
	}
	return int(int32(n)), nil // the kernel takes 32 bits, of whatever sign
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
	case StringOption:
		for _, w := range o.Words {
			if w.Value == n {
				return w.Word
			}
		}
	}
	if o.Max > math.MaxInt32 {
		return strconv.FormatUint(uint64(uint32(n)), 10)
	}
	return strconv.Itoa(n)
}

// ParseDuration reads 500ms, 2s, 1m30s; a number without a unit is seconds. An
// error is [Usage].
func ParseDuration(s string) (time.Duration, error) { return socket.ParseDuration(s) }

// ParseSize reads a number of bytes: 1000, 64K, 16M, 1G, all with 1024. An error is [Usage].
func ParseSize(s string) (int64, error) { return socket.ParseSize(s) }

// FormatDuration writes a duration without parts that are zero: 2h, 1m15s, 500ms.
func FormatDuration(d time.Duration) string { return socket.FormatDuration(d) }
