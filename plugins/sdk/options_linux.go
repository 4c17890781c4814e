package sdk

import "golang.org/x/sys/unix"

// at is the option's numbers for this socket.
func (o *SocketOption) at(fd int) (level, opt int, symbol string) {
	if o.Symbol6 != "" && Is6(fd) {
		return o.Level6, o.Opt6, o.Symbol6
	}
	return o.Level, o.Opt, o.Symbol
}

// plainText reports whether the kernel takes the value as it is written.
func (o *SocketOption) plainText() bool { return o.Type == StringOption && o.Words == nil }

func (o *SocketOption) set(c *Calls, fd int, value string) error {
	if o.Set != nil {
		return o.Set(c, fd, value)
	}
	level, opt, symbol := o.at(fd)
	if o.plainText() {
		return c.SetString(fd, symbol, level, opt, value)
	}
	n, err := o.parse(value)
	if err != nil {
		return err
	}
	return c.SetInt(fd, symbol, level, opt, n)
}

func (o *SocketOption) get(fd int) (string, error) {
	if o.Get != nil {
		return o.Get(fd)
	}
	level, opt, _ := o.at(fd)
	if o.plainText() {
		return unix.GetsockoptString(fd, level, opt)
	}
	n, err := unix.GetsockoptInt(fd, level, opt)
	if err != nil {
		return "", err
	}
	return o.text(n), nil
}

// SetInt is setsockopt(2) with an int. symbol is what the report calls it. The error
// is the bare errno: [Options.Set] says which option it was.
func (c *Calls) SetInt(fd int, symbol string, level, opt, value int) error {
	err := unix.SetsockoptInt(fd, level, opt, value)
	c.note(err, "0", "setsockopt(fd, %s, [%d])", symbol, value)
	return err
}

// SetString is setsockopt(2) with a text.
func (c *Calls) SetString(fd int, symbol string, level, opt int, value string) error {
	err := unix.SetsockoptString(fd, level, opt, value)
	c.note(err, "0", "setsockopt(fd, %s, %q)", symbol, value)
	return err
}

// SetLinger is setsockopt(2) with SO_LINGER; seconds below 0 turn it off.
func (c *Calls) SetLinger(fd, seconds int) error {
	l := unix.Linger{Onoff: 1, Linger: int32(seconds)}
	if seconds < 0 {
		l = unix.Linger{}
	}
	err := unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &l)
	c.note(err, "0", "setsockopt(fd, SOL_SOCKET, SO_LINGER, {l_onoff=%d, l_linger=%d})", l.Onoff, l.Linger)
	return err
}

// SetBytes is setsockopt(2) with a structure. text is what the report calls it.
func (c *Calls) SetBytes(fd int, symbol string, level, opt int, value []byte, text string) error {
	err := unix.SetsockoptString(fd, level, opt, string(value))
	c.note(err, "0", "setsockopt(fd, %s, %s)", symbol, text)
	return err
}
