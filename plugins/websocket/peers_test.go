package websocket

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// python runs a program with Debian's python3-websockets.
func python(t *testing.T, program string, args ...string) (*exec.Cmd, *strings.Builder) {
	t.Helper()
	const bin = "/usr/bin/python3" // the one that has Debian's packages
	if err := exec.Command(bin, "-c", "import websockets").Run(); err != nil {
		if os.Getenv("SOSH_TEST_ALL") != "" {
			t.Fatalf("python3-websockets: %v", err)
		}
		t.Skip("python3-websockets is not installed")
	}
	var log strings.Builder
	cmd := exec.Command(bin, append([]string{"-c", program}, args...)...)
	cmd.Stderr = &log
	return cmd, &log
}

// It echoes; "ping" makes it ping and tell that the pong came, "fragments" makes it
// answer in three, "bye" makes it close with 4000.
const server = `
import asyncio, websockets
async def serve(ws):
    async for m in ws:
        if m == "ping":
            await (await ws.ping(b"are you there"))
            await ws.send("pong came")
        elif m == "fragments":
            await ws.send(iter(["one ", "two ", "three"]))
        elif m == "bye":
            await ws.close(4000, "as you like")
        else:
            await ws.send(m)
async def main():
    async with websockets.serve(serve, "127.0.0.1", 0, max_size=None, subprotocols=["chat"], compression=None) as s:
        print(s.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()
asyncio.run(main())
`

func TestPythonsServerUnderstandsUs(t *testing.T) {
	cmd, log := python(t, server)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	var port int
	if _, err := fmt.Fscan(out, &port); err != nil {
		t.Fatalf("%v: %s", err, log)
	}
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	c, err := wrap(below(t, conn), false, set("protocol", "chat"), set("fragment", "100000"))
	if err != nil {
		t.Fatal(err)
	}
	if fact(c, "protocol") != "chat" {
		t.Errorf("protocol %q", fact(c, "protocol"))
	}
	for _, m := range []sdk.Message{
		{Type: typeText, Data: []byte("grün")}, {Type: typeText}, {Type: typeBinary},
		{Type: typeBinary, Data: bytes.Repeat([]byte{0xfe}, 16<<20)},
	} {
		sent := make(chan error, 1)
		go func() { sent <- c.WriteMessage(m) }()
		if got := recv(t, c); got.Type != m.Type || !bytes.Equal(got.Data, m.Data) {
			t.Errorf("%d bytes of type %d: came as %d of type %d", len(m.Data), m.Type, len(got.Data), got.Type)
		}
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
	}
	for ask, want := range map[string]string{"ping": "pong came", "fragments": "one two three"} {
		send(t, c, sdk.Message{Data: []byte(ask)})
		if got := recv(t, c); string(got.Data) != want {
			t.Errorf("%s: %q", ask, got.Data)
		}
	}
	send(t, c, sdk.Message{Data: []byte("bye")})
	if _, err := c.ReadMessage(); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
	if fact(c, "close.code") != "4000" || fact(c, "close.reason") != "as you like" {
		t.Errorf("%v", c.Facts())
	}
}

const client = `
import asyncio, sys, websockets
async def main():
    async with websockets.connect("ws://127.0.0.1:%s/chat" % sys.argv[1], max_size=None, subprotocols=["chat"], origin="http://o.example") as ws:
        await ws.send("hello")
        print(await ws.recv(), flush=True)
        await ws.ping()
        await ws.send(iter([b"a", b"b", b"\xff"]))
        print(await ws.recv(), flush=True)
        try:
            await ws.recv()
        except websockets.ConnectionClosed as e:
            print(e.rcvd.code, e.rcvd.reason, flush=True)
asyncio.run(main())
`

func TestPythonsClientUnderstandsUs(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	cmd, log := python(t, client, port)
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	t.Cleanup(func() { cmd.Process.Kill() })
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	// It offers compression, which is not accepted.
	s, err := wrap(below(t, conn), true, set("protocol", "chat"), set("reason", "enough"), set("code", "1001"))
	if err != nil {
		t.Fatal(err)
	}
	if fact(s, "protocol") != "chat" || fact(s, "origin") != "http://o.example" || fact(s, "target") != "/chat" {
		t.Errorf("%v", s.Facts())
	}
	for range 2 {
		m := recv(t, s)
		send(t, s, sdk.Message{Type: m.Type, Data: bytes.Clone(m.Data)})
	}
	if fact(s, "pings") != "1" {
		t.Errorf("%v", s.Facts())
	}
	end := make(chan error, 1)
	go func() { _, err := s.ReadMessage(); end <- err }()
	if err := s.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if err := <-end; err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
	s.Close()
	if err := <-exited; err != nil {
		t.Fatalf("%v: %s", err, log)
	}
	if want := "hello\nb'ab\\xff'\n1001 enough\n"; out.String() != want {
		t.Errorf("the client saw %q, want %q", out.String(), want)
	}
}
