//go:build linux

package main

import (
	"fmt"
	"strings"
	"testing"
)

const (
	pasteBegin = "\x1b[200~"
	pasteEnd   = "\x1b[201~"
)

func TestPastedLinesWaitForEnter(t *testing.T) {
	tm := newTerminal(t)
	tm.typeKeys(pasteBegin + "echo one\recho two\n" + pasteEnd)
	tm.waitScreen("echo two")
	tm.typeKeys("echo three")
	tm.wait("all of it", func(s screen) bool { return strings.HasSuffix(s.rows[s.y], "echo three") })
	if s := tm.screen(); s.row("one") || s.row("two") {
		t.Errorf("it ran before Enter:\n%s", s)
	}
	tm.typeKeys("\r")
	tm.waitRow("three")
	if s := tm.screen(); !s.row("one") || !s.row("two") {
		t.Errorf("not all ran:\n%s", s)
	}
	tm.typeKeys("\x1b[A")
	tm.wait("it as one input", func(s screen) bool { return strings.HasSuffix(s.rows[s.y], "echo three") })
}

func TestPastedControlBytesDoNothing(t *testing.T) {
	tm := newTerminal(t)
	tm.typeKeys("echo ")
	tm.typeKeys(pasteBegin + "a\tb\x03\x04\x1b[A\x12\x7f\x15\x00c\xff\u202e" + pasteEnd + "d")
	tm.wait("the text", func(s screen) bool {
		return strings.HasPrefix(s.rows[s.y], "sosh> echo a bc") && strings.HasSuffix(s.rows[s.y], "d")
	})
}

func TestPasteMarksSplitOverReads(t *testing.T) {
	tm := newTerminal(t)
	text := pasteBegin + "echo split; " + pasteEnd + "echo done"
	for i := range len(text) {
		tm.typeKeys(text[i : i+1])
	}
	tm.prompt("sosh> echo split; echo done")
	tm.typeKeys("\r")
	tm.waitRow("split")
	tm.waitRow("done")
}

func TestPasteIntoTheMiddle(t *testing.T) {
	tm := newTerminal(t)
	tm.typeKeys("echo ac\x02" + pasteBegin + "b" + pasteEnd + "\r")
	tm.waitRow("abc")
}

func TestLongPasteIsWhole(t *testing.T) {
	tm := newTerminal(t)
	p := tm.connect("")
	var b strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&b, "line %d\n", i)
	}
	typed := make(chan error, 1)
	go func() {
		_, err := tm.master.WriteString("send --raw c '" + pasteBegin + b.String() + pasteEnd + "'\r")
		typed <- err
	}()
	p.hears(b.String())
	if err := <-typed; err != nil {
		t.Error(err)
	}
}

func TestUnfinishedInputGoesOn(t *testing.T) {
	tm := newTerminal(t)
	tm.typeKeys("if true\r")
	tm.prompt("  ... ")
	tm.typeKeys("then echo \"a\r")
	tm.prompt("  ... ")
	tm.typeKeys("b\"; fi\r")
	tm.waitRow("b")
	tm.prompt("sosh> ")
	tm.typeKeys("echo a \\\r")
	tm.prompt("  ... ")
	tm.typeKeys("joined\r")
	tm.waitRow("a joined")
}
