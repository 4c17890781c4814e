package main

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What the pages say is run. A page is read from top to bottom, as by one who does what
// it says in an empty folder:
//
//   - a block under a line that ends in "`NAME`:" is the file NAME;
//   - a block of sh is given to a shell, one of sosh to sosh;
//   - a block of console is a session: commands behind "$ " or, at sosh's own prompt,
//     "sosh> ", and what they print. "…" is anything within a line; alone in a line, any
//     lines. A command that fails must print FAIL, as sosh test does, or be followed by "$ echo $?";
//   - a block of yaml is a workflow of GitHub: its run steps are given to the shell;
//   - a block of text is a drawing, and nothing that could run.
//
// Anything else fails, so that no block is passed over.

// block is what stands between two fences of a page.
type block struct {
	page string
	line int    // of the opening fence, from 1
	lang string // what stands behind the fence
	file string // the name in the line before; empty when there is none
	text string
}

func (b *block) String() string { return fmt.Sprintf("%s:%d", b.page, b.line) }

// lines are those of the text, without their ends.
func (b *block) lines() []string { return strings.Split(strings.TrimSuffix(b.text, "\n"), "\n") }

// promptLine is one typed at sosh's prompt.
var promptLine = regexp.MustCompile(`^(sosh(?: \S+)?> )(.*)$`)

// prompt reports whether b is a session at sosh's prompt.
func (b *block) prompt() bool {
	lines := b.lines()
	if lines[0] == "$ sosh" && len(lines) > 1 {
		lines = lines[1:]
	}
	return b.lang == "console" && b.file == "" && slices.ContainsFunc(lines, promptLine.MatchString)
}

// otherTests are the blocks that other tests run, by page and what stands behind the fence.
var otherTests = map[string]*regexp.Regexp{
	"docs/commands.md": regexp.MustCompile(``),                // TestExamplesRun, TestDocsAreFresh
	"docs/wire.md":     regexp.MustCompile(`^(proto|text)$`),  // TestWirePageHasTheWholeContract
	sdkPage:            regexp.MustCompile(``),                // TestReferenceIsFresh
	"docs/language.md": regexp.MustCompile(`^sh (same|gap )`), // TestThePageSaysWhatBashDoes, TestGapsAreErrorsThatSaySo
}

var fileLine = regexp.MustCompile("`([A-Za-z0-9_./-]+)`:$")

// readPage gives a page's blocks that are run here.
func readPage(page string) ([]block, error) {
	text, err := os.ReadFile(page)
	if err != nil {
		return nil, err
	}
	var all []block
	var open *block
	before := ""
	for i, line := range strings.Split(string(text), "\n") {
		fence := strings.HasPrefix(line, "```")
		switch {
		case open == nil && fence:
			open = &block{page: page, line: i + 1, lang: strings.TrimPrefix(line, "```")}
			if m := fileLine.FindStringSubmatch(before); m != nil {
				open.file = m[1]
			}
			before = ""
		case fence:
			if rule := otherTests[page]; rule == nil || !rule.MatchString(open.lang) {
				all = append(all, *open)
			}
			open = nil
		case open != nil:
			open.text += line + "\n"
		case strings.Contains(line, "```") || strings.HasPrefix(line, "~~~") || strings.HasPrefix(line, "    "):
			return nil, fmt.Errorf("%s:%d: a block that does not begin with a fence", page, i+1)
		case line != "":
			before = line
		}
	}
	if open != nil {
		return nil, fmt.Errorf("%v: the block has no end", open)
	}
	return all, nil
}

// pages are README.md and all of docs.
func pages(t *testing.T) []string {
	t.Helper()
	list := []string{"README.md"}
	for _, glob := range []string{"docs/*.md", "docs/*/*.md"} {
		found, err := filepath.Glob(glob)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, found...)
	}
	return list
}

// unused gives the files of a page that no other block speaks of, by their names or their folders.
func unused(all []block) (names []string) {
	for i, b := range all {
		if b.file == "" {
			continue
		}
		used := slices.ContainsFunc(slices.Concat(all[:i:i], all[i+1:]), func(o block) bool {
			if strings.Contains(o.text, path.Base(b.file)) {
				return true
			}
			dir := path.Dir(b.file)
			return o.lang == "console" && dir != "." && regexp.MustCompile(`(?m)^\$ .*\b`+regexp.QuoteMeta(dir)+`/( |$)`).MatchString(o.text)
		})
		if !used {
			names = append(names, b.file)
		}
	}
	return names
}

// steps gives the commands of a workflow's run steps. It reads as much of YAML as a
// workflow of the pages needs: maps and lists by indentation, values in one line.
func steps(b *block) (run []string, err error) {
	item := regexp.MustCompile(`^( *)(- )?([a-z-]+):(?: (.*))?$`)
	uses := regexp.MustCompile(`^[a-z-]+/[a-z-]+@v[0-9]+$`)
	depth := 0
	for i, line := range b.lines() {
		m := item.FindStringSubmatch(line)
		if m == nil {
			return nil, fmt.Errorf("%s:%d: not a key and its value: %q", b.page, b.line+1+i, line)
		}
		key, value := m[3], m[4]
		switch indent := len(m[1]); {
		case indent%2 != 0 || indent > depth:
			return nil, fmt.Errorf("%s:%d: indented by %d", b.page, b.line+1+i, indent)
		case value == "" || m[2] != "":
			depth = indent + 2 // of what the key holds, or of the item's other keys
			if value == "" && m[2] != "" {
				depth += 2
			}
		default:
			depth = indent
		}
		switch {
		case key == "run":
			run = append(run, value)
		case key == "uses" && !uses.MatchString(value):
			return nil, fmt.Errorf("%s:%d: uses: %q names no action and its version", b.page, b.line+1+i, value)
		}
	}
	if len(run) == 0 {
		return nil, fmt.Errorf("%v: a workflow that runs nothing", b)
	}
	return run, nil
}

// goCommand checks a call of go, which would take too long or would be this test again:
// what it names must be there.
func goCommand(line string) error {
	words := strings.Fields(strings.ReplaceAll(line, "'", ""))
	switch line {
	case "go run .", "go test ./...": // builtProgram, and this test
		return nil
	case "go install " + module + "@latest":
		return nil
	}
	if len(words) < 3 || words[1] != "test" {
		return fmt.Errorf("%q: not known how to check it", line)
	}
	var bench string
	var folders []string
	for i := 2; i < len(words); i++ {
		switch words[i] {
		case "-bench":
			i++
			bench = words[i]
		case "-run", "-benchtime":
			i++
		default:
			folders = append(folders, words[i])
		}
	}
	for _, one := range strings.Split(bench, "|") {
		re, err := regexp.Compile(one)
		if err != nil {
			return fmt.Errorf("%q: %w", line, err)
		}
		for _, f := range folders {
			if !slices.ContainsFunc(benchmarks(f), re.MatchString) {
				return fmt.Errorf("%q: no benchmark in %s is named %s", line, f, one)
			}
		}
	}
	return nil
}

var benchmark = regexp.MustCompile(`(?m)^func (Benchmark\w+)`)

// benchmarks are the names of a folder's.
func benchmarks(folder string) (names []string) {
	files, _ := filepath.Glob(filepath.Join(folder, "*_test.go"))
	for _, f := range files {
		text, _ := os.ReadFile(f)
		for _, m := range benchmark.FindAllSubmatch(text, -1) {
			names = append(names, string(m[1]))
		}
	}
	return names
}
