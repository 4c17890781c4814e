package main

import (
	"os"
	"strings"
	"testing"

	"github.com/sosh-shell/sosh/plugins/unruly"
)

// TestNothingOfAPluginReachesTheTerminalUnescaped makes a plugin put what a terminal
// would obey into every string that it can say, and try the terminal itself. The
// terminal's own end checks all that was ever printed; here it is seen that each was
// printed at all, escaped, and that none stands where the user looks for sosh's words.
func TestNothingOfAPluginReachesTheTerminalUnescaped(t *testing.T) {
	t.Parallel()
	tm := openTerminal(t, setup{cols: 400, rows: 60, env: []string{unrulyVariable + "=1"}})
	tm.prompt("sosh> ")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, tm.home+"/sosh"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		typed, prompt string
	}{
		{"open unruly do=errors", "sosh> "},                    // operation, place, cause and hint
		{"open unruly-escapes", "sosh> "},                      // last words before the greeting
		{"open unruly escapes:9", "sosh> "},                    // an address
		{"open unruly later=escapes -n e", "sosh e> "},         // then:
		{"option e", "sosh e> "},                               // an option's value
		{"option e do=x", "sosh e> "},                          // its answer
		{"show e", "sosh e> "},                                 // facts and their names
		{"show e --json", "sosh e> "},                          //
		{"unruly-run escapes", "sosh e> "},                     // rows and notices
		{"unruly-run escapes --json", "sosh e> "},              //
		{"unruly-run errors", "sosh e> "},                      // a command's failure
		{"open tcp --listen 127.0.0.1:0 -n l", "sosh l> "},     // then:
		{"open tcp $(show l local) -n c", "sosh c> "},          //
		{"wrap c unruly-layer do=escapes", "sosh c> "},         // then:
		{"recv c --timeout 2s", "sosh c> "},                    // a layer's reason
		{"show plugins", "sosh c> "},                           //
		{"open unruly do=terminal -n t", "sosh t> "},           // the terminal itself
		{"./sosh -v -c 'open unruly do=terminal'", "sosh t> "}, // the log, shown
		{"./sosh -c 'open unruly do=errors' 2>&1", "sosh t> "}, //
		{"./sosh --json -c 'unruly-run escapes'", "sosh t> "},  //
		{"show e unruly.says", "sosh t> "},                     // a fact alone, as it is
		{"x=$(unruly-run escapes); echo \"$x\"", "sosh t> "},   // a variable
	} {
		tm.run(c.typed, c.prompt)
	}
	s := tm.screen()
	if n := strings.Count(s.raw, unruly.Forged); n < 15 {
		t.Errorf("it was printed %d times: nothing was tested", n)
	}
	for _, want := range []string{`\e]0;`, `\u202e`, `\u009b`, "terminal: opening /dev/tty: open /dev/tty: no such device or address",
		"terminal: typing into descriptor 0: inappropriate ioctl for device", "terminal: reading -1 keys: resource temporarily unavailable"} {
		if !strings.Contains(s.raw, want) {
			t.Errorf("%q was not printed", want)
		}
	}
	// A fact alone and a variable are data: they have as many lines as they have.
	shown, _, _ := strings.Cut(s.raw, "show e unruly.says")
	lines := strings.Split(shown, "\n")
	for i, line := range lines {
		if strings.HasPrefix(strings.TrimSpace(line), unruly.Forged) {
			t.Errorf("a line of sosh's begins with a plugin's words, after %q", lines[max(0, i-3):i])
		}
	}
}
