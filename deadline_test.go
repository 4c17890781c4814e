//go:build linux

package main

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestNoScriptOutlivesItsDeadline: whatever a script waits for, the deadline ends
// it, and its deferred command runs.
func TestNoScriptOutlivesItsDeadline(t *testing.T) {
	sosh := builtProgram(t)
	for name, code := range map[string]string{
		"a silent peer":             `open tcp --listen :0 -n s; open tcp :$(show s local.port) -n c; recv c --timeout none`,
		"a client that never comes": `open tcp --listen :0 -n s; accept s --timeout none`,
		"a server":                  `f() { recv $1; }; open tcp --listen :0 -n s; accept s --each f`,
		"a peer that reads nothing": `open tcp --listen :0 -n s; open tcp :$(show s local.port) -n c; send -f /dev/zero c --timeout none || send --timeout none -f /dev/zero c`,
		"a stopped plugin":          `open tcp -n c; pid=$(show plugins --json | grep '"tcp"' | sed 's/.*"pid":\([0-9]*\).*/\1/'); kill -STOP $pid; until grep -q '^State:.T' /proc/$pid/status; do :; done; open tcp -n d`,
		"a job":                     `{ while :; do :; done; } & wait`,
		"a program":                 `sleep 100 & wait $!`,
		"a program without end":     `sh -c 'trap "" INT TERM; while :; do sleep 100; done'`,
		"a program's program":       `x=$(setsid sh -c 'trap "" INT TERM; sleep 10')`,
		"a pipe that nobody writes": `mkfifo $D/fifo; cat < $D/fifo`,
		"a pipe that nobody reads":  `mkfifo $D/fifo; echo x > $D/fifo`,
		"output that nobody takes":  `while :; do echo y; done`,
		"a loop":                    `while :; do :; done`,
		"a part of a pipe":          `while :; do :; done | sleep 100`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			begin := time.Now()
			cmd := exec.CommandContext(ctx, sosh, "--deadline", "500ms", "-c", "defer touch "+dir+"/cleaned\n"+strings.ReplaceAll(code, "$D", dir))
			if name == "output that nobody takes" {
				if _, err := cmd.StdoutPipe(); err != nil {
					t.Fatal(err)
				}
			}
			err := cmd.Run()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != 3 {
				t.Errorf("%v, not status 3", err)
			}
			if err := exec.Command("test", "-e", dir+"/cleaned").Run(); err != nil {
				t.Error("the deferred command did not run")
			}
			t.Logf("%v after the deadline", time.Since(begin)-500*time.Millisecond)
		})
	}
}
