package sdk

import (
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/sosh-shell/sosh/core/socket"
)

// checkOptions checks options against their declarations. A name that is not
// declared and a value that its type cannot take are [Usage].
func checkOptions(declared []Option, given []Setting) (OptionValues, error) {
	for _, s := range given {
		if err := checkOption(declared, s); err != nil {
			return OptionValues{}, err
		}
	}
	return OptionValues{declared: declared, given: given}, nil
}

func checkOption(declared []Option, s Setting) error {
	o, ok := Description{Options: declared}.Option(s.Name)
	if !ok {
		return noOption(declared, s.Name)
	}
	v := s.Value
	switch o.Type {
	case BoolOption:
		if v != "on" && v != "off" {
			return Faultf(Usage, "%s is on or off, not %q", o.Name, v)
		}
	case IntOption:
		if _, err := strconv.ParseInt(v, 0, 64); err != nil {
			return Faultf(Usage, "%s is a number, not %q", o.Name, v)
		}
	case SizeOption:
		if n, err := socket.ParseSize(v); err != nil || n > maxSize {
			return Faultf(Usage, "%s is a size such as 64K, not %q", o.Name, v)
		}
	case DurationOption:
		if _, err := socket.ParseDuration(v); err != nil {
			return Faultf(Usage, "%s is a duration such as 500ms, not %q", o.Name, v)
		}
	case PathOption:
		// A relative one would be looked for in the plugin's directory, which is not
		// the user's.
		if v != "" && !filepath.IsAbs(v) {
			return Faultf(Usage, "%s is a file by its whole path, not %q", o.Name, v)
		}
	}
	return nil
}

// maxSize bounds a size, so that it is an int everywhere.
const maxSize = 1<<31 - 1

func noOption(declared []Option, name string) error {
	if len(declared) == 0 {
		return Faultf(Usage, "no option is named %q: there are none", name)
	}
	names := make([]string, len(declared))
	for i := range declared {
		names[i] = declared[i].Name
	}
	return Faultf(Usage, "no option is named %q: there are %s", name, strings.Join(names, ", "))
}

// Bool is the option's value; false for one that is empty.
func (v OptionValues) Bool(name string) bool { return v.Text(name) == "on" }

// Int is the option's value; 0 for one that is empty.
func (v OptionValues) Int(name string) int64 {
	n, _ := strconv.ParseInt(v.Text(name), 0, 64)
	return n
}

// Size is the option's value in bytes, at most 2 GiB; 0 for one that is empty.
func (v OptionValues) Size(name string) int {
	n, _ := socket.ParseSize(v.Text(name))
	return int(min(n, maxSize))
}

// Duration is the option's value; 0 for one that is empty.
func (v OptionValues) Duration(name string) time.Duration {
	d, _ := socket.ParseDuration(v.Text(name))
	return d
}
