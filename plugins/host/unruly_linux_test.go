package host_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/host"
	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
	"github.com/sosh-shell/sosh/plugins/tcp"
	"github.com/sosh-shell/sosh/plugins/unruly"
)

// outcome is what is to become of a misbehaviour.
type outcome struct {
	says  string // part of the error; "" for none
	ended bool   // the process is not to live on
}

// outcomes of those that an Open or a start shows. The rest have tests of their own.
var outcomes = map[string]map[string]outcome{
	unruly.Start: {
		"dies":      {"ended before it was ready: it exited with status 3", true},
		"killed":    {"ended before it was ready: it was ended by signal 9", true},
		"segfaults": {"ended before it was ready: it exited with status 2", true},
		"prints":    {"is no plugin", true},
		"hangs":     {"did not start within", true},
		"stops":     {"did not start within", true},
		"half":      {"did not start within", true},
		"endless":   {"is no plugin", true},
		"escapes":   {"no plugin", true},
		"elsewhere": {"is no plugin", true},
		"version":   {"speaks version 9 of the contract", true},
		"deaf":      {"did not start within", true},
		"closes":    {"", true}, // in the start, or in the first call
		"garbles":   {"", true},
		"babbles":   {"did not start within", true},
		"orphans":   {"ended before it was ready: it exited with status 3", true},
	},
	unruly.Name: {
		"die":                {"died in open, 3 times in a row", true},
		"exit":               {"died in open, 3 times in a row", true},
		"segfault":           {"died in open, 3 times in a row", true},
		"hang":               {"did not answer within 300ms and was ended", true},
		"sleep":              {"did not answer within 300ms and was ended", true},
		"panic":              {"panic: as you wish", false},
		"panic-beside":       {"died in open, 3 times in a row", true},
		"file":               {"gave a bad descriptor: no socket, and was ended", true},
		"pipe":               {"gave a bad descriptor: no socket, and was ended", true},
		"udp":                {"gave a bad descriptor: not a stream socket, and was ended", true},
		"family":             {"gave a bad descriptor: not of the family ip4, and was ended", true},
		"channel":            {"gave a bad descriptor: not a stream socket, and was ended", true},
		"mark":               {"gave a mark of 257 bytes; 256 are allowed", false},
		"garbage":            {"", true},
		"cut":                {"", true},
		"close-all":          {"died in open, 3 times in a row", true},
		"print":              {"", false},
		"babble":             {"", false},
		"slow":               {"", false},
		"errors":             {"", false},
		"error-of-megabytes": {"no no no", false},
		"fork":               {"", false},
		"daemon":             {"", false},
		"fork-storm":         {"died in open, 3 times in a row", true},
		"eat":                {"", false},
		"burn":               {"", false},
		"burn-1":             {"", false},
		"lifeline":           {"", false},
		"terminal":           {"", false},
	},
	unruly.WildName: {
		"die-first":    {"died in open, 3 times in a row", true},
		"die-given":    {"", true}, // the descriptor came: it needs no plugin
		"die-answered": {"", true},
		"give-none":    {"gave no descriptor, and was ended", true},
		"give-late":    {"gave no descriptor, and was ended", true},
		"give-other":   {"", true}, // told as no descriptor, or as a death
		"give-twice":   {"", true},
		"give-250":     {"", true},
		"give-empty":   {"", true},
		"give-mark":    {"", true},
		"give-kind":    {"", true},
		"give-lend":    {"", true},
		"give-flood":   {"", true},
		"parts":        {"more than 65536 parts in one message, and was ended", true},
		"megabytes":    {"larger than max", true},
		"half-message": {"did not answer within 300ms", true},
		"half-answer":  {"broke the contract: unexpected EOF, and was ended", true},
		"two-gib":      {"larger than max", true},
		"two-answers":  {"broke the contract", true},
		"no-answer":    {"broke the contract", true},
		"no-message":   {"broke the contract", true},
		"status":       {"broke the contract", false},
		"headers":      {"", true},
		"web":          {"broke the contract", false},
		"drop":         {"died in open, 3 times in a row", true},
		"pings":        {"did not answer within 300ms", true},
		"settings":     {"did not answer within 300ms", true},
		"garble":       {"died in open, 3 times in a row", true},
	},
}

// beside is a plugin in order, on the same host: what the other does must not touch it.
type beside struct {
	t    *testing.T
	p    socket.Complete
	a, b int
}

func newBeside(t *testing.T, h *host.Host) *beside {
	t.Helper()
	p, err := h.Protocol("tcp")
	must(t, err)
	l, addr := listen(t, p)
	a := dial(t, addr)
	readable(t, l.FD)
	k, err := p.Accept(t.Context(), lent(l))
	must(t, err)
	t.Cleanup(func() { unix.Close(k.FD) })
	return &beside{t: t, p: p, a: a, b: k.FD}
}

// unharmed checks that data and calls go on.
func (b *beside) unharmed() {
	b.t.Helper()
	talk(b.t, b.a, b.b)
	talk(b.t, b.b, b.a)
	if _, _, err := b.p.Option(b.t.Context(), socket.Lent{FD: b.b}, nil, []string{"nodelay"}); err != nil {
		b.t.Errorf("the plugin beside: %v", err)
	}
}

