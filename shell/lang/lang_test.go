package lang

import (
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"sync"
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
	return runWith(t, code, func(*Config) {})
}

func runWith(t *testing.T, code string, change func(*Config)) (status int, stdout, stderr string) {
	t.Helper()
	return runIn(t, context.Background(), code, change)
}

func runIn(t *testing.T, ctx context.Context, code string, change func(*Config)) (status int, stdout, stderr string) {
	t.Helper()
	tab := table.New(nobody{})
	defer tab.Close()
	var out, errs bytes.Buffer
	cfg := Config{Session: &command.Session{Table: tab}, Stdout: &out, Stderr: &errs, Name: "t"}
	change(&cfg)
	sh, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	status = sh.Script(ctx, strings.NewReader(code))
	return status, out.String(), errs.String()
}

// runUntil runs code that ends its first line with mark, and calls over then.
func runUntil(t *testing.T, ctx context.Context, code string, over func()) (status int, stdout, stderr string) {
	t.Helper()
	return runIn(t, ctx, strings.Replace(code, "mark\n", "echo mark >&2\n", 1), func(c *Config) {
		c.Stderr = &marked{w: c.Stderr, over: over}
	})
}

// marked calls over when the first is written to it.
type marked struct {
	w    io.Writer
	once sync.Once
	over func()
}

func (m *marked) Write(p []byte) (int, error) {
	m.once.Do(func() { go m.over() })
	return m.w.Write(p)
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

// A program may have the name that a call of ours has behind its prefix.
func TestOurCallsHideNoProgram(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	for name := range builtins {
		word := strings.TrimPrefix(name, ours)
		if better(word) {
			continue
		}
		if _, _, stderr := run(t, word); !strings.Contains(stderr, word+": command not found") {
			t.Errorf("%s: %q", word, stderr)
		}
		if err := os.WriteFile(dir+"/"+word, []byte("#!/bin/sh\necho the program $1\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		if _, stdout, stderr := run(t, "command "+word+" it; "+word+" it"); stdout != "the program it\nthe program it\n" {
			t.Errorf("%s: %q, %q", word, stdout, stderr)
		}
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
