//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestTabCompletesWhatIsMeant(t *testing.T) {
	tm := newTerminal(t)
	tm.run("open tcp -n alpha", "sosh alpha> ")
	for _, c := range []struct{ typed, got string }{
		{"shut\t", "shutdown "},
		{"open tc\t", "open tcp "},
		{"open tcp --li\t", "open tcp --listen "},
		{"show al\t", "show alpha "},
		{"show alpha sta\t", "show alpha state "},
		{"show alpha loc\t", "show alpha local"},
		{"echo a; shut\t", "echo a; shutdown "},
	} {
		tm.typeKeys(c.typed)
		tm.prompt("sosh alpha> " + c.got)
		tm.typeKeys("\x15")
		tm.prompt("sosh alpha> ")
	}
}

func TestTabQuotesWhatTheShellWouldRead(t *testing.T) {
	tm := newTerminal(t)
	if err := os.WriteFile(filepath.Join(tm.home, "my file; $x"), []byte("found\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tm.typeKeys("cat my\t")
	tm.prompt(`sosh> cat my\ file\;\ \$x `)
	tm.typeKeys("\r")
	tm.waitRow("found")
	tm.prompt("sosh> ") // until then the terminal is in cooked mode, and echoes
	tm.typeKeys("cat 'my f\t")
	tm.prompt("sosh> cat 'my file; $x' ")
}

func TestTabListsAboveWhatIsAmbiguous(t *testing.T) {
	tm := newTerminal(t)
	tm.typeKeys("op\t")
	s := tm.wait("the list", func(s screen) bool { return s.has("make a socket") && s.edits("sosh> op") })
	if !strings.HasPrefix(s.rows[s.y-1], "  op") {
		t.Errorf("no list above the line:\n%s", s)
	}
	tm.typeKeys("e\t")
	tm.prompt("sosh> open ")
}

func TestTabInTheMiddleOfALine(t *testing.T) {
	tm := newTerminal(t)
	tm.typeKeys("sho sockets" + strings.Repeat("\x1b[D", 8) + "\t")
	tm.wait("the completed word", func(s screen) bool { return s.rows[s.y] == "sosh> show sockets" })
	tm.typeKeys("\r")
	tm.waitScreen("no socket")
}

func TestTabWhileDataArrives(t *testing.T) {
	tm := newTerminal(t)
	p := tm.connect("")
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				fmt.Fprintf(p, "noise %d\n", i%10)
			}
		}
	}()
	tm.waitScreen("c < noise")
	for range 20 {
		tm.typeKeys("op\t")
		tm.prompt("sosh c> op")
		tm.typeKeys("e\t")
		tm.prompt("sosh c> open ")
		tm.typeKeys("\x15")
		tm.prompt("sosh c> ")
	}
	close(stop)
	<-done
}

func TestManyCandidatesLeaveThePrompt(t *testing.T) {
	tm := newTerminal(t)
	tm.run("for i in {1..300}; do open tcp -n s$i; done", "sosh s300> ")
	tm.typeKeys("close s\t")
	tm.waitScreen("more")
	s := tm.prompt("sosh s300> close s")
	if !slices.ContainsFunc(s.rows, func(row string) bool { return strings.HasPrefix(row, "  s1 ") }) {
		t.Errorf("the beginning of the list is gone:\n%s", s)
	}
	tm.typeKeys("300\t\r")
	tm.typeKeys("show s300\r")
	tm.waitScreen("s300 is closed")
}

func TestWideCandidatesFit(t *testing.T) {
	tm := newTerminal(t)
	long := strings.Repeat("x", 200)
	tm.typeKeys("open tcp -n " + long + "a; open tcp -n " + long + "b; open tcp -n z\r")
	tm.prompt("sosh z> ")
	tm.typeKeys("show x\t")
	tm.wait("the common part", func(s screen) bool {
		return strings.HasSuffix(strings.Join(s.rows[:s.y+1], ""), "sosh z> show "+long)
	})
	tm.typeKeys("\t")
	tm.wait("the list", func(s screen) bool { return s.has("  xxx") && strings.HasSuffix(s.rows[s.y], "xx") })
	tm.typeKeys("b\t")
	tm.wait("the whole name", func(s screen) bool { return strings.HasSuffix(s.rows[s.y], "xxb") })
	tm.typeKeys("name\r")
	tm.wait("the field", func(s screen) bool { return s.edits("sosh z> ") })
}

func TestHistoryComesBack(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	tm := openTerminal(t, setup{home: home})
	tm.prompt("sosh> ")
	for _, line := range []string{"echo first", " echo secret", "echo second"} {
		tm.run(line, "sosh> ")
	}
	tm.typeKeys("half")
	tm.prompt("sosh> half")
	tm.typeKeys("\x1b[A")
	tm.prompt("sosh> echo second")
	tm.typeKeys("\x1bOA")
	tm.prompt("sosh> echo first")
	tm.typeKeys("\x1b[B")
	tm.prompt("sosh> echo second")
	tm.typeKeys("\x1b[B")
	tm.prompt("sosh> half")
	tm.leave()

	st, err := os.Stat(filepath.Join(home, "state", "sosh", "history"))
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st, err)
	}
	text, _ := os.ReadFile(filepath.Join(home, "state", "sosh", "history"))
	if strings.Contains(string(text), "secret") {
		t.Errorf("the history holds %q", text)
	}

	tm = openTerminal(t, setup{home: home})
	tm.prompt("sosh> ")
	tm.typeKeys("\x1b[A")
	tm.prompt("sosh> echo second")
	tm.typeKeys("\x1b[A\x1b[A\x1b[A")
	tm.prompt("sosh> echo first")
	tm.typeKeys("\r")
	tm.waitRow("first")
}

