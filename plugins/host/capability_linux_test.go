package host_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/sosh-shell/sosh/plugins/host"
)

// dropsEnv says what this test program is: the "shell", which drops and starts the
// other, or the "plugin", which tells what it has.
const dropsEnv = "SOSH_TEST_DROP"

// TestShellDropping is that process.
func TestShellDropping(t *testing.T) {
	role := os.Getenv(dropsEnv)
	if role == "" {
		t.Skip("runs in a process of its own, started by the other tests")
	}
	if role == "shell" {
		if err := host.DropCapabilities(); err != nil {
			t.Fatal(err)
		}
	}
	tasks, err := filepath.Glob("/proc/self/task/*/status")
	if err != nil || len(tasks) == 0 {
		t.Fatal(err)
	}
	for _, task := range tasks {
		status, err := os.ReadFile(task)
		if err != nil {
			continue // a thread that has just ended
		}
		for line := range strings.Lines(string(status)) {
			if strings.HasPrefix(line, "Cap") {
				fmt.Print(role, " ", line)
			}
		}
	}
	if role == "plugin" {
		return
	}
	c := exec.Command("/proc/self/exe", os.Args[1:]...)
	c.Env = append(os.Environ(), dropsEnv+"=plugin")
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	os.Stdout.Write(out)
}

// rights runs the shell and its plugin and returns the sets in which CAP_NET_RAW is,
// in any thread: "shell CapEff", "plugin CapPrm".
func rights(t *testing.T, program string, attr *syscall.SysProcAttr) map[string]bool {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root, to give and take capabilities")
	}
	c := exec.Command(program, "-test.run=^TestShellDropping$", "-test.count=1")
	c.Env = append(os.Environ(), dropsEnv+"=shell")
	c.SysProcAttr, c.Dir = attr, "/"
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	has := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		var role, set string
		var bits uint64
		if n, _ := fmt.Sscanf(line, "%s %s %x", &role, &set, &bits); n == 3 && bits&(1<<13) != 0 {
			has[role+" "+strings.TrimSuffix(set, ":")] = true
		}
	}
	return has
}

// worldProgram is this test program where everybody may run it.
func worldProgram(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/var/tmp", "sosh-cap")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "program")
	data, err := os.ReadFile(os.Args[0])
	if err == nil {
		err = os.WriteFile(program, data, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	return program
}

func nobody() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
}

func TestRootsShellDropsWhatItsPluginGetsAgain(t *testing.T) {
	has := rights(t, os.Args[0], nil)
	if has["shell CapEff"] || has["shell CapPrm"] || has["shell CapAmb"] {
		t.Errorf("the shell kept CAP_NET_RAW: %v", has)
	}
	if !has["plugin CapEff"] || !has["plugin CapPrm"] {
		t.Errorf("the plugin did not get CAP_NET_RAW: %v", has)
	}
}

func TestShellDropsWhatItsFileGivesAndItsPluginGetsItAgain(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, to give and take capabilities")
	}
	setcap, err := exec.LookPath("setcap")
	if err != nil {
		t.Skip("setcap is not installed")
	}
	program := worldProgram(t)
	if out, err := exec.Command(setcap, "cap_net_raw+ep", program).CombinedOutput(); err != nil {
		t.Skipf("this file system keeps no capabilities: %s", out)
	}
	has := rights(t, program, nobody())
	if has["shell CapEff"] || has["shell CapPrm"] {
		t.Errorf("the shell kept CAP_NET_RAW: %v", has)
	}
	if !has["plugin CapEff"] || !has["plugin CapPrm"] {
		t.Errorf("the plugin did not get CAP_NET_RAW: %v", has)
	}
}

func TestShellPassesOnWhatItInherited(t *testing.T) {
	attr := nobody()
	attr.AmbientCaps = []uintptr{13}
	has := rights(t, worldProgram(t), attr)
	if has["shell CapEff"] {
		t.Errorf("the shell can use CAP_NET_RAW: %v", has)
	}
	if !has["plugin CapEff"] || !has["plugin CapAmb"] {
		t.Errorf("the plugin did not get CAP_NET_RAW: %v", has)
	}
}

func TestShellOfAnyUserHasNothingToDrop(t *testing.T) {
	has := rights(t, worldProgram(t), nobody())
	if has["shell CapEff"] || has["plugin CapEff"] {
		t.Errorf("CAP_NET_RAW from nowhere: %v", has)
	}
}
