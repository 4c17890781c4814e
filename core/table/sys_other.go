//go:build !linux

package table

import (
	"context"
	"errors"
	"os"
	"syscall"

	"github.com/sosh-shell/sosh/core/socket"
)

// Other systems build and say so: the holder's waiting is written for epoll.

var errSystem = errors.ErrUnsupported

var returnable []syscall.Errno

var errEnd = errors.New("end")

type queued struct {
	errno             uint32
	origin, typ, code uint8
	to, by            socket.Address
}

func sysRecv(int, []byte) (int, error)                 { return 0, errSystem }
func sysSend(int, []byte) (int, error)                 { return 0, errSystem }
func sysSendfile(_, _, _ int) (int, error)             { return 0, errSystem }
func sysSplice(_, _, _ int) (int, error)               { return 0, errSystem }
func sysPacket(int) (int, bool, bool)                  { return 0, false, false }
func sysPipe(int) (_, _, _ int, err error)             { return -1, -1, 0, errSystem }
func sysReadPipe(int, []byte) (int, error)             { return 0, errSystem }
func sysLocal(int) socket.Address                      { return socket.Address{} }
func sysRemote(int) socket.Address                     { return socket.Address{} }
func sysTakeError(int) error                           { return errSystem }
func sysDisconnect(int) error                          { return errSystem }
func sysRecvMessage(int, bool) (socket.Message, error) { return socket.Message{}, errSystem }
func sysSendMessage(int, []byte, socket.Address) error { return errSystem }
func sysShutdown(int, socket.How) error                { return errSystem }
func sysHungUp(int) bool                               { return true }
func sysCopy(int) (int, error)                         { return -1, errSystem }
func sysErrorQueue(int) (queued, bool)                 { return queued{}, false }
func sysSetNonblock(int) error                         { return errSystem }
func sysReplace(_, _ int) error                        { return errSystem }
func sysClose(int) error                               { return errSystem }
func sysResetOnClose(int) error                        { return errSystem }
func sysUnread(int) int                                { return 0 }
func sysReady(int, direction) bool                     { return false }
func sysLingers(int) bool                              { return false }
func sysIsRegular(*os.File) bool                       { return false }

type poller struct{}
type watch struct{}

func (p *poller) close()                                           {}
func (p *poller) watch(*hold) *watch                               { return &watch{} }
func (p *poller) wait(context.Context, *watch, direction) error    { return errSystem }
func (p *poller) patient(context.Context, *watch, direction) error { return errSystem }
func (p *poller) drop(*watch)                                      {}
func (p *poller) renew(*watch)                                     {}
func (p *poller) ahead(*watch, func())                             {}
