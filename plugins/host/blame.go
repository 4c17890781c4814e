package host

import (
	"fmt"
	"strings"
	"unicode"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sosh-shell/sosh/core/socket"
)

// A process that broke the contract once is not believed again: it is ended, and the
// next call gets a new one. An error that a plugin answers with is no breach, and
// neither is a panic that it answers for.

// blame notes what a process is ended for. The first reason stays.
func (pr *process) blame(format string, args ...any) {
	pr.mu.Lock()
	defer pr.mu.Unlock()
	pr.blameLocked(fmt.Sprintf(format, args...))
}

func (pr *process) blameLocked(why string) {
	if pr.why == "" {
		pr.why = why
	}
}

// condemn ends a process for what it did. It does not wait.
func (pr *process) condemn(format string, args ...any) {
	why := fmt.Sprintf(format, args...)
	pr.mu.Lock()
	first := pr.why == ""
	pr.gone = true
	pr.blameLocked(why)
	pr.mu.Unlock()
	pr.run.kill()
	if first {
		pr.log.add("sosh: it " + why + ": ended")
	}
}

// broke is condemn within a call: the error says what it was.
func (pr *process) broke(format string, args ...any) error {
	why := fmt.Sprintf(format, args...)
	pr.condemn("%s", why)
	return pluginError(pr.name, "its author must mend it", "%s, and was ended", why)
}

// brokeOff is the end of a connection to the process. When it is not dying, that is
// its doing; of one at a place nobody knows whose.
func (pr *process) brokeOff() {
	if pr.at == nil && !pr.run.dying() {
		pr.blame("broke off its connection")
	}
	pr.fell()
}

// refused is the error of a call that gRPC itself, not the plugin's code, has
// answered: what cannot be read is a breach, what is lacking is only said.
func (pr *process) refused(err error) error {
	text := oneLine(status.Convert(err).Message())
	switch status.Code(err) {
	case codes.ResourceExhausted:
		if strings.Contains(text, "trying to send") {
			return socket.Faultf(socket.Usage, "too much for one call: %s", text)
		}
		return pr.broke("broke the contract: %s", text)
	case codes.Internal, codes.DataLoss:
		return pr.broke("broke the contract: %s", text)
	}
	return pluginError(pr.name, "its author must mend it", "broke the contract: %s", text)
}

// maxWords bounds what an error repeats of a plugin's, in bytes.
const maxWords = 300

// oneLine makes a plugin's words fit for an error of one line.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s[:min(len(s), maxWords)])
	return strings.TrimSpace(strings.ToValidUTF8(s, "\uFFFD"))
}