// heirs are the living processes that a plugin of this program left or is.
func heirs() (pids []int) {
	mark := fmt.Sprintf("/sosh-%d-%d-", os.Getuid(), os.Getpid())
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, f := range files {
		env, _ := os.ReadFile(f)
		pid, _ := strconv.Atoi(strings.Split(f, "/")[2])
		if strings.Contains(string(env), "PLUGIN_UNIX_SOCKET_DIR=") && strings.Contains(string(env), mark) && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}

// maxGrowth is how much memory a misbehaviour may cost its host, in bytes.
const maxGrowth = 64 << 20

// resident is how much memory this process has, or has had at most, in bytes.
func resident(t *testing.T, key string) int64 {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	must(t, err)
	_, rest, _ := strings.Cut(string(status), key+":")
	kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	must(t, err)
	return kb << 10
}

// costsLittle checks at the test's end that it left no process, no descriptor, and
// took no memory.
func costsLittle(t *testing.T) {
	t.Helper()
	leaksNothing(t)
	must(t, os.WriteFile("/proc/self/clear_refs", []byte("5"), 0)) // forget the peak
	before := resident(t, "VmRSS")
	t.Cleanup(func() {
		if grown := resident(t, "VmHWM") - before; grown > maxGrowth {
			t.Errorf("the host grew by %d MiB", grown>>20)
		}
		eventually(t, "none of its processes is left", func() bool { return len(heirs()) == 0 })
	})
}

// mixed is a host with the protocol and tcp beside it.
func mixed(t *testing.T, form host.Form, edit func(*host.Config), construct func() socket.Protocol) (*host.Host, socket.Complete, *beside) {
	t.Helper()
	costsLittle(t)
	h := plugintest.Host(t, form, func(c *host.Config) {
		c.Log = nil // it is much
		if edit != nil {
			edit(c)
		}
	}, construct, tcp.New)
	p, err := h.Protocol(construct().Describe().Name)
	must(t, err)
	return h, p, newBeside(t, h)
}

// presentable checks that an error is one line and fit for people.
func presentable(t *testing.T, err error) {
	t.Helper()
	var at *socket.Error
	switch {
	case !errors.Is(err, socket.Failed):
		t.Errorf("not the plugin's failure: %v", err)
	case len(err.Error()) > 2000:
		t.Errorf("an error of %d bytes", len(err.Error()))
	case errors.As(err, &at) && at.Op == "the "+unruly.WildName+" plugin" && strings.ContainsFunc(err.Error(), unicode.IsControl):
		t.Errorf("not one line: %q", err)
	}
}

func TestEveryMisbehaviourIsTested(t *testing.T) {
	n := 0
	for _, m := range unruly.All() {
		n++
		if m.Does == "" || strings.HasSuffix(m.Does, ".") {
			t.Errorf("%s: %q", m.Name, m.Does)
		}
		if table, ok := outcomes[m.Of]; ok && !elsewhere[m.Name] {
			if _, ok := table[m.Name]; !ok {
				t.Errorf("%s of %s (%s) has no outcome", m.Name, m.Of, m.Does)
			}
		}
	}
	if n < 25 {
		t.Errorf("only %d", n)
	}
	t.Logf("%d misbehaviours", n)
}

// elsewhere are those of unruly.Name that Open does not show.
var elsewhere = map[string]bool{"escapes": true, "huge": true, "undeclared": true, "many": true, "fewer": true, "addresses": true, "block": true,
	"keep": true, "steal": true, "run-endless": true, "run-flood": true, "run-dies": true, "run-escapes": true, "run-huge": true}

func TestNoMisbehaviourHarmsTheHost(t *testing.T) {
	for of, table := range outcomes {
		for name, want := range table {
			t.Run(of+"/"+name, func(t *testing.T) { misbehave(t, of, name, want) })
		}
	}
}

func misbehave(t *testing.T, of, name string, want outcome) {
	construct := unruly.New
	edit := func(c *host.Config) {
		// What is not to be ended for its time has the usual: the machine may be busy.
		if name == "daemon" || want.ended && (want.says == "" || strings.Contains(want.says, "did not answer")) {
			c.CallTimeout = 300 * time.Millisecond
		}
	}
	switch of {
	case unruly.Start:
		construct = unruly.Named(unruly.Name + "-" + name)
		edit = func(c *host.Config) {
			if strings.Contains(want.says, "did not start") {
				c.StartTimeout = 2 * time.Second // as much as tcp, beside it, may need
			}
		}
	case unruly.WildName:
		construct = unruly.Wild
	}
	h, p, beside := mixed(t, host.Descriptors, edit, construct)
	proto := construct().Describe().Name
	k, err := p.Open(t.Context(), socket.OpenRequest{Family: socket.FamilyIP4, Options: []socket.Setting{{Name: "do", Value: name}}})
	if err == nil {
		unix.Close(k.FD)
	}
	pid := stateOf(t, h, proto).PID
	beside.unharmed()
	switch {
	case want.says != "" && (err == nil || !strings.Contains(err.Error(), want.says)):
		t.Errorf("got %v", err)
	case err != nil:
		presentable(t, err)
		t.Logf("%v", err)
	}
	if name == "daemon" { // one that is ended by force leaves nothing, where one that ends in order may
		p.Open(t.Context(), socket.OpenRequest{Options: []socket.Setting{{Name: "do", Value: "hang"}}})
	}
	if want.ended && pid != 0 {
		eventually(t, "it is ended", func() bool { return stateOf(t, h, proto).PID != pid && gone(pid) })
	}
	if !want.ended && pid == 0 {
		t.Error("it was ended")
	}
	if of == unruly.Start {
		if s := stateOf(t, h, proto); s.State != "failed" || s.PID != 0 || s.Reason == "" {
			t.Errorf("state %+v", s)
		}
		return
	}
	again, err := p.Open(context.WithoutCancel(t.Context()), socket.OpenRequest{Family: socket.FamilyIP4})
	if err != nil {
		t.Fatalf("the next open: %v", err)
	}
	unix.Close(again.FD)
}
