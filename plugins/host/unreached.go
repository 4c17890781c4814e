package host

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"strings"

	"github.com/sosh-shell/sosh/core/socket"
)

// why says why a plugin is not at its place, by how far it came, what the place said,
// and how the command ended.
func (t *traveller) why(c *child, late string) (text, hint string) {
	stage, reason := t.how()
	var words string
	if last := lastWords(c.log.since(t.before)); last != "" {
		words = fmt.Sprintf(": %q", last)
	}
	if len(reason) > 0 {
		return t.refusal(reason, words)
	}
	command := socket.JoinCommand(t.at.command)
	status := -1
	if c.cmd.ProcessState != nil {
		status = c.cmd.ProcessState.ExitCode()
	}
	switch {
	case late != "" && stage == sending:
		return "it was carried there, and for " + late + " nothing more was heard" + words, "the connection is slow, or has gone"
	case late != "":
		return command + " sh did not answer for " + late + words, "it must work without asking for a password: it has no terminal"
	case stage == found:
		return "what is there does not run" + words, "sosh -v shows what it prints"
	case status == 255 && (strings.Contains(words, "Permission denied") || strings.Contains(words, "verification failed")):
		return fmt.Sprintf("%s ended with status 255%s", command, words), "ssh must work without asking: with a key or an agent, to a host that it knows"
	case status == 255:
		return fmt.Sprintf("%s ended with status 255%s", command, words), ""
	case status < 0:
		return command + " sh closed its output and was ended" + words, "sosh -v shows what it prints"
	case status == 127, status == 126, strings.Contains(words, "executable file not found"):
		return fmt.Sprintf("%s sh ended with status %d%s", command, status, words),
			"there must be a shell, sh: beside a container without one, kubectl debug or docker run --network container:NAME gives one"
	case status == 0 && stage == called:
		return command + " sh ended at once" + words, "it must pass standard input on: kubectl exec -i, docker exec -i, ssh without -n"
	}
	return fmt.Sprintf("%s sh ended with status %d%s", command, status, words), "sosh -v shows what it prints"
}

// refusal words what the place's shell said.
func (t *traveller) refusal(reason []string, words string) (text, hint string) {
	rest := strings.Join(reason[1:], " ")
	us := runtime.GOOS + "/" + runtime.GOARCH
	switch reason[0] {
	case "terminal":
		return "the command makes a terminal there, which is no way for bytes", "leave out its -t"
	case "system":
		text = fmt.Sprintf("it is %s there, and this sosh is for %s", rest, us)
		if t.cargo.version == "" {
			return text, "only a plugin for the same system can be carried there"
		}
		return text, fmt.Sprintf("put a sosh of the same version on the PATH there (%s), built for %s", t.cargo.version, rest)
	case "directory":
		return "there is no directory there that can be written and run from", "it tried the user's cache, $TMPDIR or /tmp, /var/tmp and /dev/shm"
	case "short":
		return "carrying it to " + rest + " failed" + words, fmt.Sprintf("it needs %d MB there", t.cargo.size>>20+1)
	case "run":
		return "what was carried there does not run" + words, "it needs libraries that are not there: sosh built with CGO_ENABLED=0 needs none"
	case "changed":
		return "what arrived in " + rest + " is not what was sent", "try again"
	case "digest":
		return "nothing there can check what arrives", "one of sha256sum, shasum and openssl must be there"
	case "version":
		return "what is there speaks " + versions(rest), "put a sosh of this version there"
	case "deaf":
		return "the plugin speaks to its own machine only", "build it anew with this version of sosh"
	}
	return fmt.Sprintf("it was refused there: %q", strings.Join(reason, " ")), ""
}

// lastWords are what is worth telling of the command's last lines: those that only say
// how it ended are not.
func lastWords(lines []string) string {
	for i := len(lines) - 1; i >= 0; i-- {
		line := strings.TrimSpace(lines[i])
		if line != "" && !strings.HasPrefix(line, "command terminated with") && !strings.HasPrefix(line, "Connection closed by") || i == 0 {
			return line[:min(len(line), maxWords)]
		}
	}
	return ""
}

// whyNotThere says why a plugin did not start at its place.
func (pr *process) whyNotThere(ctx context.Context, h *Host, err error, late bool) error {
	switch {
	case h.ctx.Err() != nil:
		return errClosed
	case ctx.Err() != nil:
		return ctx.Err()
	}
	c := pr.run
	fail := func(text, hint string) error {
		return &socket.Error{Op: "the place " + pr.at.name, Err: socket.Faultf(socket.Failed, "%s", text), Hint: hint}
	}
	if c == nil || c.pid == 0 {
		var of *exec.Error
		if errors.As(err, &of) {
			err = of.Err
		}
		return fail(fmt.Sprintf("%s cannot be started: %v", pr.at.command[0], err), "a place is a command that leads there, such as ssh HOST")
	}
	if stage, _ := c.far.how(); stage == arrived {
		return fail(fmt.Sprintf("the plugin ended as it began: %v", err), "sosh -v shows what it prints")
	}
	limit := ""
	if late {
		limit = h.cfg.ReachTimeout.String()
	}
	return fail(c.far.why(c, limit))
}
