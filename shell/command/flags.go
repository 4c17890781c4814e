package command

import (
	"strconv"

	"github.com/spf13/pflag"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/shell/render"
)

// Flags that several commands have.

func limitFlag(f *pflag.FlagSet) *render.Duration {
	d := new(render.Duration)
	f.Var(LimitValue(d), "timeout", "how long to wait: 500ms, 2s, 5 (seconds), none, 0 (only what is there)")
	return d
}

// LimitValue is a flag that sets d.
func LimitValue(d *render.Duration) pflag.Value { return limitValue{d} }

type limitValue struct{ d *render.Duration }

func (v limitValue) String() string { return "" }
func (v limitValue) Type() string   { return "D" }
func (v limitValue) Set(s string) error {
	d, err := render.ParseDuration(s)
	*v.d = d
	return err
}

// familyFlags declares -4 and -6 and returns what reads them.
func familyFlags(f *pflag.FlagSet) func(*Call) (socket.Family, error) {
	four := f.BoolP("ipv4", "4", false, "IPv4 only")
	six := f.BoolP("ipv6", "6", false, "IPv6 only")
	return func(c *Call) (socket.Family, error) {
		switch {
		case *four && *six:
			return "", c.usage("-4 and -6 exclude each other")
		case *four:
			return socket.FamilyIP4, nil
		case *six:
			return socket.FamilyIP6, nil
		}
		return socket.FamilyNone, nil
	}
}

func itoa(n int) string { return strconv.Itoa(n) }
