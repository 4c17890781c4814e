package repl

import (
	"strings"

	"github.com/chzyer/readline"
)

// search is Ctrl-R under way: readline's line stays as it was until a line that
// was found takes its place.
type search struct {
	lines  []string // the oldest first
	query  []rune
	at     int // of the line shown; len(lines) for none
	failed bool
	prompt string // what is shown before the search and after it
	line   []rune
	pos    int
}

func (c *console) beginSearch() {
	lines := c.recall.history()
	c.search = &search{
		lines: lines, at: len(lines),
		prompt: c.view.prompt, line: c.view.line, pos: c.view.pos,
	}
	c.showSearch()
}

// searchKey handles a key of the search, and reports whether it was one.
func (c *console) searchKey(r rune, paste []rune) bool {
	s := c.search
	switch {
	case r == readline.CharBckSearch:
		s.find(s.at - 1)
	case r == readline.CharFwdSearch:
		s.findNewer()
	case r == readline.CharBackspace || r == readline.CharCtrlH:
		s.query = s.query[:max(0, len(s.query)-1)]
		s.at = len(s.lines)
		s.find(len(s.lines) - 1)
	case r == readline.CharBell || r == readline.CharInterrupt:
		c.endSearch()
		c.view.draw(nil)
		if r == readline.CharInterrupt { // it has not ended the line
			c.input.goOn()
		}
		return true
	case r == pasteKey:
		s.query = append(s.query, paste...)
		s.find(min(s.at, len(s.lines)-1))
	case r >= ' ' && (r < deleteKey || r > deleteWordKey):
		s.query = append(s.query, r)
		s.find(min(s.at, len(s.lines)-1))
	default: // it is for the line that was found
		found, ok := s.found()
		c.endSearch()
		if ok {
			c.replace(found, true)
		} else {
			c.view.draw(nil)
		}
		return false
	}
	c.showSearch()
	return true
}

// find looks for the query from that line on, back in time.
func (s *search) find(from int) {
	s.failed = false
	if len(s.query) == 0 {
		return
	}
	shown, _ := s.found()
	for i := from; i >= 0; i-- {
		again := i != s.at && s.lines[i] == shown
		if strings.Contains(s.lines[i], string(s.query)) && !again {
			s.at = i
			return
		}
	}
	s.failed = true
}

func (s *search) findNewer() {
	s.failed = false
	for i := s.at + 1; i < len(s.lines) && len(s.query) > 0; i++ {
		if strings.Contains(s.lines[i], string(s.query)) {
			s.at = i
			return
		}
	}
	s.failed = len(s.query) > 0
}

func (s *search) found() (string, bool) {
	if s.at >= len(s.lines) {
		return "", false
	}
	return s.lines[s.at], true
}

func (c *console) showSearch() {
	s := c.search
	c.view.prompt = "(reverse-i-search)`" + string(s.query) + "': "
	if s.failed {
		c.view.prompt = "(failed reverse-i-search)`" + string(s.query) + "': "
	}
	c.view.line, c.view.pos = s.line, s.pos
	if found, ok := s.found(); ok {
		c.view.line = []rune(found)
		i := max(0, strings.Index(found, string(s.query)))
		c.view.pos = len([]rune(found[:i]))
	}
	c.view.draw(nil)
}

func (c *console) endSearch() {
	c.view.prompt, c.view.line, c.view.pos = c.search.prompt, c.search.line, c.search.pos
	c.search = nil
}
