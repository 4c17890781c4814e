package sdk

import (
	"fmt"
	"log"
	"runtime"
	"strings"
)

// caught calls f, and makes a panic of it an error that is [Failed], with its stack in
// the log: what one connection did must not end the others.
func caught(doing string, f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = panicked(doing, r)
		}
	}()
	return f()
}

// panicked is the error of a panic whose value is r. It logs where it was.
func panicked(doing string, r any) error {
	log.Printf("panic in %s: %v%s", doing, r, panicStack())
	return Faultf(Failed, "panic: %v", r)
}

// maxFrames bounds the stack that is told.
const maxFrames = 64

// panicStack is where the panic was that is being recovered: the author's calls, the
// innermost first, each a line. What called the author is left out, as it is the same
// each time; it is all there is where the author's code was not reached.
func panicStack() string {
	pc := make([]uintptr, maxFrames)
	frames := runtime.CallersFrames(pc[:runtime.Callers(1, pc)])
	var lines []string
	panicking, theirs := false, 0
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		switch {
		case f.Function == "runtime.gopanic":
			panicking = true
			continue
		case !panicking, strings.HasPrefix(f.Function, "runtime."):
			continue
		}
		if theirs == len(lines) && !strings.HasPrefix(f.Function, "github.com/sosh-shell/sosh/plugins/sdk.") {
			theirs++
		}
		lines = append(lines, fmt.Sprintf("\n  at %s, %s:%d", f.Function, f.File, f.Line))
	}
	if theirs > 0 {
		lines = lines[:theirs]
	}
	return strings.Join(lines, "")
}
