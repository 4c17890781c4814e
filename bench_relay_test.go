package main

import (
	"bufio"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
)

// bulkVariable makes the test binary one end of a relay, for benchmarks: "sink" tells
// its address and then the length of each connection, an address is sent relaySize bytes.
const bulkVariable = "SOSH_TEST_BULK"

const relaySize = 1 << 30

func bulk(what string) {
	buf := make([]byte, 256<<10)
	if what != "sink" {
		var c net.Conn
		var err error
		for begin := time.Now(); ; time.Sleep(time.Millisecond) {
			if c, err = net.Dial("tcp", what); err == nil || time.Since(begin) > 10*time.Second {
				break
			}
		}
		if err != nil {
			os.Exit(1)
		}
		for range relaySize / len(buf) {
			if _, err := c.Write(buf); err != nil {
				os.Exit(1)
			}
		}
		c.(*net.TCPConn).CloseWrite()
		io.Copy(io.Discard, c)
		return
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		os.Exit(1)
	}
	os.Stdout.WriteString(l.Addr().String() + "\n")
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		sum := 0
		for {
			n, err := c.Read(buf)
			sum += n
			if err != nil {
				break
			}
		}
		os.Stdout.WriteString(strconv.Itoa(sum) + "\n")
		c.Close()
	}
}

// BenchmarkRelay relays 1 GiB over loopback, as a whole process, between two others.
// Beside the time it reports the relay's own CPU time, its plugins included.
func BenchmarkRelay(b *testing.B) {
	self := func(what string) *exec.Cmd {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), bulkVariable+"="+what)
		return cmd
	}
	sink := self("sink")
	out, err := sink.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := sink.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		sink.Process.Kill()
		sink.Wait()
	})
	lines := bufio.NewScanner(out)
	lines.Scan()
	to := lines.Text()
	cpu := map[string][]float64{}
	relay := func(name string, argv ...string) side {
		return side{name: name, need: argv[0], run: func() {
			port := plugintest.Port(b)
			args := make([]string, len(argv))
			for i, a := range argv {
				args[i] = strings.ReplaceAll(a, "@PORT@", strconv.Itoa(port))
			}
			cmd, source := exec.Command(args[0], args[1:]...), self("127.0.0.1:"+strconv.Itoa(port))
			if err := cmd.Start(); err != nil {
				b.Fatal(err)
			}
			serr := source.Run()
			err = cmd.Wait()
			if serr != nil || err != nil || !lines.Scan() || lines.Text() != strconv.Itoa(relaySize) {
				b.Fatalf("%s: %v, %v, %s bytes", name, serr, err, lines.Text())
			}
			use := cmd.ProcessState.SysUsage().(*syscall.Rusage)
			cpu[name] = append(cpu[name], float64(use.Utime.Nano()+use.Stime.Nano()))
		}}
	}
	sideBySide(b, "GiB", 1,
		relay("sosh", builtProgram(b), "-c", "open tcp --listen 127.0.0.1:@PORT@ -n l; accept l -n a; open tcp "+to+" -n b; pipe a b; close --all"),
		relay("socat", "socat", "TCP-LISTEN:@PORT@,bind=127.0.0.1,reuseaddr", "TCP:"+to),
		relay("socat-b256K", "socat", "-b", "262144", "TCP-LISTEN:@PORT@,bind=127.0.0.1,reuseaddr", "TCP:"+to))
	for name, list := range cpu {
		if name == "sosh" {
			b.ReportMetric(median(list[1:])/1000, "sosh-cpu-us/GiB")
			continue
		}
		ratios := make([]float64, 0, len(list))
		for i := 1; i < len(list); i++ { // the first was to warm
			ratios = append(ratios, list[i]/cpu["sosh"][i])
		}
		b.ReportMetric(median(ratios), name+"-cpu/sosh")
	}
}
