package telnet

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// The first bytes of TERMINAL TYPE's subnegotiations (RFC 1091).
const (
	ttypeIs   = 0
	ttypeSend = 1
)

// longestType is the greatest length of a terminal's name in bytes (RFC 1091).
const longestType = 40

// prefer takes an option's value, before or after the beginning.
func (c *conn) prefer(name, value string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch name {
	case "ttype":
		if value == "off" {
			c.ttype = ""
			return nil
		}
		if value == "" || len(value) > longestType || strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
			return sdk.Faultf(sdk.Usage, "ttype is a terminal's name such as dumb or xterm, at most 40 letters, or off, not %q", value)
		}
		c.ttype = value
	case "naws":
		if value == "off" {
			c.columns, c.rows = 0, 0
			return nil
		}
		w, h, ok := strings.Cut(value, "x")
		columns, err1 := strconv.ParseUint(w, 10, 16)
		rows, err2 := strconv.ParseUint(h, 10, 16)
		if !ok || err1 != nil || err2 != nil || columns == 0 || rows == 0 {
			return sdk.Faultf(sdk.Usage, "naws is COLUMNSxROWS such as 80x24, or off, not %q", value)
		}
		c.columns, c.rows = uint16(columns), uint16(rows)
	case "binary":
		if value != "on" && value != "off" {
			return sdk.Faultf(sdk.Usage, "binary is on or off, not %q", value)
		}
		c.binary = value == "on"
	case "echo":
		if value != "on" && value != "off" && value != "auto" {
			return sdk.Faultf(sdk.Usage, "echo is on, off or auto, not %q", value)
		}
		c.echo = value
	default:
		return sdk.Faultf(sdk.Usage, "%s is fixed when telnet is put on", name)
	}
	return nil
}

// SetOption implements sdk.OptionSetter: what changes is negotiated.
func (c *conn) SetOption(name, value string) error {
	if err := c.prefer(name, value); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch name {
	case "ttype":
		if c.server || c.ttype == "" {
			c.ask(!c.server, optTType, c.ttype != "")
		}
	case "naws":
		switch {
		case c.server || c.columns == 0:
			c.ask(!c.server, optNAWS, c.columns > 0)
		case c.side(true, optNAWS).state == yes:
			c.sendWindow()
		default:
			c.ask(true, optNAWS, true)
		}
	case "binary":
		c.ask(true, optBinary, c.binary)
		c.ask(false, optBinary, c.binary)
	case "echo":
		if c.echo != "auto" {
			c.ask(c.server, optEcho, c.echo == "on")
		}
	}
	c.flush()
	return nil
}

// GetOption implements sdk.OptionSetter.
func (c *conn) GetOption(name string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	word := map[bool]string{true: "on", false: "off"}
	switch name {
	case "ttype":
		if c.ttype != "" {
			return c.ttype, nil
		}
		return "off", nil
	case "naws":
		if c.columns > 0 {
			return fmt.Sprintf("%dx%d", c.columns, c.rows), nil
		}
		return "off", nil
	case "binary":
		return word[c.binary], nil
	case "echo":
		return c.echo, nil
	}
	return word[c.server], nil
}

// sendWindow tells our window's size (RFC 1073). The caller holds mu.
func (c *conn) sendWindow() {
	if c.columns == 0 {
		return
	}
	c.queue = append(c.queue, cmdIAC, cmdSB, optNAWS)
	for _, b := range binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, c.columns), c.rows) {
		if b == cmdIAC {
			c.queue = append(c.queue, b)
		}
		c.queue = append(c.queue, b)
	}
	c.queue = append(c.queue, cmdIAC, cmdSE)
}

// subnegotiated takes what stood between SB and SE, unescaped. The caller holds mu.
func (c *conn) subnegotiated(b []byte) {
	c.negotiations++
	switch {
	case len(b) == 2 && b[0] == optTType && b[1] == ttypeSend && c.side(true, optTType).state == yes && c.answers < mostAnswers:
		c.answers++
		c.queue = append(c.queue, cmdIAC, cmdSB, optTType, ttypeIs)
		c.queue = append(c.queue, c.ttype...)
		c.queue = append(c.queue, cmdIAC, cmdSE)
	case len(b) > 2 && b[0] == optTType && b[1] == ttypeIs && c.side(false, optTType).state == yes:
		c.peerType = strings.ToValidUTF8(string(b[2:min(len(b), 2+longestType)]), "\uFFFD")
	case len(b) == 5 && b[0] == optNAWS && c.side(false, optNAWS).state == yes:
		c.peerWindow = fmt.Sprintf("%dx%d", binary.BigEndian.Uint16(b[1:]), binary.BigEndian.Uint16(b[3:]))
	}
}

// The commands by their codes less 236: EOF, SUSP and ABORT are RFC 1184's, EOR is RFC 885's.
var commandNames = [...]string{"EOF", "SUSP", "ABORT", "EOR", "SE", "NOP", "DM", "BRK", "IP", "AO", "AYT", "EC", "EL", "GA"}

// firstCommand is the code of commandNames[0].
const firstCommand = 236

// Facts implements sdk.FactTeller.
func (c *conn) Facts() []sdk.Setting {
	c.mu.Lock()
	defer c.mu.Unlock()
	var facts []sdk.Setting
	add := func(name, value string) { facts = append(facts, sdk.Setting{Name: name, Value: value}) }
	role := "client"
	if c.server {
		role = "server"
	}
	add("role", role)
	if c.peerType != "" {
		add("ttype", c.peerType)
	}
	if c.peerWindow != "" {
		add("naws", c.peerWindow)
	}
	var counts []string
	for i, n := range c.commands {
		if n == 0 {
			continue
		}
		name := "other"
		if i < len(commandNames) {
			name = commandNames[i]
		}
		counts = append(counts, fmt.Sprintf("%s %d", name, n))
	}
	add("commands", strings.Join(counts, ", "))
	add("negotiations", strconv.Itoa(c.negotiations))
	for i, o := range known {
		add("local."+o.name, c.local[i].state.String())
		add("remote."+o.name, c.remote[i].state.String())
	}
	return facts
}
