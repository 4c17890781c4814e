package lang

import (
	"strings"
	"testing"
)

// What is refused before anything runs would have failed in any case; whatever might
// do without the command, or come to have it, is not refused.
func TestOnlyWhatIsCertainToBeMissingIsRefused(t *testing.T) {
	for code, refused := range map[string]bool{
		"nosuch":                                    true,
		"echo a; nosuch; nosuch":                    true,
		"x=1 nosuch":                                true,
		"{ ( time nosuch ) | cat; }":                true,
		"f() { g; }; g() { echo a; nosuch; }; f":    true,
		"set -eu -o pipefail; nosuch":               true,
		"trap 'echo bye' EXIT; nosuch":              true,
		"grep -c x /dev/null || :; nosuch":          true,
		"if false; then echo a; fi; nosuch":         true,
		"echo 'a different nosuchlike'; nosuch":     true,
		"# nosuch\nnosuch":                          true,
		"f() { nosuch; }":                           false,
		"f() { :; }; f() { nosuch; }; f":            false,
		"f() { return; }; f; nosuch":                false,
		"false || exit 1; nosuch":                   false,
		"type nosuch || x=1; nosuch":                false,
		"x='is nosuch there?'; nosuch":              false,
		"[ -x /usr/bin/nosuch ] || x=1; nosuch":     false,
		"! nosuch":                                  false,
		"nosuch && :":                               false,
		"while nosuch; do :; done":                  false,
		"case x in y) nosuch ;; esac":               false,
		"x=$(nosuch)":                               false,
		"nosuch & wait":                             false,
		"set +e; nosuch":                            false,
		"set $x; nosuch":                            false,
		"$x; nosuch":                                false,
		"eval :; nosuch":                            false,
		". ./lib; nosuch":                           false,
		"PATH=/x:$PATH; nosuch":                     false,
		"read PATH < /dev/null; nosuch":             false,
		"export PATH; nosuch":                       false,
		"alias nosuch=ls; nosuch":                   false,
		"trap ': x' ERR; nosuch":                    false,
		"chmod +x x; nosuch":                        false,
		"./configure; nosuch":                       false,
		"command_not_found_handle() { :; }; nosuch": false,
		"./nosuch":                                  false,
		"command nosuch":                            false,
		"nosuch() { :; }; nosuch":                   false,
		"hash -r; nosuch":                           false,
	} {
		_, _, stderr := run(t, code)
		if got := strings.Contains(stderr, "nothing of the script was run"); got != refused {
			t.Errorf("%s: refused %v, %q", code, got, stderr)
		}
	}
}
