package main

import (
	"bytes"
	"errors"
	"net"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/sosh-shell/sosh/shell/command"
)

// logLine is what BenchmarkExpect floods with; no line of it matches.
const logLine = "2024-01-02 12:00:00 host app[123]: GET /index.html took 12 ms\r\n"

// pexpectScript waits for a pattern on a connection, to its end.
const pexpectScript = `
import socket, sys, pexpect, pexpect.fdpexpect
host, port = sys.argv[1].rsplit(":", 1)
s = socket.create_connection((host, int(port)))
p = pexpect.fdpexpect.fdspawn(s.fileno(), timeout=None)
sys.exit(p.expect([sys.argv[2].encode(), pexpect.EOF]) != 1)
`

// BenchmarkExpect waits for what does not come in a stream that ends, as a whole
// process, the inbox raised. pexpect searches all of its buffer anew at each piece, so
// that its time grows with the square: it has the sizes up to 4 MB, and 25 MB, which
// take minutes, where SOSH_BENCH_LONG is set.
func BenchmarkExpect(b *testing.B) {
	sosh := builtProgram(b)
	python := "python3"
	if exec.Command(python, "-c", "import pexpect.fdpexpect").Run() != nil {
		python = "python3 with pexpect"
	}
	for _, pattern := range []struct{ name, text string }{{"literal", `login: `}, {"groups", `ERROR (\w+) ([0-9]+)`}} {
		for _, mb := range []int{1, 2, 4, 25, 100} {
			b.Run(pattern.name+"/"+strconv.Itoa(mb)+"MB", func(b *testing.B) {
				size := mb * 1000 * 1000
				flood := bytes.Repeat([]byte(logLine), 16<<10)
				addr := server(b, func(c net.Conn) {
					for left := size; left > 0; {
						n, err := c.Write(flood[:min(left, len(flood))])
						if err != nil {
							return
						}
						left -= n
					}
				})
				code := "open tcp " + addr + " -n c; option c inbox=128M; expect c '" + pattern.text + "' --timeout none"
				sides := []side{{name: "sosh", run: func() {
					var exit *exec.ExitError
					if out, err := exec.Command(sosh, "-c", code).CombinedOutput(); !errors.As(err, &exit) || exit.ExitCode() != command.StatusEnded {
						b.Fatalf("%v\n%s", err, out)
					}
				}}}
				if mb <= 4 || mb == 25 && os.Getenv("SOSH_BENCH_LONG") != "" {
					p := process(b, "pexpect", "python3", "-c", pexpectScript, addr, pattern.text)
					p.need = python
					sides = append(sides, p)
				}
				sideBySide(b, "MB", mb, sides...)
			})
		}
	}
}
