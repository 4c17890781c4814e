package lang

import (
	"io"
	"os"
	"os/exec"
	"sync"
)

// capturing is the pipes by which a program's output comes to what is no file.
// They are ours and not exec's, so that they can be given up: a program of the
// program may hold them for ever.
type capturing struct {
	ours, theirs []*os.File
	copies       sync.WaitGroup
	done         chan struct{}
	err          error
	once         sync.Once
}

// connect gives cmd its outputs.
func connect(cmd *exec.Cmd, stdout, stderr io.Writer) (*capturing, error) {
	c := &capturing{done: make(chan struct{})}
	var err error
	if cmd.Stdout, err = c.add(stdout); err == nil {
		cmd.Stderr = cmd.Stdout
		if stderr != stdout {
			cmd.Stderr, err = c.add(stderr)
		}
	}
	if err != nil {
		c.started()
		c.abandon()
	}
	return c, err
}

func (c *capturing) add(w io.Writer) (io.Writer, error) {
	if f, ok := w.(*os.File); ok || w == nil || w == io.Discard {
		if !ok {
			return nil, nil
		}
		return f, nil
	}
	r, t, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	c.ours, c.theirs = append(c.ours, r), append(c.theirs, t)
	c.copies.Go(func() {
		defer r.Close() // where the copy failed, the program hears of it
		if _, err := io.Copy(w, r); err != nil {
			c.once.Do(func() { c.err = err })
		}
	})
	return t, nil
}

// started closes what the program has now. The copies end with the program.
func (c *capturing) started() {
	for _, f := range c.theirs {
		f.Close()
	}
	go func() {
		c.copies.Wait()
		close(c.done)
	}()
}

// wait waits until all has come, or has been given up.
func (c *capturing) wait() error {
	<-c.done
	return c.err
}

// abandon gives them up.
func (c *capturing) abandon() {
	for _, f := range c.ours {
		f.Close()
	}
}
