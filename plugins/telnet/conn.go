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

func (c *conn) binaryIn() bool  { return c.side(false, optBinary).state == yes }
func (c *conn) binaryOut() bool { return c.side(true, optBinary).state == yes }

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

// Write implements net.Conn.
func (c *conn) Write(p []byte) (int, error) {
	c.turn.Lock()
	defer c.turn.Unlock()
	for at := 0; at < len(p); {
		n := min(len(p)-at, 32<<10)
		c.mu.Lock()
		c.buf = append(c.buf[:0], c.queue...)
		c.queue = c.queue[:0]
		c.escape(p[at:at+n], p[at+n:])
		c.mu.Unlock()
		if _, err := c.Below.Write(c.buf); err != nil {
			return at, err
		}
		at += n
	}
	if cap(c.buf) > 4<<10 {
		c.buf = nil // a large one is not kept while nobody writes
	}
	return len(p), nil
}

// escape appends data as it goes on the wire; next is what follows it in the same
// write. Whether the direction is BINARY is decided where the data stands behind the
// negotiation that made it so.
func (c *conn) escape(b, next []byte) {
	nvt := !c.binaryOut()
	for len(b) > 0 {
		n := bytes.IndexByte(b, cmdIAC)
		if n < 0 {
			n = len(b)
		}
		if nvt {
			if cr := bytes.IndexByte(b[:n], '\r'); cr >= 0 {
				c.buf = append(c.buf, b[:cr+1]...)
				b = b[cr+1:]
				if len(b) > 0 && b[0] != '\n' || len(b) == 0 && (len(next) == 0 || next[0] != '\n') {
					c.buf = append(c.buf, 0)
				}
				continue
			}
		}
		c.buf = append(c.buf, b[:n]...)
		if b = b[n:]; len(b) > 0 {
			c.buf = append(c.buf, cmdIAC, cmdIAC)
			b = b[1:]
		}
	}
}

// flush has the queue sent by a goroutine of its own: reading must not wait for a
// peer that does not read, which may be waiting for us to read. The caller holds mu.
func (c *conn) flush() {
	if c.flushing || len(c.queue) == 0 {
		return
	}
	c.flushing = true
	go func() {
		c.turn.Lock()
		defer c.turn.Unlock()
		for {
			err := c.sendQueue()
			c.mu.Lock()
			if err != nil || len(c.queue) == 0 { // the writer and the reader learn of an error themselves
				c.flushing = false
				c.mu.Unlock()
				return
			}
			c.mu.Unlock()
		}
	}()
}

// sendQueue sends what is queued. The caller has the turn.
func (c *conn) sendQueue() error {
	c.mu.Lock()
	b := c.queue
	c.queue = nil
	c.mu.Unlock()
	if len(b) == 0 {
		return nil
	}
	_, err := c.Below.Write(b)
	return err
}

// CloseWrite implements sdk.CloseWriter: answers that are due go before the end.
func (c *conn) CloseWrite() error {
	c.turn.Lock()
	defer c.turn.Unlock()
	if err := c.sendQueue(); err != nil {
		return err
	}
	return c.Below.CloseWrite()
}

// Unwrap implements sdk.Unwrapper: TELNET has no end. What came of a command that is
// not complete is given back.
func (c *conn) Unwrap(context.Context) ([]byte, error) {
	c.turn.Lock()
	defer c.turn.Unlock()
	if err := c.sendQueue(); err != nil {
		return nil, err
	}
	raw := c.raw
	c.raw, c.place = nil, inData
	return raw, nil
}
