package telnet

import (
	"bytes"
	"context"
	"io"
	"sync"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// longestSub bounds a subnegotiation in bytes; of a longer one the rest is passed over.
const longestSub = 4 << 10

// mostQueued bounds what is to be sent to a peer that does not read, in bytes.
const mostQueued = 64 << 10

// conn is a stream that speaks TELNET.
type conn struct {
	sdk.Below
	server bool

	// The reader's: where it stands in the peer's bytes.
	place  place
	cmd    byte   // of inOption: WILL, WONT, DO or DONT
	sub    []byte // of a subnegotiation, unescaped
	raw    []byte // of a command that is not complete, as it came
	passed bool   // the rest of sub was passed over

	turn sync.Mutex // of writing
	buf  []byte     // the turn's holder's
	mu   sync.Mutex // of what follows; never held while writing

	local, remote [5]side // by the order of known
	queue         []byte  // commands to be sent before any data
	flushing      bool    // a goroutine sends the queue
	answers       int     // since the last byte of data came
	negotiations  int
	commands      [len(commandNames) + 1]int

	ttype                string // "" refuses
	columns, rows        uint16 // 0 refuses
	binary               bool
	echo                 string
	peerType, peerWindow string
}

// place is where the reader stands.
type place byte

const (
	inData     place = iota
	afterCR          // a NUL that follows is dropped
	afterIAC         // a command follows
	inOption         // an option follows
	inSub            // in a subnegotiation
	afterSubIA       // in one, behind an IAC
)

// Read implements net.Conn. An end within a command is io.ErrUnexpectedEOF.
func (c *conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		n, err := c.Below.Read(p)
		out, ferr := c.take(p[:n])
		switch {
		case err == nil:
			err = ferr
		case err == io.EOF && len(c.raw) > 0:
			err = io.ErrUnexpectedEOF
		}
		if out > 0 || err != nil {
			return out, err
		}
	}
}

// take takes the data out of b, to b's beginning: it is never longer.
func (c *conn) take(b []byte) (out int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for at := 0; at < len(b); {
		if c.place == inData { // most bytes, at once
			n := bytes.IndexByte(b[at:], cmdIAC)
			if n < 0 {
				n = len(b) - at
			}
			if !c.binaryIn() {
				if cr := bytes.IndexByte(b[at:at+n], '\r'); cr >= 0 {
					n = cr + 1
					c.place = afterCR
				}
			}
			if n > 0 {
				out += copy(b[out:], b[at:at+n])
				at += n
				c.answers = 0
				continue
			}
		}
		x := b[at]
		at++
		if data, is := c.step(x); is {
			b[out] = data
			out++
			c.answers = 0
		}
	}
	if len(c.queue) > mostQueued {
		return out, sdk.Faultf(sdk.Malformed, "the peer asks more than it reads answers to")
	}
	c.flush()
	return out, nil
}

// binaryIn is whether the peer's bytes are BINARY: from where it says that they will
// be to where it says that they are no more.
func (c *conn) binaryIn() bool {
	s := c.side(false, optBinary).state
	return s == yes || s == wantNo || s == wantNoOpposite
}

// binaryOut is whether our bytes are: a command that has an effect on the data stands
// where it is to take effect (RFC 854), so what follows our WILL is BINARY, although
// the peer may yet refuse it.
func (c *conn) binaryOut() bool {
	s := c.side(true, optBinary).state
	return s == yes || s == wantYes || s == wantYesOpposite
}

// step takes one byte, and returns one of data if it is one.
func (c *conn) step(x byte) (data byte, is bool) {
	if c.place > afterCR && len(c.raw) < longestSub {
		c.raw = append(c.raw, x)
	}
	switch c.place {
	case inData, afterCR:
		cr := c.place == afterCR
		c.place = inData
		switch {
		case x == cmdIAC:
			c.place, c.raw = afterIAC, append(c.raw[:0], x)
			return 0, false
		case cr && x == 0 && !c.binaryIn():
			return 0, false
		case x == '\r' && !c.binaryIn():
			c.place = afterCR
		}
		return x, true
	case afterIAC:
		return c.command(x)
	case inOption:
		c.done()
		c.negotiated(c.cmd, x)
	case inSub:
		if x == cmdIAC {
			c.place = afterSubIA
			break
		}
		c.inSub(x)
	case afterSubIA:
		switch x {
		case cmdIAC:
			c.place = inSub
			c.inSub(x)
		case cmdSE:
			sub, whole := c.sub, !c.passed
			c.done()
			if whole {
				c.subnegotiated(sub)
			}
			c.sub = nil
		default: // no SE: the subnegotiation is broken off, and this is a command
			c.sub, c.raw = nil, append(c.raw[:0], cmdIAC, x)
			return c.command(x)
		}
	}
	return 0, false
}

// command takes the byte behind an IAC.
func (c *conn) command(x byte) (data byte, is bool) {
	switch {
	case x == cmdIAC:
		c.done()
		return x, true
	case x == cmdSB:
		c.place, c.sub, c.passed = inSub, nil, false
	case x >= cmdWILL:
		c.place, c.cmd = inOption, x
	default: // DM too: the bytes before it came as data, and nothing is to be dropped
		c.done()
		i := int(x) - firstCommand
		if i < 0 || i >= len(commandNames) {
			i = len(commandNames)
		}
		c.commands[i]++
	}
	return 0, false
}

func (c *conn) inSub(x byte) {
	if len(c.sub) >= longestSub {
		c.passed = true
		return
	}
	c.sub = append(c.sub, x)
}

// done ends a command.
func (c *conn) done() { c.place, c.raw = inData, c.raw[:0] }

// Unwrap implements sdk.Unwrapper: TELNET has no end. What came of a command that is
// not complete is given back.
func (c *conn) Unwrap(context.Context) ([]byte, error) {
	c.turn.Lock()
	defer c.turn.Unlock()
	err := c.sendQueue()
	raw := c.raw
	c.raw, c.place = nil, inData
	return raw, err
}
