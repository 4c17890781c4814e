//go:build unix

package lang

import (
	"errors"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// signal is one that kill knows.
type signal struct {
	number int
	name   string // without SIG
	ends   bool   // whatever it is sent to, unless that says otherwise
}

// harmless are the signals that end nothing by themselves.
var harmless = map[string]bool{"0": true, "CHLD": true, "CONT": true, "STOP": true, "TSTP": true, "TTIN": true, "TTOU": true, "URG": true, "WINCH": true}

// signalByName finds a signal by its name or number; 0 is the question whether
// a process is there.
func signalByName(word string) (signal, bool) {
	if n, err := strconv.Atoi(word); err == nil {
		if n == 0 {
			return signal{name: "0"}, true
		}
		name := strings.TrimPrefix(unix.SignalName(syscall.Signal(n)), "SIG")
		return signal{n, name, !harmless[name]}, name != ""
	}
	n := unix.SignalNum("SIG" + word)
	return signal{int(n), word, !harmless[word]}, n != 0
}

func sendSignal(pid int, sig signal) error {
	err := syscall.Kill(pid, syscall.Signal(sig.number))
	if errors.Is(err, syscall.ESRCH) {
		return errors.New("no such process")
	}
	return err
}
