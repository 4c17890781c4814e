package lang

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/core/table"
	"github.com/sosh-shell/sosh/shell/command"
)

// nobody provides no protocol: the language needs none.
type nobody struct{}

func (nobody) Protocol(name string) (socket.Complete, error) {
	return nil, socket.Faultf(socket.Usage, "no protocol is named %q", name)
}
func (nobody) Descriptions() []socket.Description { return nil }
func (nobody) Plugins() []socket.Plugin           { return nil }

func run(t *testing.T, code string) (status int, stdout, stderr string) {
	t.Helper()
	tab := table.New(nobody{})
	defer tab.Close()
	var out, errs bytes.Buffer
	sh, err := New(Config{Session: &command.Session{Table: tab}, Stdout: &out, Stderr: &errs, Name: "t"})
	if err != nil {
		t.Fatal(err)
	}
	status = sh.Script(context.Background(), strings.NewReader(code))
	return status, out.String(), errs.String()
}

func TestUnquotedEscapesAreRefusedBeforeAnythingRuns(t *testing.T) {
	for code, place := range map[string]string{
		`echo first; send c hi\r\n`:             "t:1:20: send: ",
		"f() {\n  expect c a\\x41\n}":           "t:2:12: expect: ",
		`x=$(recv c --until \n)`:                "t:1:20: recv: ",
		`if send c "a"b\0; then :; fi`:          "t:1:14: send: ",
		`send c 'fine\n'$x"fine\n"; send c \e;`: "t:1:35: send: ",
	} {
		status, stdout, stderr := run(t, code)
		if status != command.StatusUsage || stdout != "" || !strings.HasPrefix(stderr, place) || !strings.Contains(stderr, "quote it") {
			t.Errorf("%s: status %d, %q, %q", code, status, stdout, stderr)
		}
	}
	for _, code := range []string{`echo a\n`, `: 'send c \n'`, `send() { :; }; send c a\ b \$ \" \\ \; 'x\n'`} {
		if status, _, stderr := run(t, code); status != 0 {
			t.Errorf("%s: status %d, %q", code, status, stderr)
		}
	}
}

func TestOurCommandsWinOverBuiltinsOfTheSameName(t *testing.T) {
	for _, code := range []string{"bind", "command bind", "builtin bind"} {
		if status, _, stderr := run(t, code); status != command.StatusUsage || !strings.Contains(stderr, "bind: SOCK is missing") {
			t.Errorf("%s: status %d, %q", code, status, stderr)
		}
	}
	if status, stdout, _ := run(t, "bind() { echo mine; }; bind"); status != 0 || stdout != "mine\n" {
		t.Errorf("a function: status %d, %q", status, stdout)
	}
}

func TestErrorsBearTheirPlace(t *testing.T) {
	_, _, stderr := run(t, "set +e\nsend nobody x\nf() {\n\tsend nobody y\n}\nf")
	if !strings.Contains(stderr, "t:2:1: send: ") || !strings.Contains(stderr, "t:4:2: send: ") {
		t.Error(stderr)
	}
}

func TestSyntaxErrorsDoNothingAndBearTheirPlace(t *testing.T) {
	for _, code := range []string{"echo a; for", "echo a\n'unfinished", "echo a; )", "echo a; ${"} {
		if status, stdout, stderr := run(t, code); status != 2 || stdout != "" || !strings.HasPrefix(stderr, "t:") || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%q: status %d, %q, %q", code, status, stdout, stderr)
		}
	}
}

func TestNearest(t *testing.T) {
	words := []string{"open", "accept", "show"}
	for in, want := range map[string]string{"opne": "open", "acept": "accept", "shows": "show", "shiw": "show", "xyz": "", "op": "", "open": ""} {
		if got := nearest(in, words); got != want {
			t.Errorf("%s: %q, not %q", in, got, want)
		}
	}
}
