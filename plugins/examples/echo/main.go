// Command sosh-plugin-echo sends back what it gets: the smallest protocol of one's own.
// It opens no socket of the kernel's.
//
//	go build -o sosh-plugin-echo . && sosh plugin install sosh-plugin-echo
//	sosh -c 'open echo anything; send . hello; expect . hello'
package main

import (
	"context"
	"io"
	"net"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

type echo struct{}

func (echo) Describe() sdk.Description {
	return sdk.Description{Name: "echo", Synopsis: "sends back what it gets", Version: "1"}
}

func (echo) Dial(context.Context, sdk.DialRequest) (net.Conn, error) {
	ours, theirs := net.Pipe()
	go func() {
		defer theirs.Close()
		io.Copy(theirs, theirs)
	}()
	return ours, nil
}

func main() { sdk.Serve(sdk.NewDialer(echo{})) }
