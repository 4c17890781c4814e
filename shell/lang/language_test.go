package lang

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// snippet is a block of the language page.
type snippet struct {
	names string // what a gap's error must name
	code  string
	line  int
}

// snippets are the blocks of docs/language.md that begin with the given mark.
func snippets(t *testing.T, mark string) (list []snippet) {
	t.Helper()
	page, err := os.ReadFile("../../docs/language.md")
	if err != nil {
		t.Fatal(err)
	}
	var open *snippet
	for i, line := range strings.SplitAfter(string(page), "\n") {
		rest, begins := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "```sh "+mark)
		switch {
		case begins:
			list = append(list, snippet{strings.TrimSpace(rest), "", i + 2})
			open = &list[len(list)-1]
		case strings.HasPrefix(line, "```"):
			open = nil
		case open != nil:
			open.code += line
		}
	}
	if len(list) == 0 {
		t.Fatalf("no blocks %q", mark)
	}
	return list
}

// runThere runs code as a script named name, in a directory.
func runThere(t *testing.T, dir, code string) (status int, stdout, stderr string) {
	t.Helper()
	t.Chdir(dir)
	return runWith(t, code, func(c *Config) { c.Name = "name" })
}

// TestThePageSaysWhatBashDoes runs the page's snippets through bash and sosh.
func TestThePageSaysWhatBashDoes(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("bash is not installed")
	}
	for _, s := range snippets(t, "same") {
		t.Run(strings.Join(strings.Fields(s.code), " "), func(t *testing.T) {
			cmd := exec.Command(bash, "-e", "-o", "pipefail", "-c", s.code, "name")
			cmd.Dir = t.TempDir()
			want, err := cmd.Output()
			wantStatus := 0
			var exit *exec.ExitError
			if errors.As(err, &exit) {
				wantStatus = exit.ExitCode()
			} else if err != nil {
				t.Fatal(err)
			}
			status, got, stderr := runThere(t, t.TempDir(), s.code)
			if status != wantStatus || got != string(want) {
				t.Errorf("line %d: status %d and %q, not %d and %q\nstderr: %s", s.line, status, got, wantStatus, want, stderr)
			}
		})
	}
}

// TestGapsAreErrorsThatSaySo runs what the page says is missing.
func TestGapsAreErrorsThatSaySo(t *testing.T) {
	for _, s := range snippets(t, "gap") {
		t.Run(s.names, func(t *testing.T) {
			status, _, stderr := runThere(t, t.TempDir(), s.code)
			if status == 0 || !strings.Contains(stderr, s.names) || !strings.HasPrefix(stderr, "name:") {
				t.Errorf("line %d: status %d, %q", s.line, status, stderr)
			}
		})
	}
}
