package render

import (
	"io"
	"strings"

	"github.com/mattn/go-runewidth"
)

// Style is how to print for people.
type Style int

// The styles: for programs, for people, for people with colours.
const (
	Bare Style = iota
	Plain
	Colour
)

// Table is rows of cells under columns. Without Columns it has no header.
type Table struct {
	Columns []string
	Rows    [][]string
	Style   Style
	// Width is where the last column is broken between words, in columns of a terminal;
	// 0 for nowhere. A bare table keeps a line for each row.
	Width int
}

const (
	bold  = "\x1b[1m"
	reset = "\x1b[0m"
)

// Write prints the table: cells escaped, columns aligned by what a terminal
// shows and two blanks apart, header in capitals. The last column is not padded.
// In a bare table an empty cell is "-", so that each row has every column.
func (t Table) Write(w io.Writer) error {
	rows := make([][]string, 0, len(t.Rows)+1)
	if len(t.Columns) > 0 {
		head := make([]string, len(t.Columns))
		for i, c := range t.Columns {
			head[i] = strings.ToUpper(c)
		}
		rows = append(rows, head)
	}
	var widths []int
	for _, row := range t.Rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			if cells[i] = Line(cell); cell == "" && t.Style == Bare {
				cells[i] = "-"
			}
		}
		rows = append(rows, cells)
	}
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], width(cell))
		}
	}
	var b strings.Builder
	for n, row := range rows {
		header := n == 0 && len(t.Columns) > 0 && t.Style == Colour
		if header {
			b.WriteString(bold)
		}
		var line strings.Builder
		for i, cell := range row {
			if i < len(row)-1 {
				line.WriteString(cell + strings.Repeat(" ", widths[i]-width(cell)+2))
				continue
			}
			if t.Width > 0 && t.Style != Bare {
				indent := width(line.String())
				cell = Broken(cell, max(t.Width-indent, narrowest), "\n"+strings.Repeat(" ", indent))
			}
			line.WriteString(cell)
		}
		b.WriteString(strings.TrimRight(line.String(), " "))
		if header {
			b.WriteString(reset)
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// narrowest is how many columns the last one has at least, where the others leave less.
const narrowest = 20

// Broken breaks s between words, so that no line of it has more than so many columns of a
// terminal, unless a word has. Between two lines stands between.
func Broken(s string, columns int, between string) string {
	if width(s) <= columns {
		return s
	}
	var b strings.Builder
	at := 0
	for word := range strings.SplitSeq(s, " ") {
		n := width(word)
		switch {
		case b.Len() == 0:
		case at+1+n > columns:
			b.WriteString(between)
			at = 0
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += n
	}
	return b.String()
}

// width is how many columns a terminal gives s; most cells are ASCII.
func width(s string) int {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return runewidth.StringWidth(s)
		}
	}
	return len(s)
}
