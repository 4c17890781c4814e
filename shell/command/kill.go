package command

import (
	"context"
	"strings"

	"github.com/spf13/pflag"
)

var killCmd = &Command{
	Name:     "kill",
	Group:    Shell,
	Synopsis: "end a job, or send a signal to a process",
	Usage:    []string{"kill [-SIGNAL | -s SIGNAL] JOB..."},
	Help:     `JOB is %N or a process, as $! gives it. SIGNAL is TERM unless given, by name or number: kill -HUP, kill -9, kill -s INT. A job that is no single program knows no other signals than those that end it; 0 only asks whether it runs. The status of a job that was ended so is 128 and the signal's number, and fails no script.`,
	Args:     []Arg{{Name: "JOB", Repeat: true}},
	Verbatim: true,
	Examples: []Example{{
		Does: "a server for as long as a test takes",
		Code: `open tcp --listen 127.0.0.1:0 -n srv
echo() { expect $1 '(.*)\n' && send $1 "${match[1]}\n"; }
accept srv --each echo &
defer kill $!
open tcp 127.0.0.1:$(show srv local.port) -n c
send c 'hello\n'; recv c --lines 1`,
		Output: "hello\n",
	}},
	New: func(*pflag.FlagSet) Run {
		return func(_ context.Context, c *Call) error {
			args, err := c.args(1, -1)
			if err != nil {
				return err
			}
			signal := "TERM"
			switch word := args[0]; {
			case (word == "-s" || word == "-n") && len(args) > 1:
				signal, args = args[1], args[2:]
			case word == "--":
			case len(word) > 1 && word[0] == '-':
				signal, args = word[1:], args[1:]
			}
			if len(args) > 0 && args[0] == "--" {
				args = args[1:]
			}
			if len(args) == 0 {
				return c.usage("JOB is missing")
			}
			jobs, err := c.jobs()
			if err != nil {
				return err
			}
			var failed error
			for _, name := range args {
				if err := jobs.Kill(name, strings.TrimPrefix(strings.ToUpper(signal), "SIG")); err != nil {
					if failed != nil {
						c.report(failed)
					}
					failed = err
				}
			}
			return failed
		}
	},
}
