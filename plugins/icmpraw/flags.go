package icmpraw

import (
	"net/netip"
	"strconv"
	"time"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// flags reads what a command was given, with the defaults and types of its
// declaration. The first thing wrong is err; values are then of no use.
type flags struct {
	declared []sdk.Flag
	given    map[string]string
	err      error
}

func readFlags(command string, set []sdk.Setting) *flags {
	f := &flags{given: map[string]string{}}
	for _, c := range commands {
		if c.Name == command {
			f.declared = c.Flags
		}
	}
	for _, s := range set {
		if _, ok := f.find(s.Name); !ok {
			f.fail("%s has no flag --%s", command, s.Name)
		}
		f.given[s.Name] = s.Value
	}
	return f
}

func (f *flags) fail(format string, args ...any) {
	if f.err == nil {
		f.err = sdk.Faultf(sdk.Usage, format, args...)
	}
}

func (f *flags) find(name string) (sdk.Flag, bool) {
	for _, d := range f.declared {
		if d.Name == name {
			return d, true
		}
	}
	return sdk.Flag{}, false
}

// text is the flag's value or its default, and whether there is either.
func (f *flags) text(name string) (string, bool) {
	if v, ok := f.given[name]; ok {
		return v, true
	}
	d, _ := f.find(name)
	return d.Default, d.Default != ""
}

func (f *flags) on(name string) bool {
	v, ok := f.given[name]
	if ok && v != "on" && v != "off" {
		f.fail("--%s is on or off, not %q", name, v)
	}
	return v == "on"
}

// number is the flag's value, or other where it has none.
func (f *flags) number(name string, low, high, other int) int {
	v, ok := f.text(name)
	if !ok {
		return other
	}
	n, err := strconv.ParseInt(v, 0, 64)
	if err != nil || n < int64(low) || n > int64(high) {
		f.fail("--%s is a number from %d to %d, not %q", name, low, high, v)
		return other
	}
	return int(n)
}

// size is a number of bytes.
func (f *flags) size(name string, high int) int {
	v, _ := f.text(name)
	n, err := sdk.ParseSize(v)
	if err != nil || n > int64(high) {
		f.fail("--%s is a size up to %d, not %q", name, high, v)
	}
	return int(n)
}

// duration is 0 where there is neither a value nor a default. A value of 0 is refused.
func (f *flags) duration(name string) time.Duration {
	v, ok := f.text(name)
	if !ok {
		return 0
	}
	d, err := sdk.ParseDuration(v)
	if err != nil || d <= 0 || d > maxDuration {
		f.fail("--%s is a time such as 200ms, more than 0 and at most %v, not %q", name, maxDuration, v)
	}
	return d
}

// maxDuration bounds what a flag may say: sums of them stay far from overflow.
const maxDuration = 10000 * time.Hour

func (f *flags) family() sdk.Family {
	four, six := f.on("ipv4"), f.on("ipv6")
	switch {
	case four && six:
		f.fail("-4 and -6 exclude each other")
	case four:
		return sdk.FamilyIP4
	case six:
		return sdk.FamilyIP6
	}
	return sdk.FamilyNone
}

// source is whom to send from.
type source struct {
	device  string
	address netip.Addr
}

func (f *flags) source() source {
	v, ok := f.given["interface"]
	if !ok {
		return source{}
	}
	if ip, err := netip.ParseAddr(v); err == nil {
		return source{address: ip.Unmap()}
	}
	if v == "" || len(v) > 15 {
		f.fail("--interface is the name of an interface or an address of this machine, not %q", v)
	}
	return source{device: v}
}
