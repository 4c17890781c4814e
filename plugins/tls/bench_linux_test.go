package tls_test

import (
	"context"
	ctls "crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/plugins/sdk"
	"github.com/sosh-shell/sosh/plugins/tls"
)

// volume is what one turn of a benchmark moves, in bytes.
const volume = 256 << 20

// BenchmarkTLSReceive and BenchmarkTLSSend move bytes over TLS 1.3 on the loopback,
// once with crypto/tls alone and once through the layer. ratio is the layer's speed
// as a part of crypto/tls's.
func BenchmarkTLSReceive(b *testing.B) { benchmark(b, false) }
func BenchmarkTLSSend(b *testing.B)    { benchmark(b, true) }

func benchmark(b *testing.B, send bool) {
	ca := newAuthority(b, "test authority")
	cert, key := ca.leaf("server", nil)
	pair, err := ctls.LoadX509KeyPair(cert, key)
	must(b, err)
	var alone, layered time.Duration
	b.SetBytes(2 * volume)
	for b.Loop() {
		server, client := tcp(b)
		done := serveVolume(ctls.Server(server, &ctls.Config{Certificates: []ctls.Certificate{pair}}), send)
		alone += move(b, dialAlone(b, client, ca.File), done, send)

		server, client = tcp(b)
		done = serveVolume(ctls.Server(server, &ctls.Config{Certificates: []ctls.Certificate{pair}}), send)
		layered += move(b, dialLayer(b, client, ca.File), done, send)
	}
	b.ReportMetric(float64(b.N)*volume/1e6/alone.Seconds(), "alone-MB/s")
	b.ReportMetric(float64(b.N)*volume/1e6/layered.Seconds(), "layer-MB/s")
	b.ReportMetric(alone.Seconds()/layered.Seconds(), "ratio")
}

// serveVolume sends the volume, or receives it.
func serveVolume(c *ctls.Conn, receive bool) chan error {
	done := make(chan error, 1)
	go func() {
		defer c.Close()
		buf := make([]byte, 256<<10)
		for n := 0; n < volume; {
			var m int
			var err error
			if receive {
				m, err = c.Read(buf)
			} else {
				m, err = c.Write(buf)
			}
			if n += m; err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	return done
}

func move(b *testing.B, c io.ReadWriteCloser, done chan error, send bool) time.Duration {
	defer c.Close()
	buf := make([]byte, 256<<10)
	start := time.Now()
	for n := 0; n < volume; {
		var m int
		var err error
		if send {
			m, err = c.Write(buf)
		} else {
			m, err = c.Read(buf)
		}
		n += m
		must(b, err)
	}
	must(b, <-done)
	return time.Since(start)
}

func dialAlone(b *testing.B, c net.Conn, ca string) io.ReadWriteCloser {
	pem, err := os.ReadFile(ca)
	must(b, err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	t := ctls.Client(c, &ctls.Config{RootCAs: pool, ServerName: "localhost"})
	must(b, t.Handshake())
	return t
}

func dialLayer(b *testing.B, c net.Conn, ca string) io.ReadWriteCloser {
	f, err := c.(*net.TCPConn).File()
	must(b, err)
	c.Close()
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	must(b, err)
	f.Close()
	h, err := tls.New().(sdk.Wrapper).Wrap(context.Background(), sdk.WrapRequest{FD: fd, Kind: sdk.Stream, Host: "localhost",
		Options: settings("ca", ca)})
	must(b, err)
	must(b, unix.SetNonblock(h.FD, true))
	return os.NewFile(uintptr(h.FD), "above")
}

// tcp is one connection over the loopback.
func tcp(tb testing.TB) (accepted, dialled net.Conn) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(tb, err)
	defer l.Close()
	dialled, err = net.Dial("tcp", l.Addr().String())
	must(tb, err)
	accepted, err = l.Accept()
	must(tb, err)
	return accepted, dialled
}
