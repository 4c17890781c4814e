//go:build !unix

package lang

import "os"

// signal is one that kill knows.
type signal struct {
	number int
	name   string
	ends   bool
}

// signalByName finds one of the two signals that can be sent here.
func signalByName(word string) (signal, bool) {
	switch word {
	case "TERM", "15":
		return signal{15, "TERM", true}, true
	case "KILL", "9":
		return signal{9, "KILL", true}, true
	}
	return signal{}, false
}

func sendSignal(pid int, _ signal) error {
	p, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	return p.Kill()
}
