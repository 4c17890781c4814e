package repl

import (
	"bytes"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"

	"github.com/sosh-shell/sosh/shell/render"
)

// view is the line that is being edited, as the terminal shows it. Each change
// is one write, so that nothing flickers and nothing comes in between.
type view struct {
	w    io.Writer
	size func() (cols, rows int)

	prompt string
	line   []rune
	pos    int // the cursor, in runes

	cols int // when it was drawn
	row  int // the cursor's, below the first of those drawn
}

// more begins the second and later lines of an input.
const more = "  ... "

// draw shows the line, in the place of what was drawn before. What is above
// goes there for good and must be whole lines.
func (v *view) draw(above []byte) { v.show("", above) }

// clear shows the line alone, at the top of the screen.
func (v *view) clear() {
	v.row = 0
	v.show("\x1b[H\x1b[J", nil)
}

func (v *view) show(first string, above []byte) {
	cols, height := v.size()
	p := layout(v.prompt, v.line, v.pos, cols)
	if cols != v.cols {
		// The terminal may have wrapped the rows anew or not. Too few rows up
		// leaves some of the old ones behind, too many would erase what was printed.
		v.row, v.cols = min(v.row, p.y), cols
	}
	var b bytes.Buffer
	b.WriteString(first)
	v.home(&b, height)
	if len(above) > 0 {
		b.WriteString("\x1b[J")
		b.Write(above)
	}
	v.row = p.write(&b, height)
	v.w.Write(b.Bytes())
}

// home moves to the first column of the first row drawn.
func (v *view) home(b *bytes.Buffer, height int) {
	up(b, min(v.row, height-1))
	b.WriteByte('\r')
}

// end shows the line with something behind it, and leaves it.
func (v *view) end(behind string) {
	v.pos = len(v.line)
	v.draw(nil)
	io.WriteString(v.w, behind+"\n")
	v.line, v.pos, v.row = nil, 0, 0
}

// picture is a line in rows.
type picture struct {
	rows []row
	cols int
	x, y int // the cursor
}

// row is what stands in one row of the terminal. One that is not hard follows
// from a full row before it: the terminal wraps by itself, so that it knows
// them as one line.
type row struct {
	text  []byte
	width int
	hard  bool
}

// layout arranges the prompt and the line in rows of that many columns.
func layout(prompt string, line []rune, pos, cols int) *picture {
	p := &picture{cols: cols, rows: []row{{hard: true}}}
	for _, r := range prompt {
		p.put(r)
	}
	for i, r := range line {
		if i == pos {
			p.cursorBefore(r)
		}
		if r != '\n' {
			p.put(r)
			continue
		}
		p.rows = append(p.rows, row{hard: true})
		for _, r := range more {
			p.put(r)
		}
	}
	if last := p.last(); last.width == cols {
		p.rows = append(p.rows, row{})
	}
	if pos >= len(line) {
		p.x, p.y = p.last().width, len(p.rows)-1
	}
	return p
}

func (p *picture) last() *row { return &p.rows[len(p.rows)-1] }

// put adds a character: escaped where the terminal would not show it as itself.
func (p *picture) put(r rune) {
	if r >= ' ' && r < 0x7f {
		p.add(string(r), 1)
		return
	}
	text := render.Line(string(r))
	if utf8.RuneCountInString(text) > 1 {
		for i := range len(text) {
			p.add(text[i:i+1], 1)
		}
		return
	}
	p.add(text, runewidth.RuneWidth(r))
}

func (p *picture) add(text string, width int) {
	if width > p.cols {
		text, width = "?", 1
	}
	if p.last().width+width > p.cols {
		if last := p.last(); last.width < p.cols { // half a character's room
			last.text = append(last.text, ' ')
		}
		p.rows = append(p.rows, row{})
	}
	last := p.last()
	last.text = append(last.text, text...)
	last.width += width
}

// cursorBefore puts the cursor where r will be.
func (p *picture) cursorBefore(r rune) {
	p.x, p.y = p.last().width, len(p.rows)-1
	if r != '\n' && p.x+max(1, runewidth.RuneWidth(r)) > p.cols {
		p.x, p.y = 0, p.y+1
	}
	p.x = min(p.x, p.cols-1)
}

// write draws the rows, at most height of them, and returns the cursor's.
func (p *picture) write(b *bytes.Buffer, height int) int {
	top := max(0, p.y-height+1)
	shown := p.rows[top:min(len(p.rows), top+height)]
	for i := range shown {
		r := &shown[i]
		switch {
		case i == 0:
		case r.hard:
			b.WriteString("\r\n")
		case r.width == 0:
			b.WriteString(" \r") // makes the terminal wrap
		}
		b.Write(r.text)
		if r.width < p.cols && (i == len(shown)-1 || shown[i+1].hard) {
			b.WriteString("\x1b[K")
		}
	}
	last := &shown[len(shown)-1]
	if last.width < p.cols { // else it is the screen's last row
		b.WriteString("\x1b[J")
	}
	up(b, len(shown)-1-(p.y-top))
	b.WriteByte('\r')
	if p.x > 0 {
		fmt.Fprintf(b, "\x1b[%dC", p.x)
	}
	return p.y - top
}

func up(b *bytes.Buffer, rows int) {
	if rows > 0 {
		fmt.Fprintf(b, "\x1b[%dA", rows)
	}
}
