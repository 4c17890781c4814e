package host_test

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/host"
	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
	"github.com/sosh-shell/sosh/plugins/tcp"
)

func BenchmarkStartToFirstCall(b *testing.B) {
	for b.Loop() {
		h := plugintest.Host(b, host.Descriptors, nil, tcp.New)
		p, _ := h.Protocol("tcp")
		k, err := p.Open(context.Background(), socket.OpenRequest{})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		unix.Close(k.FD)
		h.Close()
		b.StartTimer()
	}
}

func BenchmarkOpenAndClose(b *testing.B) {
	_, p := start(b, host.Descriptors, nil, tcp.New)
	ctx := context.Background()
	for b.Loop() {
		k, err := p.Open(ctx, socket.OpenRequest{})
		if err != nil {
			b.Fatal(err)
		}
		unix.Close(k.FD)
	}
}

// BenchmarkControlCall takes turns: a call to the tcp plugin by descriptors, by stream,
// and a call of gRPC's health service, in a process of its own too, that does nothing.
func BenchmarkControlCall(b *testing.B) {
	option := func(form host.Form) func() error {
		_, p := start(b, form, nil, tcp.New)
		k := open(b, p)
		return func() error {
			_, _, err := p.Option(context.Background(), lent(k), nil, []string{"nodelay"})
			return err
		}
	}
	calls := []struct {
		name string
		call func() error
		took []time.Duration
	}{
		{name: "descriptors", call: option(host.Descriptors)}, {name: "stream", call: option(host.Stream)}, {name: "bare", call: bareCall(b)},
	}
	for b.Loop() {
		for i := range calls {
			c := &calls[i]
			const turn = 500
			begin := time.Now()
			for range turn {
				if err := c.call(); err != nil {
					b.Fatal(err)
				}
			}
			c.took = append(c.took, time.Since(begin)/turn)
		}
	}
	b.ReportMetric(0, "ns/op")
	bare := calls[2].took
	for _, c := range calls {
		var ratios []float64
		for i, d := range c.took {
			ratios = append(ratios, float64(d)/float64(bare[i]))
		}
		slices.Sort(ratios)
		slices.Sort(c.took)
		b.ReportMetric(float64(c.took[len(c.took)/2].Microseconds()), c.name+"-us")
		b.ReportMetric(ratios[len(ratios)/2], c.name+"/bare")
	}
}

// bareKey in the environment makes the test program a server of nothing but gRPC's
// health service, on the unix socket that it names.
const bareKey = "SOSH_TEST_BARE"

func serveBare(path string) {
	l, err := net.Listen("unix", path)
	if err != nil {
		panic(err)
	}
	s := grpc.NewServer()
	healthpb.RegisterHealthServer(s, health.NewServer())
	panic(s.Serve(l))
}

// bareCall starts such a server and returns a call of it.
func bareCall(b *testing.B) func() error {
	path := filepath.Join(b.TempDir(), "bare")
	server := exec.Command("/proc/self/exe")
	server.Env = append(os.Environ(), bareKey+"="+path)
	if err := server.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { server.Process.Kill(); server.Wait() })
	conn, err := grpc.NewClient("unix:"+path, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	client := healthpb.NewHealthClient(conn)
	if _, err := client.Check(b.Context(), &healthpb.HealthCheckRequest{}, grpc.WaitForReady(true)); err != nil {
		b.Fatal(err)
	}
	return func() error {
		_, err := client.Check(context.Background(), &healthpb.HealthCheckRequest{})
		return err
	}
}

func BenchmarkAcceptNothing(b *testing.B) {
	_, p := start(b, host.Descriptors, nil, tcp.New)
	l, _ := listen(b, p)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for b.Loop() {
		if _, err := p.Accept(ctx, lent(l)); !errors.Is(err, syscall.EAGAIN) {
			b.Fatal(err)
		}
	}
}
