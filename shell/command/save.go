package command

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/shell/file"
	"github.com/sosh-shell/sosh/shell/journal"
)

var save = &Command{
	Name:     "save",
	Group:    Shell,
	Synopsis: "write what was done at the prompt as a script that runs",
	Usage:    []string{"save FILE [--exact] [--timing] [--force]"},
	Help: `The script does what was typed, as it was typed, and between awaits with expect what arrived: each line of a text by a pattern, other bytes in hex, a message by its fields where it has some. What varies from one time to the next (dates and times, durations, ports that the kernel chose, process ids, identifiers) becomes a pattern; --exact keeps it as it was. So sosh FILE is a test: it succeeds when the same server answers the same way, and tells the line where it does not.

What failed stands as a comment with its error. What only looks (show, help, history, jobs) is left out, and so is a line that began with a blank, with what came after it. recv without --bytes, --lines, --until or --all takes what happens to be there: in the script it is an expect of what it took. A port of the kernel's choice that was typed becomes $(show SOCK local.port), a name that was given is kept by -n. What comes to a job, or to a socket that a job made, is not awaited.

--timing keeps the waits between what was typed, by sleep(1), so such a script does not run with --no-external.

FILE is for its owner only, as it holds what was typed. Only a script of save is overwritten without --force. At most 16 MiB of what arrived and 10,000 statements are remembered, the oldest are forgotten first, and the script says so. A script itself remembers nothing.`,
	Args: []Arg{{Name: "FILE", Kind: File}},
	Examples: []Example{{
		Does:   "only a prompt remembers",
		Code:   "save session.sosh || echo \"status $?\"",
		Output: "status 1\n",
	}},
	New: func(f *pflag.FlagSet) Run {
		exact := f.Bool("exact", false, "await what arrived as it was")
		timing := f.Bool("timing", false, "keep the waits between what was typed")
		force := f.Bool("force", false, "overwrite any file")
		return func(_ context.Context, c *Call) error {
			args, err := c.args(1, 1)
			if err != nil {
				return err
			}
			if args[0] == "" {
				return c.usage("FILE is empty")
			}
			if c.Session.Journal == nil {
				return &socket.Error{Op: "save", Place: args[0], Err: errors.New("a script remembers nothing"), Hint: "save is for the prompt"}
			}
			o := journal.Options{Exact: *exact, Timing: *timing, Dir: c.Dir, Now: time.Now()}
			if c.Jobs != nil {
				for _, j := range c.Jobs.List() {
					o.Jobs = append(o.Jobs, journal.Job{Text: j.Text, Running: j.State == "running", Fine: j.State == "done"})
				}
			}
			return c.save(args[0], c.Session.Journal.Script(o), *force)
		}
	},
}

// save writes the script beside its place and puts it there whole.
func (c *Call) save(path, script string, force bool) error {
	fail := func(err error) error { return &socket.Error{Op: "save", Place: path, Err: cause(err)} }
	if c.NoFiles {
		return fail(socket.Faultf(socket.Unsupported, "files are closed to this shell (--no-external)"))
	}
	full := path
	if !filepath.IsAbs(full) {
		full = filepath.Join(c.Dir, full)
	}
	if st, err := os.Stat(full); err == nil && !st.Mode().IsRegular() {
		return &socket.Error{Op: "save", Place: path, Err: errors.New("no regular file")}
	}
	if !force && !replaceable(full) {
		return &socket.Error{Op: "save", Place: path, Err: errors.New("it is there, and no script of save"), Hint: "save " + path + " --force overwrites it"}
	}
	if err := file.WriteWhole(full, 0o700, script); err != nil {
		return fail(err)
	}
	c.notice("saved: sosh %s does it again", path)
	return nil
}

// replaceable reports whether nothing is lost by writing there.
func replaceable(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return errors.Is(err, os.ErrNotExist)
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		return false
	}
	head, err := io.ReadAll(io.LimitReader(f, int64(len(journal.Header))))
	return err == nil && (len(head) == 0 || bytes.Equal(head, []byte(journal.Header)))
}
