package telnet

// The bytes of RFC 854 that follow an IAC.
const (
	cmdSE   = 240
	cmdNOP  = 241
	cmdDM   = 242
	cmdSB   = 250
	cmdWILL = 251
	cmdWONT = 252
	cmdDO   = 253
	cmdDONT = 254
	cmdIAC  = 255
)

// The options that we can negotiate.
const (
	optBinary = 0
	optEcho   = 1
	optSGA    = 3
	optTType  = 24
	optNAWS   = 31
)

var known = []struct {
	code        byte
	name, means string
}{
	{optBinary, "binary", "BINARY (0): eight bits as they are"},
	{optEcho, "echo", "ECHO (1)"},
	{optSGA, "sga", "SUPPRESS GO AHEAD (3)"},
	{optTType, "ttype", "TERMINAL TYPE (24)"},
	{optNAWS, "naws", "WINDOW SIZE (31)"},
}

// state is what RFC 1143 calls us or him: whether one side uses one option.
type state byte

const (
	no state = iota
	yes
	wantNo          // we have asked for the end
	wantNoOpposite  // and then for the use
	wantYes         // we have asked for the use
	wantYesOpposite // and then for the end
)

func (s state) String() string {
	return [...]string{"off", "on", "ending", "ending, then asked", "asked", "asked, then ending"}[s]
}

// side is one option's use by one side. yes and no are the commands that we say of
// it: WILL and WONT of ours, DO and DONT of the peer's.
type side struct {
	state state
	yes   byte
	no    byte
}

// received takes the peer's word on it, affirmative or not, and returns our answer, 0
// for none. agree is whether we would have it. This is RFC 1143, section 7: an answer
// changes the state, and what does not change it is not answered.
func (s *side) received(positive, agree bool) byte {
	switch {
	case positive && s.state == no && agree:
		s.state = yes
		return s.yes
	case positive && s.state == no:
		return s.no
	case positive && s.state == wantNo: // an error of the peer's: it answers no with yes
		s.state = no
	case positive && s.state == wantNoOpposite, positive && s.state == wantYes:
		s.state = yes
	case positive && s.state == wantYesOpposite:
		s.state = wantNo
		return s.no
	case positive: // yes: it is so already

	case s.state == yes:
		s.state = no
		return s.no
	case s.state == wantNo, s.state == wantYes, s.state == wantYesOpposite:
		s.state = no
	case s.state == wantNoOpposite:
		s.state = wantYes
		return s.yes
	}
	return 0
}

// want asks for the use or its end, and returns what to send, 0 for nothing.
func (s *side) want(use bool) byte {
	switch {
	case use && s.state == no:
		s.state = wantYes
		return s.yes
	case use && s.state == wantNo:
		s.state = wantNoOpposite
	case use && s.state == wantYesOpposite:
		s.state = wantYes
	case !use && s.state == yes:
		s.state = wantNo
		return s.no
	case !use && s.state == wantYes:
		s.state = wantYesOpposite
	case !use && s.state == wantNoOpposite:
		s.state = wantNo
	}
	return 0
}

// mostAnswers bounds what is answered between two bytes of data: a peer that meets
// every answer with a new request is left without one in the end. It is more than
// twice what a peer could ask for once.
const mostAnswers = 1024

// negotiated takes a request or an answer of the peer's. The caller holds mu.
func (c *conn) negotiated(cmd, opt byte) {
	c.negotiations++
	ours := cmd == cmdDO || cmd == cmdDONT
	positive := cmd == cmdDO || cmd == cmdWILL
	s := c.side(ours, opt)
	if s == nil { // an option that we do not know is off, and stays so
		s = &side{yes: cmdDO, no: cmdDONT}
		if ours {
			s = &side{yes: cmdWILL, no: cmdWONT}
		}
	}
	was := s.state
	if c.answers >= mostAnswers {
		return
	}
	if answer := s.received(positive, c.agrees(ours, opt)); answer != 0 {
		c.answers++
		c.queue = append(c.queue, cmdIAC, answer, opt)
	}
	if was != yes && s.state == yes {
		c.on(ours, opt)
	}
}

// side is the state of one option, nil for those that we do not know.
func (c *conn) side(ours bool, opt byte) *side {
	for i, o := range known {
		if o.code != opt {
			continue
		}
		s := &c.remote[i]
		s.yes, s.no = cmdDO, cmdDONT
		if ours {
			s = &c.local[i]
			s.yes, s.no = cmdWILL, cmdWONT
		}
		return s
	}
	return nil
}

// agrees says whether we would use the option, or have the peer use it.
func (c *conn) agrees(ours bool, opt byte) bool {
	switch opt {
	case optSGA:
		return true
	case optBinary:
		return c.binary
	case optEcho: // of the two sides only the server echoes
		return ours == c.server && (c.echo == "on" || c.echo == "auto" && !c.server)
	case optTType:
		return ours == !c.server && c.ttype != ""
	case optNAWS:
		return ours == !c.server && c.columns > 0
	}
	return false
}

// ask asks for a use or its end. The caller holds mu.
func (c *conn) ask(ours bool, opt byte, use bool) {
	if cmd := c.side(ours, opt).want(use); cmd != 0 {
		c.queue = append(c.queue, cmdIAC, cmd, opt)
	}
}

// begin asks for what we want from the start.
func (c *conn) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.server {
		c.ask(true, optSGA, true)
		c.ask(false, optSGA, true)
		if c.ttype != "" {
			c.ask(false, optTType, true)
		}
		if c.columns > 0 {
			c.ask(false, optNAWS, true)
		}
		if c.echo == "on" {
			c.ask(true, optEcho, true)
		}
	} else if c.echo == "on" {
		c.ask(false, optEcho, true)
	}
	if c.binary {
		c.ask(true, optBinary, true)
		c.ask(false, optBinary, true)
	}
	c.flush()
}

// on does what an option's use begins with.
func (c *conn) on(ours bool, opt byte) {
	switch {
	case ours && opt == optNAWS:
		c.sendWindow()
	case !ours && opt == optTType:
		c.queue = append(c.queue, cmdIAC, cmdSB, optTType, ttypeSend, cmdIAC, cmdSE)
	}
}
