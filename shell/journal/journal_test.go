package journal

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/sosh-shell/sosh/core/table"
)

func TestLinesAreTakenApart(t *testing.T) {
	for line, want := range map[string][]string{
		"send c a":                              {"send c a"},
		"send c a; send c 'b;c' ; send c d":     {"send c a", "send c 'b;c'", "send c d"},
		"sleep 1 & send c x":                    {"sleep 1 &", "send c x"},
		"f() { send c a; send c b; }; f":        {"f() { send c a; send c b; }", "f"},
		"for i in 1 2; do\nsend c $i\ndone\nls": {"for i in 1 2; do\nsend c $i\ndone", "ls"},
		"cat <<X; echo b\na\nX":                 {"cat <<X; echo b\na\nX"},
		"if":                                    {"if"},
		"# a remark":                            {"# a remark"},
	} {
		var got []string
		for _, u := range Split(line) {
			got = append(got, u.Text())
		}
		if strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("%q: %q", line, got)
		}
	}
}

func TestPortsBecomeQuestionsWhereverTheyStand(t *testing.T) {
	for text, want := range map[string]string{
		"open tcp :38417 -n c":            "open tcp :X -n c",
		`send c "to 38417, please"`:       `send c "to X, please"`,
		"send c 'to 38417, please'":       `send c 'to '"X"', please'`,
		`send c $'to 38417\n'`:            `send c $'to '"X"$'\n'`,
		"open tcp :138417; send c 384170": "open tcp :138417; send c 384170",
		"p=38417; open udp :$p # 38417":   "p=X; open udp :$p # 38417",
		"cat <<'E'\n38417\nE":             "cat <<'E'\n38417\nE",
	} {
		w := readTyped(text)
		w.replacePort(38417, "X")
		if got := edited(text, w.edits); got != want {
			t.Errorf("%s became %s", text, got)
		}
	}
}

func TestReceivesAreToldApart(t *testing.T) {
	for text, want := range map[string]bool{
		"recv c": true, "recv . --timeout 1s": true, `recv "$s" --hex`: true, "command recv c": true,
		"recv c --bytes 4": false, "recv c --lines=2": false, "recv c --all": false, "recv c --until x": false,
		"recv c -v x": false, "recv c > f": false, "x=$(recv c)": false, "recv c &": false, "recv c type": false, "recv c | cat": false,
	} {
		if got := readTyped(text).receives(); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func TestCallsInLoopsAreNotNamed(t *testing.T) {
	for text, want := range map[string]bool{
		"open tcp :80": true, "s=$(open tcp :80)": true, "open tcp :80 && send tcp1 x": true,
		"for i in 1; do open tcp :80; done": false, "f() { open tcp :80; }": false, "open tcp :80 &": false,
	} {
		if got := readTyped(text).only("open") != nil; got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

// TestMemoryIsBounded floods a journal in every way that there is.
func TestMemoryIsBounded(t *testing.T) {
	j := New()
	var s table.Socket
	block := bytes.Repeat([]byte("0123456789abcdef"), 4<<10)
	for i := range 3 * maxEntries {
		j.Begin(Unit{Line: "true", To: 4}, true)
		if i%50 == 0 {
			for range 4 {
				j.Bytes(&s, block)
			}
		}
		j.Consumed(context.Background(), &s, 1)
	}
	held := 0
	for _, p := range j.streams[&s].pieces {
		held += cap(p.head) + cap(p.tail)
	}
	if held > 2*maxData || j.size > maxData+pieceCost+maxHead {
		t.Errorf("%d bytes are held, %d counted", held, j.size)
	}
	if len(j.entries) != maxEntries || j.dropped != 2*maxEntries || len(j.streams[&s].takes) > maxEntries {
		t.Errorf("%d entries, %d dropped, %d takes", len(j.entries), j.dropped, len(j.streams[&s].takes))
	}
	for range 2 * maxStreams {
		j.Bytes(&table.Socket{}, block[:1])
	}
	if len(j.order) > maxStreams || !j.strange {
		t.Errorf("%d sockets", len(j.order))
	}
	if text := j.Script(Options{}); !strings.Contains(text, "are not kept any more") || !strings.Contains(text, "more than 4096 sockets") {
		t.Errorf("the script does not say so:\n%s", text[:min(len(text), 500)])
	}
}

// FuzzTyped: whatever is typed, nothing breaks, and a line stays what it was where
// nothing has to change.
func FuzzTyped(f *testing.F) {
	for _, s := range []string{"open tcp :38417 -n c; accept srv", "cat <<X\n38417\nX", "f() { recv c; }; x=$(recv c)", "recv -- c", "\xff'"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		units := Split(line)
		for _, u := range units {
			w := readTyped(u.Text())
			w.receives()
			w.looksOnly()
			w.failsInside()
			if c := w.only("open", "accept", "recv"); c != nil {
				w.reads(c)
				w.add(c, "-n x")
			}
			w.replacePort(38417, "$(show srv local.port)")
			edited(w.text, w.edits)
			if edited(w.text, nil) != u.Text() {
				t.Errorf("%q changed", u.Text())
			}
		}
	})
}
