package host

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/internal/wire"
)

// fits refuses what is more than one call can carry. It is the caller's doing: the
// plugin never sees it.
func fits(m any, most int) error {
	p, ok := m.(proto.Message)
	if !ok {
		return nil
	}
	if n := proto.Size(p); n > most {
		return socket.Faultf(socket.Usage, "%d bytes are too many for one call of a plugin: %d are the most", n, most)
	}
	return nil
}

// fitting is [fits] for every call with one answer, before gRPC would fail it with the
// status that a plugin's own failures have.
func fitting(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, next grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	most := wire.MaxMessage
	for _, o := range opts { // the last one counts
		if m, ok := o.(grpc.MaxSendMsgSizeCallOption); ok {
			most = m.MaxSendMsgSize
		}
	}
	if err := fits(req, most); err != nil {
		return err
	}
	return next(ctx, method, req, reply, cc, opts...)
}
