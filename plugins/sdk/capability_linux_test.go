package sdk

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// dropsEnv makes this test program a process that drops and tells what is left.
const dropsEnv = "SOSH_TEST_DROP"

// TestDroppingProcess is that process.
func TestDroppingProcess(t *testing.T) {
	if os.Getenv(dropsEnv) == "" {
		t.Skip("runs in a process of its own, started by the other tests")
	}
	hold := make(chan struct{})
	var ready sync.WaitGroup
	for range 4 { // threads that are there already, waiting in the kernel
		ready.Add(1)
		go func() {
			runtime.LockOSThread()
			ready.Done()
			<-hold
		}()
	}
	ready.Wait()
	var keep []string
	if k := os.Getenv(dropsEnv); k != "none" {
		keep = []string{k}
	}
	if err := dropCapabilities(keep); err != nil {
		t.Fatal(err)
	}
	tasks, err := filepath.Glob("/proc/self/task/*/status")
	if err != nil || len(tasks) < 4 {
		t.Fatal(tasks, err)
	}
	for _, task := range tasks {
		status, err := os.ReadFile(task)
		if err != nil {
			continue // a thread that has just ended
		}
		for line := range strings.Lines(string(status)) {
			if strings.HasPrefix(line, "Cap") {
				fmt.Print("is ", line)
			}
		}
	}
	close(hold)
}

// netRaw is CAP_NET_RAW's bit.
const netRaw = 1 << 13

// dropped runs the process and returns, for each set, whether any thread has
// CAP_NET_RAW in it.
func dropped(t *testing.T, program, keep string, attr *syscall.SysProcAttr) map[string]bool {
	t.Helper()
	c := exec.Command(program, "-test.run=^TestDroppingProcess$", "-test.count=1")
	c.Env = append(os.Environ(), dropsEnv+"="+keep)
	c.SysProcAttr = attr
	c.Dir = "/"
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	has := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		var set string
		var bits uint64
		if n, _ := fmt.Sscanf(line, "is %s %x", &set, &bits); n == 2 {
			has[set] = has[set] || bits&netRaw != 0
		}
	}
	if len(has) < 5 {
		t.Fatalf("it told %v:\n%s", has, out)
	}
	return has
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root, to give and take capabilities")
	}
}

func TestPluginDropsWhatItDoesNotKeepFromEveryThread(t *testing.T) {
	needRoot(t)
	for set, on := range dropped(t, os.Args[0], "none", nil) {
		if on {
			t.Errorf("CAP_NET_RAW is left in %s", set)
		}
	}
}

func TestPluginKeepsWhatItsDescriptionKeeps(t *testing.T) {
	needRoot(t)
	has := dropped(t, os.Args[0], "CAP_NET_RAW", nil)
	if !has["CapEff:"] || !has["CapPrm:"] || !has["CapBnd:"] {
		t.Errorf("CAP_NET_RAW is in %v", has)
	}
}

func TestPluginOfAnyUserDropsWhatItsFileGives(t *testing.T) {
	needRoot(t)
	program := withCapability(t)
	nobody := &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if has := dropped(t, program, "CAP_NET_RAW", nobody); !has["CapEff:"] || !has["CapPrm:"] {
		t.Fatalf("the file gives nothing: %v", has)
	}
	has := dropped(t, program, "none", nobody)
	if has["CapEff:"] || has["CapPrm:"] || has["CapInh:"] || has["CapAmb:"] {
		t.Errorf("CAP_NET_RAW is in %v", has)
	}
}

func TestPluginDropsWhatItInherited(t *testing.T) {
	needRoot(t)
	ambient := &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}, AmbientCaps: []uintptr{13}}
	program := copied(t)
	if has := dropped(t, program, "CAP_NET_RAW", ambient); !has["CapAmb:"] {
		t.Fatalf("nothing was inherited: %v", has)
	}
	has := dropped(t, program, "none", ambient)
	if has["CapEff:"] || has["CapPrm:"] || has["CapInh:"] || has["CapAmb:"] {
		t.Errorf("CAP_NET_RAW is in %v", has)
	}
}

// copied is this test program where everybody may run it.
func copied(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/var/tmp", "sosh-cap")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	from, err := os.Open(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	name := filepath.Join(dir, "program")
	to, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(to, from); err != nil {
		t.Fatal(err)
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	return name
}

// withCapability is a copy that gives CAP_NET_RAW to who runs it.
func withCapability(t *testing.T) string {
	t.Helper()
	setcap, err := exec.LookPath("setcap")
	if err != nil {
		t.Skip("setcap is not installed")
	}
	name := copied(t)
	if out, err := exec.Command(setcap, "cap_net_raw+ep", name).CombinedOutput(); err != nil {
		t.Skipf("this file system keeps no capabilities: %s", out)
	}
	return name
}
