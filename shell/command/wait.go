package command

import (
	"context"

	"github.com/spf13/pflag"
)

var waitCmd = &Command{
	Name:     "wait",
	Group:    Shell,
	Synopsis: "wait for jobs to end, and take their status",
	Usage:    []string{"wait [JOB...] [--timeout D]", "wait -n [JOB...] [--timeout D]"},
	Help: `JOB is %N or a process, as $! gives it. The status is that of the last JOB. Without JOB it waits for all jobs that this part of the script has started, and the status is that of the first, in the order of their numbers, that failed. A job that was waited for is forgotten.

It waits as long as the jobs take: only --timeout and the script's deadline end it.`,
	Args: []Arg{{Name: "JOB", Repeat: true}},
	Examples: []Example{{
		Does:   "what a job ends with",
		Code:   "{ exit 3; } &\nwait || echo \"status $?\"",
		Output: "status 3\n",
	}},
	New: func(f *pflag.FlagSet) Run {
		one := f.BoolP("next", "n", false, "only for the first that ends")
		limit := limitFlag(f)
		return func(ctx context.Context, c *Call) error {
			jobs, err := c.jobs()
			if err != nil {
				return err
			}
			if limit.Set {
				var cancel context.CancelFunc
				ctx, cancel = c.Session.step(ctx, *limit)
				defer cancel()
			}
			status, err := jobs.Wait(ctx, c.Args, *one)
			if err == nil && status != 0 {
				return endedWith{status}
			}
			return err
		}
	},
}
