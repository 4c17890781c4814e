package tls_test

import (
	"runtime"
	"testing"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// BenchmarkTLSIdle tells what a connection costs that has moved a megabyte and is
// quiet: both ends together, in bytes of memory.
func BenchmarkTLSIdle(b *testing.B) {
	ca := newAuthority(b, "test authority")
	cert, key := ca.leaf("server", nil)
	data := make([]byte, 1<<20)
	const pairs = 100
	for b.Loop() {
		before := memory()
		for range pairs {
			a, d := tcp(b)
			ready := make(chan *end, 1)
			go func() {
				s, err := wrap(b, a, sdk.WrapRequest{Accepted: true, Options: settings("cert", cert, "key", key)})
				if err != nil {
					b.Error(err)
				}
				ready <- s
			}()
			c, err := wrap(b, d, sdk.WrapRequest{Host: "localhost", Options: settings("ca", ca.File)})
			must(b, err)
			s := <-ready
			go s.above.Write(data)
			for n := 0; n < len(data); {
				m, err := c.above.Read(data[:64<<10])
				must(b, err)
				n += m
			}
			b.Cleanup(func() { a.Close(); d.Close() })
		}
		b.ReportMetric(float64(memory()-before)/pairs, "bytes/connection")
	}
}

func memory() int64 {
	runtime.GC()
	runtime.GC() // empties the pools
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}
