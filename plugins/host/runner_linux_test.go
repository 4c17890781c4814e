package host

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestLastWordsAreKeptOnABusyMachine: whoever reads them may get no processor for a while.
func TestLastWordsAreKeptOnABusyMachine(t *testing.T) {
	h := recorder(t)
	over, held := make(chan struct{}), false
	log := newRing("talks", func(string) {
		if !held {
			held = true
			<-over
			<-time.After(2 * wordsGrace) // as long as nobody waits for words that may never come
		}
	})
	prog := program{path: "/bin/sh", args: []string{"-c", `i=0; while [ $i -lt 600 ]; do i=$((i+1)); echo "line $i ` + strings.Repeat(".", 80) + `" >&2; done`}}
	c := newChild(&h.starter, prog, &exec.Cmd{}, t.TempDir(), nil, log, over)
	must(t, c.Start(context.Background()))
	<-c.exited
	lines := log.lines()
	if len(lines) == 0 || !strings.HasPrefix(lines[len(lines)-1], "line 600 ") {
		t.Errorf("%d lines of 600", log.count())
	}
}
