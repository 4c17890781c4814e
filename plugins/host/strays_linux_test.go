package host

import (
	"os/exec"
	"testing"
	"time"
)

// Processes that fork as they are killed, or are long in execve(2), are looked for as
// long as that, and once more.
func TestStraysAreLookedForUntilNoneIsLeft(t *testing.T) {
	const busy = strayTime / 2
	for name, look := range map[string]func() (any, unknown bool){
		"forking":   func() (any, unknown bool) { return true, false },
		"in execve": func() (any, unknown bool) { return false, true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			end, clear := time.Now().Add(busy), 0
			untilNone(func() (any, unknown bool) {
				if time.Now().Before(end) {
					return look()
				}
				if clear++; clear == 2 { // was forked as the one before looked
					return true, false
				}
				return false, false
			})
			if clear != 4 {
				t.Errorf("it was free in %d looks", clear)
			}
		})
	}
}

// One that goes on for ever costs the time that is allowed, and no more.
func TestLookingForStraysEnds(t *testing.T) {
	t.Parallel()
	looks := 0
	untilNone(func() (any, unknown bool) { looks++; return true, false })
	if most := int(strayTime/maxStrayPause) + 6; looks > most {
		t.Errorf("%d looks, not %d", looks, most)
	}
}

// A process that has no environment for good is no plugin's: nobody waits for it.
func TestProcessWithoutEnvironmentIsNoStray(t *testing.T) {
	c := exec.Command("sleep", "60")
	c.Env = []string{}
	must(t, c.Start())
	defer func() { c.Process.Kill(); c.Wait() }()
	has, unknown := hasEnvironment(c.Process.Pid, []byte("PLUGIN_UNIX_SOCKET_DIR=x\x00"))
	for end := time.Now().Add(10 * time.Second); unknown && time.Now().Before(end); { // its execve(2)
		has, unknown = hasEnvironment(c.Process.Pid, []byte("PLUGIN_UNIX_SOCKET_DIR=x\x00"))
	}
	if has || unknown {
		t.Errorf("%v, %v", has, unknown)
	}
}
