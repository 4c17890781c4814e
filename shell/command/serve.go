package command

import (
	"context"

	"github.com/sosh-shell/sosh/core/table"
	"github.com/sosh-shell/sosh/shell/render"
)

// server is an accept --each.
type server struct {
	function string
	count    int
	counted  bool
	limit    render.Duration // between two clients; none unless given
}

// serve starts a job for each client.
func (c *Call) serve(ctx context.Context, s *table.Socket, v server) error {
	jobs, err := c.jobs()
	switch {
	case err != nil:
		return err
	case v.function == "":
		return c.usage("--each is empty")
	case v.counted && v.count < 1:
		return c.usage("--count %d: at least 1", v.count)
	}
	for n := 0; !v.counted || n < v.count; n++ {
		if err := c.serveOne(ctx, s, v, jobs); err != nil {
			return err
		}
	}
	return nil
}

// serveOne takes one client and starts its job, which has the connection.
func (c *Call) serveOne(ctx context.Context, s *table.Socket, v server, jobs Jobs) error {
	cancel := func() {}
	if v.limit.Set {
		ctx, cancel = c.Session.step(ctx, v.limit)
	}
	defer cancel()
	conn, err := s.Accept(ctx, "")
	if err != nil {
		return err
	}
	done := func() { conn.Close(context.Background(), false) }
	if err := jobs.Start(v.function, []string{conn.Name()}, conn.Name(), done); err != nil {
		done()
		return err
	}
	c.notice("%s", c.tell(conn))
	return nil
}
