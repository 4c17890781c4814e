package host_test

import (
	"os/exec"
	"runtime"
	"syscall"
	"testing"

	"github.com/sosh-shell/sosh/plugins/unruly"
)

// busy keeps every processor busy with several others until the test's end.
func busy(t *testing.T) {
	t.Helper()
	for range 4 * runtime.NumCPU() {
		c := exec.Command("sh", "-c", "while :; do :; done")
		c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		must(t, c.Start())
		t.Cleanup(func() { c.Process.Kill(); c.Wait() })
	}
}

// What goes on forking as it is killed, and is slow to start and to die.
func TestStormLeavesNothingOnABusyMachine(t *testing.T) {
	runtime.LockOSThread() // PDEATHSIG is of the thread
	h, p, _ := crashing(t, unruly.New, 0)
	busy(t)
	for range 3 {
		must(t, h.TryAgain(unruly.Name))
		if err := do(p, "fork-storm"); err == nil {
			t.Error("it lives")
		}
		eventually(t, "its last process is looked after", func() bool { return stateOf(t, h, unruly.Name).Processes == 0 })
		eventually(t, "nothing of it is left", func() bool { return len(heirs()) == 0 })
	}
}
