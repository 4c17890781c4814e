package conform_test

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sosh-shell/sosh/plugins/sdk/conform"
)

// musts are the promises of the contract, as core/socket words them, and the checks
// that look at each. What has no MUST in it is meant as one all the same.
var musts = []struct {
	text   string
	checks []string
}{
	{"MUST return the same every time", []string{"Describe returns the same every time"}},
	{"Can reports whether the call is meant. It MUST return the same every time", []string{"Describe returns the same every time"}},
	{"MUST NOT block", []string{"Describe does not wait"}},
	{"MUST NOT make a system call", []string{"Describe makes no system call"}},
	{"The descriptor MUST be a socket of a described kind and of the asked-for family, close-on-exec and non-blocking",
		[]string{fit, "Open makes the asked-for family, and chooses IPv4 or the one that it has"}},
	{"the protocol MUST NOT keep a copy", []string{"Open and its refusals keep no descriptor", "Connections leave no descriptors behind", copies, left}},
	{"A name that the description lacks MUST be refused with [Usage]", []string{unknown, hostile}},
	{"MUST NOT use, copy or close FD after it has returned", []string{copies, asItWas, "No call leaves a copy of a connection behind"}},
	{"A malformed address MUST be [Usage]", []string{malformed, "Resolve refuses a malformed host as wrong usage", "Resolve refuses what is no path as wrong usage", anyWords}},
	{"a name without an address MUST be [Unresolved]", []string{"Resolve says that a name has no address", "Resolve says that a host has no address"}},
	{"Connect MUST NOT wait for the peer", []string{"Connect does not wait, or can be given up where it must"}},
	{"SO_ERROR, which Connect MUST NOT read", []string{soError, leavesError}},
	{"Accept MUST NOT wait: without a pending connection it returns an error that is syscall.EAGAIN", []string{noWait, takesAll}},
	{"Unknown names and malformed values MUST be [Usage]", []string{optionUnknown, hostile}},
	{"they MUST fit Max", []string{argued}},
	{"its error MUST end the run", []string{"A run ends with the error of who takes its rows"}},
	{"What is written to the descriptor MUST go out in order", []string{inOrder}},
	{"a half close of it MUST become the layer's own end (a close_notify) and, where the layer has none, a half close beneath", []string{halfClose}},
	{"what was written MUST be sent before the layer closes FD", []string{closeEnds}},
	{"a name that the description lacks MUST be refused with [Usage] before anything is sent", []string{refuses}},
	{"A field that the description lacks, and a value that it cannot take, MUST be [Usage]", []string{encodeField, encodeValue}},
	{"it MUST have the fields that could be read, and one named \"error\"", []string{decodeAny}},

	{"at most [MaxMark] bytes", []string{"A mark has at most 256 bytes"}},
	{"how it survives its own death", []string{"A socket outlives its plugin"}},
	{"may be called by several goroutines at once, also for one socket", []string{"Every call may be made at once, on one socket and on many", codecOnce, several}},
	{"No method may wait for a peer: the core waits", []string{"No call waits", "A cancelled call is answered at once"}},
	{"FamilyNone lets the protocol choose; one that has IPv4 chooses it", []string{"Open makes the asked-for family, and chooses IPv4 or the one that it has"}},
	{"Options are set on the new socket in this order", []string{"Open sets the options that it is given"}},
	{"at least one when the error is nil", []string{anyWords}},
	{"Without a host it is the loopback address, never all interfaces", []string{"Resolve of no host to bind to is the loopback"}},
	{"The new descriptor is as Open's", []string{"Accept makes a socket as Open does"}},
	{"Option sets in order, stops at the first failure, then reads get", []string{optionStops, optionSets, optionReads}},
	{"Info reads the named facts; no names means all", []string{infoAll}},
	{"implements [Wrapper], and its Open fails with [Unsupported]", []string{"It declares a layer, and opens no socket"}},
	{"An end beneath is an end above, and the carrier's End tells which", []string{resetUp, cutShort}},
	{"It may wait for the peer, to shake hands, as long as ctx allows", []string{givenUp}},
	{"It becomes the layer's own, also when Wrap fails", []string{"A wrap that is given up leaves nothing", left}},
	{"they come before what FD gives", []string{unread}},
	{"It returns the bytes that were read from beneath and are not the layer's own", []string{unwraps}},
	{"When Interrupt is closed the run SHOULD end soon", []string{"A run that is interrupted ends"}},
	{"An empty message is a message", []string{bounds, msgBounds}},
}

// contract is all that core/socket says, its white space made single spaces.
func contract(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob("../../../core/socket/*.go")
	if err != nil || len(files) < 8 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	var all strings.Builder
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range f.Comments {
			all.WriteString(strings.Join(strings.Fields(c.Text()), " ") + "\n")
		}
	}
	return all.String()
}

// Every MUST of the contract is looked at by a check.
func TestEveryMustHasItsCheck(t *testing.T) {
	text := contract(t)
	const about = "a MUST below" // speaks of them
	count := len(regexp.MustCompile(`\bMUST\b`).FindAllString(strings.ReplaceAll(text, about, ""), -1))
	known := conform.Promises()
	seen := 0
	for _, m := range musts {
		if n := strings.Count(text, m.text); n == 0 {
			t.Errorf("the contract does not say %q", m.text)
		}
		seen += strings.Count(m.text, "MUST")
		for _, c := range m.checks {
			if !slices.Contains(known, c) {
				t.Errorf("%q: no check is named %q", m.text, c)
			}
		}
		if len(m.checks) == 0 {
			t.Errorf("no check looks at %q", m.text)
		}
	}
	if seen != count {
		t.Errorf("the contract has %d MUSTs, and %d of them are known here", count, seen)
	}
}
