package websocket

import (
	"strconv"
	"unicode/utf8"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// Facts implements sdk.FactTeller.
func (c *conn) Facts() []sdk.Setting {
	c.mu.Lock()
	defer c.mu.Unlock()
	facts := append([]sdk.Setting{}, c.told...)
	facts = append(facts,
		sdk.Setting{Name: "pings", Value: strconv.Itoa(c.pings)},
		sdk.Setting{Name: "pongs", Value: strconv.Itoa(c.pongs)})
	if c.peerClosed {
		facts = append(facts,
			sdk.Setting{Name: "close.code", Value: strconv.Itoa(c.peerCode)},
			sdk.Setting{Name: "close.reason", Value: c.peerReason})
	}
	return facts
}

// live are the options that can be changed after the handshake.
var live = map[string]bool{"binary": true, "fragment": true, "max": true, "code": true, "reason": true, "answer": true}

// SetOption implements sdk.OptionSetter.
func (c *conn) SetOption(name, value string) error {
	if !live[name] {
		return sdk.Faultf(sdk.Usage, "%s was for the handshake, which is over", name)
	}
	return c.set(name, value)
}

// GetOption implements sdk.OptionSetter.
func (c *conn) GetOption(name string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.settings[name], nil
}

func (c *conn) set(name, value string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	size := 0
	switch name {
	case "fragment", "max":
		n, err := sdk.ParseSize(value)
		if err != nil || n > maxLimit || name == "max" && n == 0 {
			return sdk.Faultf(sdk.Usage, "%s is a size up to 64M, not %q", name, value)
		}
		size = int(n)
	case "binary":
		if value != "on" && value != "off" && value != "auto" {
			return sdk.Faultf(sdk.Usage, "binary is on, off or auto, not %q", value)
		}
	case "answer":
		if value != "now" && value != "late" {
			return sdk.Faultf(sdk.Usage, "answer is now or late, not %q", value)
		}
	case "code":
		n, err := strconv.Atoi(value)
		if err != nil || n != 0 && !mayBeSent(n) {
			return sdk.Faultf(sdk.Usage, "code is 0, or one that RFC 6455 allows in a close frame, such as 1000 or 4000, not %q", value)
		}
		c.code = n
	case "reason":
		if len(value) > longestControl-2 || !utf8.ValidString(value) {
			return sdk.Faultf(sdk.Usage, "a reason is UTF-8 of at most 123 bytes")
		}
	}
	switch name {
	case "fragment":
		c.fragment = size
	case "max":
		c.max = size
	}
	c.settings[name] = value
	return nil
}
