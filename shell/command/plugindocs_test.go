package command

import (
	"strings"
	"testing"

	"github.com/sosh-shell/sosh/core/socket"
)

// What a plugin says of itself can neither be a request of roff nor reach a terminal.
func TestManPageTakesNothingForARequest(t *testing.T) {
	d := socket.Description{
		Name: "evil", Synopsis: ".so /etc/passwd\x1b]0;x\a", Version: `1" "2`, Kind: socket.Stream, Address: socket.PathForm,
		Options: []socket.Option{{Name: "o", Type: socket.StringOption, Help: "'br\n.sy rm \\n[x] \\*[y] \u202e\u009b", Default: ".x"}},
		Facts:   []socket.Fact{{Name: "f", Help: `\fBbold`}},
		Fields:  []socket.Field{{Name: "g", Type: socket.TextField, Help: ".de", Decoded: true}},
		Commands: []socket.Command{{Name: "c", Synopsis: ".c", Usage: []string{"c"}, Help: "one\n.two\n\n.three",
			Flags: []socket.Flag{{Name: "x", Short: "y", Type: socket.IntOption, Help: ".sy"}}, Examples: []socket.Example{{Does: ".d", Code: ".e\n'f"}}}},
	}
	known := []string{".TH ", ".SH ", ".SS ", ".B ", ".br", ".TP", ".PP", ".nf", ".fi", ".RS 4", ".RE"}
	for _, line := range strings.Split(strings.TrimSuffix(manPage(d), "\n"), "\n") {
		request := strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'")
		for _, k := range known {
			if line == k || strings.HasSuffix(k, " ") && strings.HasPrefix(line, k) {
				request = false
			}
		}
		if request {
			t.Errorf("%q", line)
		}
		for _, r := range line {
			if r < ' ' || r > 0x7e {
				t.Errorf("%q has %U", line, r)
			}
		}
		if i := strings.Index(line, `\`); i >= 0 && !strings.HasPrefix(line[i:], `\(`) && !strings.HasPrefix(line[i:], `\-`) &&
			!strings.HasPrefix(line[i:], `\&`) && !strings.HasPrefix(line[i:], `\[u`) {
			t.Errorf("%q escapes", line)
		}
	}
}
