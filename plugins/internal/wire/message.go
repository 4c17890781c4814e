package wire

import (
	"fmt"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/internal/wire/pb"
)

// FromMessage is the message of a message.
func FromMessage(m socket.Message) *pb.Message {
	return &pb.Message{Data: m.Data, Type: uint32(m.Type), Peer: FromAddress(m.Peer)}
}

// ToMessage is the inverse of FromMessage.
func ToMessage(p *pb.Message) (socket.Message, error) {
	peer, err := ToAddress(p.GetPeer())
	if err != nil {
		return socket.Message{}, err
	}
	if p.GetType() > 255 || len(p.GetData()) > socket.MaxMessage {
		return socket.Message{}, fmt.Errorf("message of type %d with %d bytes", p.GetType(), len(p.GetData()))
	}
	return socket.Message{Data: p.GetData(), Type: uint8(p.GetType()), Peer: peer}, nil
}

// FromReturn is the message of what came back.
func FromReturn(r socket.Return) *pb.Return {
	return &pb.Return{Errno: errnoName(r.Errno), Origin: uint32(r.Origin), Type: uint32(r.Type), Code: uint32(r.Code),
		To: FromAddress(r.To), By: FromAddress(r.By), Text: []byte(socket.ReturnText(r.Text))}
}

// ToReturn is the inverse of FromReturn. An errno that this system lacks is an error.
func ToReturn(m *pb.Return) (socket.Return, error) {
	errno, ok := errnoByName(m.GetErrno())
	if !ok || max(m.GetOrigin(), m.GetType(), m.GetCode()) > 255 {
		return socket.Return{}, fmt.Errorf("return of the unknown errno %q", m.GetErrno())
	}
	r := socket.Return{Errno: errno, Origin: uint8(m.GetOrigin()), Type: uint8(m.GetType()), Code: uint8(m.GetCode()),
		Text: socket.ReturnText(string(m.GetText()))}
	var err error
	if r.To, err = ToAddress(m.GetTo()); err == nil {
		r.By, err = ToAddress(m.GetBy())
	}
	return r, err
}

// FromWrap is the message of a request to wrap, whose descriptor goes with call.
func FromWrap(call uint64, r socket.WrapRequest) *pb.WrapRequest {
	return &pb.WrapRequest{Call: call, Kind: utf8(string(r.Kind)), Framed: r.Framed, Unread: r.Unread, Host: []byte(r.Host),
		Remote: FromAddress(r.Remote), Accepted: r.Accepted, Options: FromSettings(r.Options)}
}

// ToWrap is the inverse of FromWrap, without the descriptor.
func ToWrap(m *pb.WrapRequest) (socket.WrapRequest, error) {
	remote, err := ToAddress(m.GetRemote())
	return socket.WrapRequest{FD: -1, Kind: socket.Kind(m.GetKind()), Framed: m.GetFramed(), Unread: m.GetUnread(), Host: string(m.GetHost()),
		Remote: remote, Accepted: m.GetAccepted(), Options: ToSettings(m.GetOptions())}, err
}

// FromRow is the message of a row.
func FromRow(r socket.Row) *pb.FromCommand {
	return &pb.FromCommand{Text: []byte(r.Text), Fields: FromSettings(r.Fields), Notice: r.Notice}
}

// ToRow is the inverse of FromRow.
func ToRow(m *pb.FromCommand) socket.Row {
	return socket.Row{Text: string(m.GetText()), Fields: ToSettings(m.GetFields()), Notice: m.GetNotice()}
}
