package repl

import (
	"slices"

	"github.com/chzyer/readline"
)

// onKey runs in readline's loop for each key, before readline sees it. It
// returns the key that readline is to handle, and whether it is to.
func (c *console) onKey(r rune) (rune, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r == 0 || !c.editing { // the end of input
		return r, true
	}
	var paste []rune
	if r == pasteKey {
		paste = c.input.pasted()
	}
	if c.search != nil {
		if c.searchKey(r, paste) {
			return 0, false
		}
	}
	line, pos := c.view.line, c.view.pos
	switch r {
	case readline.CharEnter, readline.CharCtrlJ:
		c.finish("")
	case readline.CharInterrupt:
		c.finish("^C")
	case readline.CharDelete: // Ctrl-D
		if len(line) == 0 {
			c.finish("")
		} else {
			c.input.goOn()
		}
	case deleteKey:
		return readline.CharDelete, pos < len(line)
	case wordLeftKey:
		return readline.MetaBackward, true
	case wordRightKey:
		return readline.MetaForward, true
	case deleteWordKey:
		return readline.MetaDelete, true
	case pasteKey:
		c.edit = func(line []rune, pos int) ([]rune, int) {
			return slices.Replace(line, pos-1, pos, paste...), pos - 1 + len(paste)
		}
	case readline.CharCtrlW:
		if !twoWords(line[:pos]) { // readline would take what is behind the cursor, too
			return readline.CharCtrlU, true
		}
	case readline.CharTranspose:
		return r, len(line) > 1 // readline goes out of bounds on one
	case readline.CharPrev:
		c.replace(c.recall.older(text(line)))
		return 0, false
	case readline.CharNext:
		c.replace(c.recall.newer(text(line)))
		return 0, false
	case readline.CharBckSearch, readline.CharFwdSearch:
		c.beginSearch()
		return 0, false
	case readline.CharCtrlL:
		c.view.clear()
		return 0, false
	case readline.CharBell:
		return 0, false
	}
	return r, true
}

// twoWords reports whether a word begins behind the first character.
func twoWords(line []rune) bool {
	for i := 1; i < len(line); i++ {
		if !readline.IsWordBreak(line[i]) && readline.IsWordBreak(line[i-1]) {
			return true
		}
	}
	return false
}

// OnChange runs in readline's loop after each key, with a copy of the line.
func (c *console) OnChange(line []rune, pos int, r rune) ([]rune, int, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.editing || r == 0 {
		return nil, 0, false
	}
	f := c.edit
	if c.edit = nil; f != nil {
		line, pos = f(line, pos)
	}
	c.view.line, c.view.pos = line, pos
	c.view.draw(nil)
	return slices.Clone(line), pos, f != nil
}

// replace puts another text in the place of the line; called in readline's
// loop with mu held.
func (c *console) replace(text string, ok bool) {
	if !ok {
		c.out.WriteString("\a")
		return
	}
	c.rl.Operation.SetBuffer(text)
	c.view.line = []rune(text)
	c.view.pos = len(c.view.line)
	c.view.draw(nil)
}
