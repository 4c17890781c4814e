package telnet

import "bytes"

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
