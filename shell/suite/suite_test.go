package suite

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sosh-shell/sosh/core/socket"
)

// files makes empty files and returns their folder.
func files(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, n := range names {
		path := filepath.Join(dir, n)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// byName ends a run as the file's name says: pass, fail, skip.
func byName(_ context.Context, path string, out io.Writer) Outcome {
	fmt.Fprintln(out, "ran", filepath.Base(path), "\x1b[31m")
	switch {
	case strings.Contains(path, "fail"):
		return Outcome{Status: 3}
	case strings.Contains(path, "skip"):
		return Outcome{Skip: "not today"}
	}
	return Outcome{}
}

func TestFoldersAreSearchedAndFiltered(t *testing.T) {
	dir := files(t, "b.sosh", "a.sosh", "deep/c.sosh", "no.txt")
	got, err := Find([]string{dir}, nil)
	if err != nil || len(got) != 3 || !strings.HasSuffix(got[0], "a.sosh") || !strings.HasSuffix(got[2], "c.sosh") {
		t.Errorf("%v, %v", got, err)
	}
	if got, err = Find([]string{dir}, regexp.MustCompile("deep")); err != nil || len(got) != 1 {
		t.Errorf("%v, %v", got, err)
	}
	for _, paths := range [][]string{{dir + "/none"}, {t.TempDir()}} {
		if _, err := Find(paths, nil); !errors.Is(err, socket.Usage) {
			t.Errorf("%v: %v", paths, err)
		}
	}
	if _, err := Find([]string{dir}, regexp.MustCompile("nothing")); !errors.Is(err, socket.Usage) {
		t.Errorf("filter: %v", err)
	}
}

func TestReportsTellTheSame(t *testing.T) {
	dir := files(t, "1-pass.sosh", "2-fail.sosh", "3-skip.sosh")
	var people, tap, js bytes.Buffer
	junit := filepath.Join(t.TempDir(), "out.xml")
	sums, err := Execute(t.Context(), Config{Paths: []string{dir}, Run: byName,
		Report: []Reporter{&People{W: &people}, TAP{W: &tap}, JSON{W: &js}, JUnit{Path: junit}}})
	if err != nil || sums.Passed != 1 || sums.Failed != 1 || sums.Skipped != 1 {
		t.Fatalf("%+v, %v", sums, err)
	}
	for _, want := range []string{"ok   ", "FAIL ", "status 3)\n    ran 2-fail.sosh", "skip ", "1 passed, 1 failed, 1 skipped"} {
		if !strings.Contains(people.String(), want) {
			t.Errorf("people are not told %q:\n%s", want, &people)
		}
	}
	for _, want := range []string{"TAP version 14\n1..3\n", "ok 1 - ", "not ok 2 - ", "ok 3 - ", "# SKIP not today"} {
		if !strings.Contains(tap.String(), want) {
			t.Errorf("TAP lacks %q:\n%s", want, &tap)
		}
	}
	for _, b := range []*bytes.Buffer{&people, &tap, &js} {
		if strings.Contains(b.String(), "\x1b") {
			t.Errorf("an escape came through: %q", b)
		}
	}
	dec := json.NewDecoder(&js)
	var outcomes []string
	for dec.More() {
		var o struct{ Outcome string }
		if err := dec.Decode(&o); err != nil {
			t.Fatal(err)
		}
		outcomes = append(outcomes, o.Outcome)
	}
	if got := strings.Join(outcomes, " "); got != "passed failed skipped " {
		t.Errorf("JSON: %q", got)
	}
	text, err := os.ReadFile(junit)
	if err != nil {
		t.Fatal(err)
	}
	var doc junitSuites
	if err := xml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	if s := doc.Suite; s.Tests != 3 || s.Failures != 1 || s.Skipped != 1 || s.Cases[1].Failure == nil || s.Cases[2].Skipped == nil {
		t.Errorf("%+v", s)
	}
}

func TestAsManyRunAtOnceAsAllowed(t *testing.T) {
	dir := files(t, "a.sosh", "b.sosh", "c.sosh", "d.sosh")
	var now, most atomic.Int32
	both := make(chan struct{}, 4)
	_, err := Execute(t.Context(), Config{Paths: []string{dir}, Jobs: 2, Run: func(ctx context.Context, _ string, _ io.Writer) Outcome {
		n := now.Add(1)
		defer now.Add(-1)
		if n > most.Load() {
			most.Store(n)
		}
		both <- struct{}{}
		if n == 1 && len(both) < 2 { // wait for the other
			for len(both) < 2 && ctx.Err() == nil {
			}
		}
		return Outcome{}
	}})
	if err != nil || most.Load() != 2 {
		t.Errorf("%d at once, %v", most.Load(), err)
	}
}

func TestRetryAndRepeatAreCounted(t *testing.T) {
	dir := files(t, "a.sosh")
	var mu sync.Mutex
	runs := 0
	sums, err := Execute(t.Context(), Config{Paths: []string{dir}, Repeat: 3, Retry: 1, Run: func(context.Context, string, io.Writer) Outcome {
		mu.Lock()
		defer mu.Unlock()
		if runs++; runs%2 == 1 {
			return Outcome{Status: 1}
		}
		return Outcome{}
	}})
	if err != nil || runs != 6 || sums.Passed != 3 || sums.Flaky != 3 || sums.Results[2].Attempts != 2 {
		t.Errorf("%d runs, %+v, %v", runs, sums, err)
	}
}

func TestDeadlineAndInterruptEndATest(t *testing.T) {
	dir := files(t, "a.sosh", "b.sosh")
	wait := func(ctx context.Context, _ string, _ io.Writer) Outcome {
		<-ctx.Done()
		if errors.Is(context.Cause(ctx), socket.Timeout) {
			return Outcome{Status: 3}
		}
		return Outcome{Status: 130}
	}
	sums, err := Execute(t.Context(), Config{Paths: []string{dir}, Deadline: time.Millisecond, Run: wait})
	if err != nil || sums.Failed != 2 || sums.Results[0].Status != 3 {
		t.Errorf("%+v, %v", sums, err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(socket.Interrupted)
	if _, err := Execute(ctx, Config{Paths: []string{dir}, Run: wait}); !errors.Is(err, socket.Interrupted) {
		t.Errorf("got %v", err)
	}
}

func TestOutputIsBounded(t *testing.T) {
	dir := files(t, "fail.sosh")
	sums, err := Execute(t.Context(), Config{Paths: []string{dir}, Run: func(_ context.Context, _ string, out io.Writer) Outcome {
		for range 100 {
			out.Write(bytes.Repeat([]byte("x"), 32<<10))
		}
		io.WriteString(out, "the end")
		return Outcome{Status: 1}
	}})
	if r := sums.Results[0]; err != nil || len(r.Output) > MaxOutput || !r.Cut || !strings.HasSuffix(r.Output, "the end") {
		t.Errorf("%d bytes, cut %v, %v", len(r.Output), r.Cut, err)
	}
}
