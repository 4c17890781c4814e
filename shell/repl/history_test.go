package repl

import (
	"bufio"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestHistoryIsPrivateAndWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "history")
	a, err := openHistory(path)
	if err != nil {
		t.Fatal(err)
	}
	b, err := openHistory(path)
	if err != nil {
		t.Fatal(err)
	}
	a.add("open tcp :80")
	a.add(" secret")
	a.add("open tcp :80")
	a.add("for i in 1 2\ndo echo $i\ndone")
	a.add(`"quoted"`)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() { a.add(strings.Repeat("a", 3000)) })
		wg.Go(func() { b.add(strings.Repeat("b", 3000)) })
	}
	wg.Wait()
	st, err := os.Stat(path)
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", st.Mode(), err)
	}
	c, err := openHistory(path)
	if err != nil {
		t.Fatal(err)
	}
	got := c.all()
	want := []string{"open tcp :80", "for i in 1 2\ndo echo $i\ndone", `"quoted"`}
	if !slices.Equal(got[:3], want) {
		t.Errorf("%q", got[:3])
	}
	for _, line := range got[3:] {
		if line != strings.Repeat("a", 3000) && line != strings.Repeat("b", 3000) {
			t.Errorf("a torn line: %q", line)
		}
	}
}

func TestHistoryThatCannotBeKeptIsTold(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	h, err := openHistory(filepath.Join(file, "history"))
	if err == nil {
		t.Error("no error")
	}
	if h.add("x"); len(h.all()) != 1 {
		t.Error("it does not live in memory")
	}
}

func FuzzHistory(f *testing.F) {
	f.Add("open tcp\n\"a\\n\"\n", "x\ny")
	f.Fuzz(func(t *testing.T, file, input string) {
		for _, line := range readHistory(bufio.NewReader(strings.NewReader(file))) {
			if strings.HasPrefix(line, "\x00") && line == "" {
				t.Error("empty")
			}
		}
		line := string(encodeInput(input))
		if strings.ContainsAny(line, "\n") {
			t.Errorf("%q is %q", input, line)
		}
		if strings.ToValidUTF8(input, "") == input && decodeInput(line) != input {
			t.Errorf("%q came back as %q", input, decodeInput(line))
		}
	})
}
