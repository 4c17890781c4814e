package command

import (
	"context"

	"github.com/spf13/pflag"

	"github.com/sosh-shell/sosh/shell/render"
)

var jobsCmd = &Command{
	Name:     "jobs",
	Group:    Shell,
	Synopsis: "list what runs in the background",
	Usage:    []string{"jobs [--json]"},
	Help:     `COMMAND & starts a job: it runs beside the script, with a current socket of its own. A line is the job, its state, its process where it is one program, and what was typed. A job that has ended is listed until wait has told its status. $! names the newest: the process where the job is one program, else %N.`,
	Examples: []Example{{
		Does:   "a job, and its end",
		Code:   "sleep 60 &\njobs\nkill $!; wait $! || echo \"status $?\"",
		Output: "%1  running  ...  sleep 60\nstatus 143\n",
	}},
	New: func(f *pflag.FlagSet) Run {
		json := f.Bool("json", false, "one JSON object a line")
		return func(_ context.Context, c *Call) error {
			if _, err := c.args(0, 0); err != nil {
				return err
			}
			jobs, err := c.jobs()
			if err != nil {
				return err
			}
			all := jobs.List()
			if !*json && !c.Session.JSON {
				return c.jobColumns(all)
			}
			for _, j := range all {
				o := render.Object{{Key: "job", Value: j.Name}, {Key: "state", Value: j.State}, {Key: "command", Value: j.Text}}
				if j.PID != 0 {
					o = append(o, render.Member{Key: "pid", Value: j.PID})
				}
				if err := render.JSON(c.Stdout, o); err != nil {
					return err
				}
			}
			return nil
		}
	},
}