func TestHistoryOfTypedAheadLines(t *testing.T) {
	tm := newTerminal(t)
	tm.typeKeys("echo a\recho b\r\x1b[A\x1b[A")
	tm.prompt("sosh> echo a")
}

func TestSearchFindsWhatWasTyped(t *testing.T) {
	tm := newTerminal(t)
	for _, line := range []string{"echo apple pie", "echo banana", "echo apple tart"} {
		tm.run(line, "sosh> ")
	}
	tm.typeKeys("\x12pp")
	tm.waitScreen("i-search")
	tm.waitScreen(": echo apple tart")
	tm.typeKeys("\x12")
	tm.waitScreen(": echo apple pie")
	tm.typeKeys("\x1b[C\r")
	tm.wait("it again", func(s screen) bool { return strings.Count(s.raw, "\napple pie\r\n") == 2 })
	tm.prompt("sosh> ")
	tm.typeKeys("kept\x12banan")
	tm.waitScreen(": echo banana")
	tm.typeKeys("\x07")
	tm.prompt("sosh> kept")
	tm.typeKeys("\x15\x12zzz")
	tm.waitScreen("failed")
	tm.typeKeys("\x03")
	tm.prompt("sosh> ")
}

func TestSearchWhileDataArrives(t *testing.T) {
	tm := newTerminal(t)
	p := tm.connect("")
	tm.run("echo needle", "sosh c> ")
	tm.run("echo straw", "sosh c> ")
	for i := range 20 {
		tm.typeKeys("\x12")
		p.says(fmt.Sprintf("noise %d\n", i))
		tm.typeKeys("need")
		tm.waitScreen(": echo needle")
		tm.waitRow(fmt.Sprintf("c < noise %d", i))
		tm.typeKeys("\x07")
		tm.prompt("sosh c> ")
	}
}

func TestSeveralLinesComeBackAsOneInput(t *testing.T) {
	tm := newTerminal(t)
	tm.typeKeys("for i in 1 2\r")
	tm.prompt("  ... ")
	tm.typeKeys("do echo n$i\r")
	tm.prompt("  ... ")
	tm.typeKeys("done\r")
	tm.waitRow("n2")
	tm.prompt("sosh> ")
	tm.typeKeys("echo 'a\r")
	tm.prompt("  ... ")
	tm.typeKeys("b'\r")
	tm.waitRow("b")
	tm.prompt("sosh> ")
	tm.typeKeys("\x1b[A\x1b[A")
	tm.wait("the loop", func(s screen) bool { return strings.HasSuffix(s.rows[s.y], "done") })
	tm.typeKeys("; echo \"x$i\"\r")
	tm.waitRow("x2")
}

func TestEditingKeys(t *testing.T) {
	tm := newTerminal(t)
	for _, c := range []struct{ typed, want string }{
		{"echo c\x01echo b\x05d", "echo becho cd"},
		{"\x14echo on\x14e\x1b[D\x1b[De\x1b[3~", "echo nee"},
		{"one\x17echo two three\x17four", "echo two four"},
		{"xecho\x01\x1b[3~\x05 a b\x1bb\x1bb!", "echo !a b"},
		{"rubbish\x15echo k\x1b[H\x0b\x19", "echo k"},
		{"ech\x1b[1;5Dz\x1b[1~\x04\x05o w", "echo w"},
		{"zecho v\x02\x02\x02\x02\x02\x02\x17\x05", "echo v"},
		{"echo 日本語語\x02\x02\x7f本\x05\x7f", "echo 日本語"},
	} {
		tm.typeKeys(c.typed)
		tm.wait(c.want, func(s screen) bool { return s.rows[s.y] == "sosh> "+c.want })
		tm.typeKeys("\x15\x0b")
		tm.prompt("sosh> ")
	}
}

// The Delete key is Ctrl-D to some editors, and Ctrl-T on one letter a crash.
func TestKeysOnAnEmptyLineDoNothing(t *testing.T) {
	tm := newTerminal(t)
	tm.typeKeys("\x1b[3~\x14\x17\x19\x02\x06\x1b[D\x1b[C\x1bd\x1bf\x1bb\x7f\x0b\x15\x10\x0e\x1b[5~\x1b[15~\x1b[Z\x1bt\x07\x1a")
	tm.typeKeys("a\x14b\x14\x15echo alive\r")
	tm.waitRow("alive")
}

func TestKeysBetweenTwoLinesAreNotLost(t *testing.T) {
	tm := newTerminal(t)
	tm.typeKeys("x\x03y\x03'\r'\r\x03\x04")
	tm.ended(anyStatus)
}

func TestClearScreenKeepsTheLine(t *testing.T) {
	tm := newTerminal(t)
	tm.waitScreen("a shell for live sockets")
	tm.typeKeys("echo here\x0c")
	tm.wait("the line at the top of a clear screen", func(s screen) bool {
		return !s.has("a shell for live sockets") && s.y == 0 && s.edits("sosh> echo here")
	})
}
