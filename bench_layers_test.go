package main

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// tlsVariable makes the test binary a plain crypto/tls program: "serve CERT KEY"
// answers each connection with tlsVolume bytes, "fetch ADDR CA" reads them.
const tlsVariable = "SOSH_TEST_TLS"

const tlsVolume = 1 << 30

func plainTLS(args []string) {
	fail := func(err error) {
		if err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
	}
	switch args[0] {
	case "serve":
		cert, err := tls.LoadX509KeyPair(args[1], args[2])
		fail(err)
		l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
		fail(err)
		os.Stdout.WriteString(l.Addr().String() + "\n")
		for {
			c, err := l.Accept()
			fail(err)
			go func() {
				defer c.Close()
				buf := make([]byte, 256<<10)
				for n := 0; n < tlsVolume; n += len(buf) {
					if _, err := c.Write(buf); err != nil {
						return
					}
				}
			}()
		}
	case "fetch":
		pem, err := os.ReadFile(args[2])
		fail(err)
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(pem)
		c, err := tls.Dial("tcp", args[1], &tls.Config{RootCAs: pool, ServerName: "localhost"})
		fail(err)
		null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
		fail(err)
		_, err = io.CopyBuffer(struct{ io.Writer }{null}, struct{ io.Reader }{c}, make([]byte, 256<<10))
		fail(err)
	}
}

// BenchmarkTLSPrograms reads 1 GiB over TLS 1.3: sosh with its layer, and a plain Go
// program, each a whole process, against the same server.
func BenchmarkTLSPrograms(b *testing.B) {
	dir := b.TempDir()
	key, cert := filepath.Join(dir, "key.pem"), filepath.Join(dir, "cert.pem")
	if out, err := exec.Command("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
		"-out", cert, "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	addr := helperAddress(b, tlsVariable+"=serve", cert, key)
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	plain := process(b, "crypto/tls", self, "fetch", addr, cert)
	b.Setenv(tlsVariable, "fetch")
	sideBySide(b, "GiB", 1,
		process(b, "sosh", builtProgram(b), "-c", "open tcp "+addr+" -n c; wrap c tls ca="+cert+" host=localhost; recv c --all > /dev/null"),
		plain)
}

// BenchmarkPing sends 20,000 echo requests over the loopback as fast as they are
// answered: sosh's ping and ping(8), each a whole process.
func BenchmarkPing(b *testing.B) {
	const count = "20000"
	sideBySide(b, "packet", 20000,
		process(b, "sosh", builtProgram(b), "-c", "ping -f -q -c "+count+" 127.0.0.1"),
		process(b, "ping", "ping", "-f", "-q", "-c", count, "127.0.0.1"))
}

// helperAddress starts the test binary as a helper and returns the address that it
// prints.
func helperAddress(b *testing.B, variable string, args ...string) string {
	b.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), variable)
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	buf := make([]byte, 64)
	n, err := out.Read(buf)
	if err != nil {
		b.Fatal(err)
	}
	return string(buf[:n-1])
}
