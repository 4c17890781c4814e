package host

import (
	"context"
	"errors"
	"io"
	"time"

	"google.golang.org/grpc"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/internal/wire"
	"github.com/sosh-shell/sosh/plugins/internal/wire/pb"
)

// Encode implements socket.Encoder.
func (x *proxy) Encode(ctx context.Context, mark socket.Mark, fields []socket.Setting) (socket.Message, error) {
	if !x.p.desc.Load().Can(socket.CallEncode) {
		return socket.Message{}, x.lacks(socket.CallEncode)
	}
	var out socket.Message
	_, err := x.call(ctx, x.h.cfg.CallTimeout, socket.CallEncode, func(ctx context.Context, pr *process) error {
		m, err := pr.rpc.Encode(ctx, &pb.EncodeRequest{Mark: mark, Fields: wire.FromSettings(fields)}, carried...)
		if err != nil {
			return err
		}
		if out, err = wire.ToMessage(m); err != nil {
			return pr.broke("encoded nonsense: %v", err)
		}
		return nil
	})
	_, err = outcome(nil, err)
	return out, err
}

// carried are the bounds of a call with messages of a protocol in it.
var carried = []grpc.CallOption{grpc.MaxCallSendMsgSize(wire.MaxCarried), grpc.MaxCallRecvMsgSize(wire.MaxCarried)}

// Decode implements socket.Decoder.
func (x *proxy) Decode(ctx context.Context, mark socket.Mark, messages []socket.Message) ([][]socket.Setting, error) {
	if !x.p.desc.Load().Can(socket.CallDecode) {
		return nil, x.lacks(socket.CallDecode)
	}
	req := &pb.DecodeRequest{Mark: mark}
	for _, m := range messages {
		req.Messages = append(req.Messages, wire.FromMessage(m))
	}
	var out [][]socket.Setting
	_, err := x.call(ctx, x.h.cfg.CallTimeout, socket.CallDecode, func(ctx context.Context, pr *process) error {
		m, err := pr.rpc.Decode(ctx, req, carried...)
		if err != nil {
			return err
		}
		if len(m.GetMessages()) != len(messages) {
			return pr.broke("decoded %d messages of %d", len(m.GetMessages()), len(messages))
		}
		out = nil
		for _, f := range m.GetMessages() {
			fields := wire.ToSettings(f.GetFields())
			if name, ok := undeclared(*pr.desc, fields); ok {
				return pr.broke("decoded the field %.60q, which it does not declare", name)
			}
			out = append(out, fields)
		}
		return nil
	})
	_, err = outcome(nil, err)
	return out, err
}

// undeclared is a field that a description lacks; "error" is every protocol's.
func undeclared(d socket.Description, fields []socket.Setting) (name string, any bool) {
	for _, f := range fields {
		if _, ok := socket.FieldNamed(d.Fields, f.Name); !ok && f.Name != "error" {
			return f.Name, true
		}
	}
	return "", false
}

// interruptGrace is how long an interrupted command has for its summary.
const interruptGrace = 250 * time.Millisecond

// Run implements socket.Runner. A run that has given a row is not begun again.
func (x *proxy) Run(ctx context.Context, req socket.RunRequest, out func(socket.Row) error) error {
	if !x.p.desc.Load().Can(socket.CallRun) {
		return x.lacks(socket.CallRun)
	}
	any := false
	for tries := 1; ; tries++ {
		pr, err := x.p.running(ctx)
		if err != nil {
			return err
		}
		err = pr.runCommand(ctx, req, func(r socket.Row) error { any = true; return out(r) })
		switch {
		case !errors.Is(err, errDied):
			_, err = outcome(nil, err)
			return err
		case any:
			return pluginError(x.p.name, "sosh -v shows what it prints", "died in %s", req.Command)
		case errors.Is(err, errMoved):
			tries--
		case tries == maxTries:
			return x.died(socket.CallRun)
		}
	}
}

// runCommand runs a command on one process.
func (pr *process) runCommand(ctx context.Context, req socket.RunRequest, out func(socket.Row) error) error {
	if !pr.enter() {
		return pr.absent()
	}
	defer pr.leave()
	life, cancel := context.WithCancel(ctx)
	defer cancel()
	st, err := pr.rpc.Run(life)
	if err == nil {
		start := &pb.StartCommand{Command: req.Command, Flags: wire.FromSettings(req.Flags), Width: uint32(max(req.Width, 0))}
		for _, a := range req.Args {
			start.Args = append(start.Args, []byte(a))
		}
		m := &pb.ToCommand{What: &pb.ToCommand_Start{Start: start}}
		if err = fits(m, wire.MaxMessage); err == nil {
			err = st.Send(m)
		}
		if errors.Is(err, io.EOF) { // gRPC tells why at the next receive
			err = nil
		}
	}
	var rowErr error
	if err == nil {
		go interrupt(life, req.Interrupt, st, cancel)
		rowErr, err = rows(st, out)
	}
	if rowErr != nil {
		return rowErr
	}
	if err = answer(err); life.Err() != nil && ctx.Err() == nil && err != nil {
		// It did not end by itself, and may go on for ever. Where nothing is lost by it the
		// process ends, which is no reproach: it may have been about to.
		pr.endAlone()
		return socket.Interrupted
	}
	return pr.judge(ctx, context.Background(), 0, err)
}

// rows takes the rows in, no faster than their pace: rowErr is out's, err the stream's,
// nil at its end.
func rows(st grpc.BidiStreamingClient[pb.ToCommand, pb.FromCommand], out func(socket.Row) error) (rowErr, err error) {
	said := newPace(rowBurst, rowRate)
	for {
		m, err := st.Recv()
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		row := wire.ToRow(m)
		said.wait(1+len(row.Text)>>10, st.Context().Done())
		if err := out(row); err != nil {
			return err, nil
		}
	}
}

// interrupt passes the user's interrupt on, and ends a run that does not heed it.
func interrupt(life context.Context, pressed <-chan struct{}, st grpc.BidiStreamingClient[pb.ToCommand, pb.FromCommand], cancel func()) {
	select {
	case <-pressed:
	case <-life.Done():
		return
	}
	st.Send(&pb.ToCommand{What: &pb.ToCommand_Interrupt{Interrupt: true}})
	t := time.NewTimer(interruptGrace)
	defer t.Stop()
	select {
	case <-t.C:
		cancel()
	case <-life.Done():
	}
}
