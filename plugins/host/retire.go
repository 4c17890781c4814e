package host

import "context"

// A plugin may have several processes: the newest gets the calls, and an earlier
// one lives on for what lives in it, layers and sockets that it carries, and for
// the calls under way.

// retire says that another process has taken over: this one ends when it is idle.
func (pr *process) retire() {
	pr.mu.Lock()
	defer pr.mu.Unlock()
	pr.retired = true
	pr.rest()
}

// rest tells watch when nothing of a retired process is in use any more. pr.mu is held.
func (pr *process) rest() {
	if pr.retired && !pr.gone && pr.calls == 0 && len(pr.lines) == 0 {
		pr.gone = true
		close(pr.idle)
	}
}

// dismiss tells an idle process to end, and waits for it: what it made may still be
// in use. The host's end does not wait.
func (pr *process) dismiss(ctx context.Context) {
	pr.run.dismiss()
	select {
	case <-pr.run.exited:
	case <-ctx.Done():
		pr.end()
	}
}

// absent says why a call cannot enter: the process has died, or made room.
func (pr *process) absent() error {
	pr.mu.Lock()
	defer pr.mu.Unlock()
	if pr.retired {
		return errMoved
	}
	return errDied
}

// endAlone ends the process if the caller's call is all that it does.
func (pr *process) endAlone() {
	pr.mu.Lock()
	alone := pr.calls == 1 && len(pr.lines) == 0
	if alone {
		pr.gone, pr.excused = true, true
	}
	pr.mu.Unlock()
	if alone {
		pr.run.kill()
	}
}
