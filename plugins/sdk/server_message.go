package sdk

import (
	"context"
	"errors"
	"io"
	"sync"

	"google.golang.org/grpc"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/internal/wire"
	"github.com/sosh-shell/sosh/plugins/internal/wire/pb"
)

// Encode makes a message of fields.
func (s *server) Encode(ctx context.Context, m *pb.EncodeRequest) (*pb.Message, error) {
	e, ok := s.p.(Encoder)
	if !ok {
		return nil, s.lacks(socket.CallEncode)
	}
	out, err := e.Encode(ctx, Mark(m.GetMark()), wire.ToSettings(m.GetFields()))
	if err != nil {
		return nil, wire.Status(err, nil, nil)
	}
	return wire.FromMessage(out), nil
}

// Decode makes fields of messages.
func (s *server) Decode(ctx context.Context, m *pb.DecodeRequest) (*pb.Decoded, error) {
	d, ok := s.p.(Decoder)
	if !ok {
		return nil, s.lacks(socket.CallDecode)
	}
	in := make([]Message, 0, len(m.GetMessages()))
	for _, p := range m.GetMessages() {
		one, err := wire.ToMessage(p)
		if err != nil {
			return nil, wire.Status(Faultf(Usage, "%v", err), nil, nil)
		}
		in = append(in, one)
	}
	fields, err := d.Decode(ctx, Mark(m.GetMark()), in)
	if err != nil {
		return nil, wire.Status(err, nil, nil)
	}
	out := &pb.Decoded{}
	for _, f := range fields {
		out.Messages = append(out.Messages, &pb.Fields{Fields: wire.FromSettings(f)})
	}
	return out, nil
}

// Run runs a command that the plugin adds.
func (s *server) Run(st grpc.BidiStreamingServer[pb.ToCommand, pb.FromCommand]) error {
	r, ok := s.p.(Runner)
	if !ok {
		return s.lacks(socket.CallRun)
	}
	first, err := st.Recv()
	if err != nil {
		return err
	}
	start := first.GetStart()
	if start == nil {
		return wire.Status(Faultf(Failed, "a run must begin with its start"), nil, nil)
	}
	interrupt := make(chan struct{})
	req := RunRequest{Command: start.GetCommand(), Flags: wire.ToSettings(start.GetFlags()), Width: int(start.GetWidth()), Interrupt: interrupt}
	for _, a := range start.GetArgs() {
		req.Args = append(req.Args, string(a))
	}
	go func() {
		var once sync.Once
		for {
			m, err := st.Recv()
			if err != nil {
				return // ends with the stream
			}
			if m.GetInterrupt() {
				once.Do(func() { close(interrupt) })
			}
		}
	}()
	err = r.Run(st.Context(), req, func(row Row) error { return st.Send(wire.FromRow(row)) })
	if err != nil && !errors.Is(err, io.EOF) {
		return wire.Status(err, nil, nil)
	}
	return nil
}
