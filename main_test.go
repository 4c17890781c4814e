package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/host"
	"github.com/sosh-shell/sosh/plugins/sdk"
	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
	"github.com/sosh-shell/sosh/shell/command"
)

// TestMain makes the test binary the program: the shell under the name sosh,
// and its plugins, which are the program started again.
func TestMain(m *testing.M) {
	if len(os.Args) > 3 && os.Args[1] == "plugin" && os.Args[2] == "serve" || len(os.Args) == 2 && os.Args[1] == "--version" {
		main()
		return
	}
	if os.Getenv(echoVariable) != "" {
		serveEcho()
		return
	}
	if mode := os.Getenv(tlsVariable); mode != "" {
		args := os.Args[1:]
		if args[0] != mode {
			args = append([]string{mode}, args...)
		}
		plainTLS(args)
		return
	}
	if os.Getenv(bulkVariable) != "" {
		bulk(os.Getenv(bulkVariable))
		return
	}
	testscript.Main(cleaning{m}, map[string]func(){"sosh": main})
}

// cleaning runs the tests and takes away what they built.
type cleaning struct{ m *testing.M }

func (c cleaning) Run() int {
	defer func() {
		for _, f := range atExit {
			f()
		}
	}()
	return c.m.Run()
}

// echoVariable makes the test binary an echo server, for benchmarks.
const echoVariable = "SOSH_TEST_ECHO"

func serveEcho() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		os.Exit(1)
	}
	os.Stdout.WriteString(l.Addr().String() + "\n")
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			io.Copy(c, c)
		}()
	}
}

// TestSessions runs what people type, and checks what they see.
func TestSessions(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status":  exitStatus,
			"nginx":   startNginx,
			"serve":   startServer,
			"certify": makeCertificate,
			"mkconf":  makeProxyConfig,
		},
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("XDG_DATA_HOME", env.WorkDir+"/data")
			env.Setenv("XDG_CONFIG_HOME", env.WorkDir+"/config")
			env.Setenv("XDG_STATE_HOME", env.WorkDir+"/state")
			env.Setenv("TMPDIR", os.TempDir())
			port, release, err := plugintest.ReservePort()
			if err != nil {
				return err
			}
			env.Defer(release)
			env.Setenv("FREE", strconv.Itoa(port))
			return nil
		},
	})
}

// exitStatus runs a command that must end with the given status: status 3 sosh ...
func exitStatus(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 || neg {
		ts.Fatalf("usage: status N COMMAND [ARG...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("status %d, not %d", got, want)
	}
}

// TestExamplesRun runs every example of help and docs.
func TestExamplesRun(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.Symlink(self, bin+"/sosh"); err != nil {
		t.Fatal(err)
	}
	h, err := host.New(host.Config{Bundled: bundled})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	for _, c := range command.All().With(h).Commands() {
		for _, e := range c.Examples {
			t.Run(c.Name+"/"+e.Does, func(t *testing.T) {
				t.Parallel()
				cmd := exec.Command(bin+"/sosh", "-c", e.Code)
				cmd.Env = append(os.Environ(), "XDG_CONFIG_HOME="+t.TempDir())
				var stderr strings.Builder
				cmd.Stderr = &stderr
				out, err := cmd.Output()
				if err != nil {
					t.Fatalf("%v\n%s", err, &stderr)
				}
				if e.Output != "" && !matches(e.Output, string(out)) {
					t.Errorf("printed:\n%s\nnot:\n%s\nstderr: %s", out, e.Output, &stderr)
				}
			})
		}
	}
}

func TestBundledDescriptionsAreWhole(t *testing.T) {
	for name, construct := range bundled {
		if err := sdk.CheckDescription(socket.Describe(construct())); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// matches compares with a text in which "..." stands for anything in a line.
func matches(want, got string) bool {
	re := strings.ReplaceAll(regexp.QuoteMeta(want), `\.\.\.`, `[^\n]*`)
	return regexp.MustCompile(`^` + re + `$`).MatchString(got)
}

// builtProgram is sosh as users have it, built once: the test binary starts more
// slowly, and one built with -race takes more memory.
func builtProgram(tb testing.TB) string {
	tb.Helper()
	path, err := build()
	if err != nil {
		tb.Fatal(err)
	}
	return path
}

var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "sosh-test-")
	if err != nil {
		return "", err
	}
	atExit = append(atExit, func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "sosh")
	out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return path, nil
})

var atExit []func()
