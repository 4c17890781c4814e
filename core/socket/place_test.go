package socket

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestCommandsAreSplitAsShellsDo(t *testing.T) {
	for line, want := range map[string][]string{
		"": nil, "  ": nil, "ssh lab": {"ssh", "lab"}, "  a\t b ": {"a", "b"}, `a 'b c'd "e f"`: {"a", "b cd", "e f"},
		`a\ b \\ ''`: {"a b", `\`, ""}, `"a\"b\\c\d"`: {`a"b\c\d`}, `'a\'`: {`a\`}, "kubectl exec -i pod --": {"kubectl", "exec", "-i", "pod", "--"},
	} {
		if got, err := SplitCommand(line); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v", line, got, err)
		}
	}
	for _, line := range []string{`a 'b`, `a "b`, `a "b\"`, `a \`} {
		if got, err := SplitCommand(line); !errors.Is(err, Usage) {
			t.Errorf("%q: %q, %v", line, got, err)
		}
	}
}

func FuzzCommandsComeBack(f *testing.F) {
	for _, s := range []string{"ssh lab", `a "b c" 'd\' \e`, "''", "\xff'"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		words, err := SplitCommand(line)
		if err != nil {
			return
		}
		if back, err := SplitCommand(JoinCommand(words)); err != nil || !slices.Equal(back, words) {
			t.Fatalf("%q, joined as %q, came back as %q, %v", words, JoinCommand(words), back, err)
		}
	})
}

func TestPlacesAreNamedAndBounded(t *testing.T) {
	for _, name := range []string{"lab", "Lab-2.example_x", strings.Repeat("a", MaxPlaceName)} {
		if err := CheckPlace(name, []string{"ssh", "lab"}); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"", "1", ".a", "a@b", "a b", "a/b", "ä", strings.Repeat("a", MaxPlaceName+1)} {
		if err := CheckPlace(name, []string{"ssh"}); !errors.Is(err, Usage) {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, command := range [][]string{nil, {""}, {"a\nb"}, {"a", "\x00"}, make([]string, 300), {strings.Repeat("a", 5000)}} {
		if err := CheckPlace("a", command); !errors.Is(err, Usage) {
			t.Errorf("%d words: %v", len(command), err)
		}
	}
}
