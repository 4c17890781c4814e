//go:build linux

package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// deadlineCase is a script that would wait for ever; $D is a directory of its own.
type deadlineCase struct {
	name, code string
	own        bool // it has namespaces of its own
	deaf       bool // nobody reads what it prints
}

// nameServer makes the script, in namespaces of its own, the name server that does not
// answer.
const nameServer = `ip link set lo up; echo nameserver 127.0.0.1 > $D/resolv.conf; mount --bind $D/resolv.conf /etc/resolv.conf
open udp --listen 127.0.0.1:53 -n silent; `

var deadlineCases = []deadlineCase{
	{name: "a silent peer", code: `open tcp --listen :0 -n s; open tcp :$(show s local.port) -n c; recv c --timeout none`},
	{name: "an expect", code: `open tcp --listen :0 -n s; open tcp :$(show s local.port) -n c; expect c never --timeout none`},
	{name: "an expect of several", code: `open tcp --listen :0 -n s; open tcp :$(show s local.port) -n c; expect --any c never c no --settle 1h --timeout none`},
	{name: "an expression without end", code: `open udp --listen :0 -n u; open udp $(show u local) -n v; send v 1; expect u --where 'last(range(1; infinite))' --timeout none`},
	{name: "a name server that does not answer", code: nameServer + `open tcp nobody.test:80 --timeout none`, own: true},
	{name: "a client that never comes", code: `open tcp --listen :0 -n s; accept s --timeout none`},
	{name: "a server", code: `f() { recv $1; }; open tcp --listen :0 -n s; accept s --each f`},
	{name: "a peer that reads nothing", code: `open tcp --listen :0 -n s; open tcp :$(show s local.port) -n c; send -f /dev/zero c --timeout none || send --timeout none -f /dev/zero c`},
	{name: "a stopped plugin", code: `open tcp -n c; pid=$(show plugins --json | grep '"tcp"' | sed 's/.*"pid":\([0-9]*\).*/\1/'); kill -STOP $pid; until grep -q '^State:.T' /proc/$pid/status; do :; done; open tcp -n d`},
	{name: "a job", code: `{ while :; do :; done; } & wait`},
	{name: "a job that receives", code: `open udp --listen :0 -n u; { recv u --timeout none; } & wait $!`},
	{name: "a program", code: `sleep 100 & wait $!`},
	{name: "a program that ignores SIGINT", code: `sh -c 'trap "" INT; exec sleep 60'`},
	{name: "a program without end", code: `sh -c 'trap "" INT TERM; while :; do sleep 100; done'`},
	{name: "a program's program", code: `x=$(setsid sh -c 'trap "" INT TERM; sleep 10')`},
	{name: "a pipe that nobody writes", code: `mkfifo $D/fifo; cat < $D/fifo`},
	{name: "a pipe that nobody reads", code: `mkfifo $D/fifo; echo x > $D/fifo`},
	{name: "output that nobody takes", code: `while :; do echo y; done`, deaf: true},
	{name: "a program's output that nobody takes", code: `cat /dev/zero`, deaf: true},
	{name: "errors that nobody takes", code: `set +e; while :; do send nobody hi; done`, deaf: true},
	{name: "a loop", code: `while :; do :; done`},
	{name: "a part of a pipe", code: `while :; do :; done | sleep 100`},
}

// lateness is how much later than its deadline a run may end; deferred commands have
// time of their own, which that of this test does not need.
const lateness = 250 * time.Millisecond

// TestNoScriptOutlivesItsDeadline: whatever a script waits for, the deadline ends it,
// and its deferred command runs. The time is the best of a few runs: what a busy
// machine adds is not the script's.
func TestNoScriptOutlivesItsDeadline(t *testing.T) {
	sosh := builtProgram(t)
	for _, c := range deadlineCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			best := time.Hour
			for try := 0; try < 5 && best > lateness; try++ {
				best = min(best, overrun(t, sosh, c))
			}
			t.Logf("%v after the deadline", best)
			if best > lateness {
				t.Errorf("it went on for %v after its deadline", best)
			}
		})
	}
}

// overrun runs a script with a deadline and returns how much longer it took, its start
// included.
func overrun(t *testing.T, sosh string, c deadlineCase) time.Duration {
	const deadline = 500 * time.Millisecond
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	argv := []string{sosh, "--deadline", deadline.String(), "-c", "defer touch " + dir + "/cleaned\n" + strings.ReplaceAll(c.code, "$D", dir)}
	if c.own {
		argv = append([]string{"unshare", "--mount", "--net"}, argv...)
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	stderr, err := os.Create(filepath.Join(dir, "stderr")) // a pipe would be waited for
	if err != nil {
		t.Fatal(err)
	}
	defer stderr.Close()
	cmd.Stderr = stderr
	if c.deaf {
		cmd.Stderr = nil
		for _, pipe := range []func() (io.ReadCloser, error){cmd.StdoutPipe, cmd.StderrPipe} {
			if _, err := pipe(); err != nil {
				t.Fatal(err)
			}
		}
	}
	begin := time.Now()
	err = cmd.Run()
	took := time.Since(begin)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 3 {
		told, _ := os.ReadFile(stderr.Name())
		t.Errorf("%v, not status 3\n%s", err, told)
	}
	if _, err := os.Stat(filepath.Join(dir, "cleaned")); err != nil {
		t.Error("the deferred command did not run")
	}
	return took - deadline
}
