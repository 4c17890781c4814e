//go:build linux

package main

import (
	"fmt"
	"strings"
	"testing"
)

func TestResizeKeepsTheLine(t *testing.T) {
	tm := newTerminal(t)
	p := tm.connect("")
	tm.typeKeys("echo abcdefghijklmnopqrstuvwxyz ")
	tm.prompt("sosh c> echo abcdefghijklmnopqrstuvwxyz ")
	for i, cols := range []int{20, 33, 7, 120, 40, 80} {
		tm.resize(cols, 24)
		p.says(fmt.Sprintf("noise %d\n", i))
		tm.typeKeys(fmt.Sprint(i))
		tm.wait("what was typed", func(s screen) bool {
			return strings.HasSuffix(s.before(), "xyz012345"[:4+i])
		})
	}
	tm.typeKeys("\r")
	tm.waitRow("abcdefghijklmnopqrstuvwxyz 012345")
}

func TestResizeWhileDataArrives(t *testing.T) {
	tm := newTerminal(t)
	p := tm.connect("")
	tm.typeKeys("echo wh")
	tm.prompt("sosh c> echo wh")
	for i := range 60 {
		for j := range 3 {
			p.says(fmt.Sprintf("a line that is long enough to be wrapped by a small window %d\n", 3*i+j))
			tm.resize(12+(3*i+j)*7%90, 5+(3*i+j)%20)
		}
		last := fmt.Sprintf("small window %d\r\n", 3*i+2)
		tm.wait("the last line", func(s screen) bool { return strings.Contains(s.raw, last) })
	}
	tm.resize(80, 24)
	tm.typeKeys("ole\r")
	tm.waitRow("whole")
}

func TestLineLongerThanTheScreen(t *testing.T) {
	t.Parallel()
	tm := openTerminal(t, setup{cols: 40, rows: 6})
	tm.prompt("sosh> ")
	var words []string
	for i := range 100 {
		words = append(words, fmt.Sprintf("word%d", i))
	}
	text := strings.Join(words, " ")
	tm.typeKeys("echo " + text)
	tm.wait("the end of the line", func(s screen) bool { return strings.HasSuffix(s.rows[s.y], "word99") })
	tm.typeKeys("\x01")
	tm.wait("its beginning", func(s screen) bool {
		return s.x == len("sosh> ") && strings.HasPrefix(s.rows[s.y], "sosh> echo word0")
	})
	tm.typeKeys("\x05 end\x01\x06\x05\r")
	tm.wait("all of it", func(s screen) bool {
		return strings.Contains(strings.ReplaceAll(s.raw, "\r\n", "\n"), "\n"+text+" end\n")
	})
	tm.prompt("sosh> ")
}

func TestLineThatFillsTheRow(t *testing.T) {
	tm := newTerminal(t)
	text := strings.Repeat("x", 80-len("sosh> echo "))
	tm.typeKeys("echo " + text)
	s := tm.wait("the full row", func(s screen) bool { return s.has("> echo "+text) && s.x == 0 })
	if s.rows[s.y] != "" {
		t.Errorf("the cursor is not on the next row:\n%s", s)
	}
	tm.typeKeys("\x02\x02\x7f\x05yz")
	tm.wait("the wrapped end", func(s screen) bool { return s.rows[s.y] == "z" && s.x == 1 })
	tm.typeKeys("\r")
	tm.waitRow(text[1:] + "yz")
}

func TestVeryNarrowTerminals(t *testing.T) {
	for _, cols := range []int{1, 2, 3, 6, 7, 10} {
		t.Run(fmt.Sprint(cols), func(t *testing.T) {
			t.Parallel()
			tm := openTerminal(t, setup{cols: cols, rows: 24})
			ends := func(text string) func(screen) bool {
				return func(s screen) bool { return strings.HasSuffix(s.before(), text) }
			}
			tm.wait("the prompt", ends("sosh>"))
			tm.typeKeys("open tc\t-n s\x02\x02\x02\x02\x02\x01\x05\r")
			tm.wait("the prompt", ends("soshs>"))
			tm.typeKeys("op\t\x12x\x07\x15show s st\t\r")
			tm.wait("the state", func(s screen) bool {
				return strings.Contains(strings.ReplaceAll(s.raw, "\r\n", "\n"), "\nCLOSED\n")
			})
			tm.wait("the prompt", ends("soshs>"))
			tm.typeKeys("exit\r")
			tm.ended(0)
		})
	}
}

// A serial line has no size.
func TestTerminalOfUnknownSize(t *testing.T) {
	tm := newTerminal(t)
	tm.setSize(0, 0)
	tm.typeKeys("op\techo a\x02\x02b\x05\x15echo fine\r")
	tm.waitRow("fine")
	tm.prompt("sosh> ")
}
