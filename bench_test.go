package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/core/table"
	"github.com/sosh-shell/sosh/plugins/host"
	"github.com/sosh-shell/sosh/shell/command"
	"github.com/sosh-shell/sosh/shell/lang"
	"github.com/sosh-shell/sosh/shell/render"
)

// server gives the address of a server that treats each connection with f.
func server(b *testing.B, f func(net.Conn)) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				f(c)
			}()
		}
	}()
	return l.Addr().String()
}

// echoServer is a server in a process of its own, as a peer is.
func echoServer(b *testing.B) string {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), echoVariable+"=1")
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
	line := bufio.NewScanner(out)
	line.Scan()
	return line.Text()
}

func benchTable(b *testing.B) *table.Table {
	b.Helper()
	h, err := host.New(host.Config{Bundled: bundled})
	if err != nil {
		b.Fatal(err)
	}
	tab := table.New(h)
	b.Cleanup(func() {
		tab.Close()
		h.Close()
	})
	return tab
}

// side is one of several programs that do the same.
type side struct {
	name string
	need string // a program that must be installed, or ""
	run  func() // once
}

// sideBySide runs the sides in turn, as machines are noisy and drift, and
// reports the median of each and of its ratio to the first, run by run. unit
// says what a run is divided into.
func sideBySide(b *testing.B, unit string, per int, sides ...side) {
	b.Helper()
	var there []side
	for _, s := range sides {
		if _, err := exec.LookPath(s.need); s.need != "" && err != nil {
			b.Logf("%s is not installed", s.need)
			continue
		}
		there = append(there, s)
		s.run() // warm
	}
	times := make([][]float64, len(there))
	for b.Loop() {
		for i, s := range there {
			begin := time.Now()
			s.run()
			times[i] = append(times[i], float64(time.Since(begin).Nanoseconds())/float64(per))
		}
	}
	for i, s := range there {
		ratios := make([]float64, len(times[i]))
		for j := range ratios {
			ratios[j] = times[i][j] / times[0][j]
		}
		b.ReportMetric(median(times[i])/1000, s.name+"-us/"+unit)
		if i > 0 {
			b.ReportMetric(median(ratios), s.name+"/"+there[0].name)
		}
	}
	b.ReportMetric(0, "ns/op")
}

func median(list []float64) float64 {
	list = slices.Sorted(slices.Values(list))
	return list[len(list)/2]
}

// process is a side that is a whole process.
func process(b *testing.B, name string, argv ...string) side {
	return side{name: name, need: argv[0], run: func() {
		if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
			b.Fatalf("%s: %v\n%s", name, err, out)
		}
	}}
}

// BenchmarkRoundTrip sends one byte and waits for it to come back.
func BenchmarkRoundTrip(b *testing.B) {
	addr := echoServer(b)
	c, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	s, err := benchTable(b).Open(b.Context(), table.Spec{Protocol: "tcp", Connect: addr})
	if err != nil {
		b.Fatal(err)
	}
	turn, err := s.Read(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer turn.Done()
	const trips = 1000
	p := []byte{'x'}
	sideBySide(b, "trip", trips,
		side{name: "netconn", run: func() {
			for range trips {
				c.Write(p)
				if _, err := io.ReadFull(c, p); err != nil {
					b.Fatal(err)
				}
			}
		}},
		side{name: "sosh", run: func() {
			for range trips {
				s.Send(b.Context(), p)
				if _, err := turn.Take(b.Context(), p); err != nil {
					b.Fatal(err)
				}
			}
		}})
}

// BenchmarkSendFile sends 1 GiB over loopback, as a whole process, to a peer
// that reads it to the end.
func BenchmarkSendFile(b *testing.B) {
	const size = 1 << 30
	file := filepath.Join(b.TempDir(), "data")
	f, err := os.Create(file)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := io.CopyN(f, endless{}, size); err != nil {
		b.Fatal(err)
	}
	f.Close()
	counts := make(chan int64, 1)
	addr := server(b, func(c net.Conn) {
		buf := make([]byte, 256<<10)
		var sum int64
		for {
			n, err := c.Read(buf)
			sum += int64(n)
			if err != nil {
				counts <- sum
				return
			}
		}
	})
	host, port, _ := net.SplitHostPort(addr)
	whole := func(s side) side {
		run := s.run
		s.run = func() {
			run()
			if n := <-counts; n != size {
				b.Fatalf("%s: %d bytes arrived", s.name, n)
			}
		}
		return s
	}
	netcat := process(b, "netcat", "sh", "-c", "exec nc.openbsd -N "+host+" "+port+" <"+file+" >/dev/null")
	netcat.need = "nc.openbsd"
	sideBySide(b, "GiB", 1,
		whole(process(b, "sosh", builtProgram(b), "-c", "open tcp "+addr+" -n c; send -f "+file+" c")),
		whole(process(b, "socat", "socat", "-b", "262144", "-u", file, "TCP:"+addr)),
		whole(netcat))
}

// endless is bytes that do not compress into a sparse file.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(i) | 1
	}
	return len(p), nil
}

const rounds = 5000

// BenchmarkScriptLoop sends a line and waits for it, in a loop of a script.
func BenchmarkScriptLoop(b *testing.B) {
	addr := echoServer(b)
	host, port, _ := net.SplitHostPort(addr)
	dir := b.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
		return path
	}
	loop := func(open, body string) string {
		return open + fmt.Sprintf("\ni=0\nwhile [ $i -lt %d ]; do\n%s\ni=$((i+1))\ndone\n", rounds, body)
	}
	sosh := write("a.sosh", loop("open tcp "+addr+" -n c", `send c 'ping\n'; expect c 'ping\n'`))
	bash := write("a.bash", loop("exec 3<>/dev/tcp/"+host+"/"+port, `printf 'ping\n' >&3; read -r x <&3`))
	tcl := write("a.exp", "log_user 0\nspawn -noecho nc.openbsd "+host+" "+port+
		fmt.Sprintf("\nstty raw -echo < $spawn_out(slave,name)\nfor {set i 0} {$i < %d} {incr i} {send \"ping\\n\"; expect \"ping\\n\"}\n", rounds))
	sideBySide(b, "round", rounds,
		process(b, "sosh", builtProgram(b), sosh),
		process(b, "bash", "bash", bash),
		process(b, "expect", "expect", tcl))
}

// BenchmarkScriptLoopInProcess is the same in this process, for a profile.
func BenchmarkScriptLoopInProcess(b *testing.B) {
	code := fmt.Sprintf("open tcp %s -n c\ni=0\nwhile [ $i -lt %d ]; do\nsend c 'ping\\n'; expect c 'ping\\n'\ni=$((i+1))\ndone\nclose c\n", echoServer(b), rounds)
	session := &command.Session{Table: benchTable(b), Limit: render.Duration{Set: true, D: command.DefaultLimit}}
	for b.Loop() {
		sh, err := lang.New(lang.Config{Session: session, Stdout: os.Stdout, Stderr: os.Stderr, Name: "bench"})
		if err != nil {
			b.Fatal(err)
		}
		if status := sh.Script(b.Context(), strings.NewReader(code)); status != 0 {
			b.Fatal(status)
		}
	}
	b.ReportMetric(float64(rounds*b.N)/b.Elapsed().Seconds(), "rounds/s")
}

// BenchmarkStart is a whole process that does next to nothing.
func BenchmarkStart(b *testing.B) {
	sosh := builtProgram(b)
	addr := echoServer(b)
	sideBySide(b, "start", 1,
		process(b, "bash", "bash", "-c", "true"),
		process(b, "sosh", sosh, "-c", "true"),
		process(b, "sosh-open", sosh, "-c", "open tcp "+addr))
}

// BenchmarkManySockets holds 9,000 pairs in one process.
func BenchmarkManySockets(b *testing.B) {
	const many = 9000
	tab := benchTable(b)
	ctx := b.Context()
	open := func(spec table.Spec) *table.Socket {
		s, err := tab.Open(ctx, spec)
		if err != nil {
			b.Fatal(err)
		}
		return s
	}
	srv := open(table.Spec{Protocol: "tcp", Listen: "127.0.0.1:0", Name: "srv"})
	f, _ := srv.Facts()
	addr := f.Local.Text(socket.HostPort)
	session := &command.Session{Table: tab}
	timeOf := func(code string) time.Duration {
		sh, err := lang.New(lang.Config{Session: session, Stdout: io.Discard, Stderr: os.Stderr, Name: "bench"})
		if err != nil {
			b.Fatal(err)
		}
		best := time.Duration(1 << 62)
		for range 5 {
			begin := time.Now()
			if status := sh.Script(ctx, strings.NewReader(code)); status != 0 {
				b.Fatalf("%s: status %d", code, status)
			}
			best = min(best, time.Since(begin))
		}
		return best
	}
	for b.Loop() {
		const few = 10
		var opens, accepts time.Duration
		pair := func() {
			begin := time.Now()
			open(table.Spec{Protocol: "tcp", Connect: addr})
			opens += time.Since(begin)
			begin = time.Now()
			if _, err := srv.Accept(ctx, ""); err != nil {
				b.Fatal(err)
			}
			accepts += time.Since(begin)
		}
		for range few {
			pair()
		}
		commands := map[string]string{
			"show-one": "show srv state", "option": "option tcp1 nodelay", "round": "send tcp1 x; recv tcp2",
			"open-close": "open tcp -n extra; close extra", "bind": "open tcp -n extra; bind extra :0; close extra",
		}
		before := map[string]time.Duration{}
		for name, code := range commands {
			before[name] = timeOf(code)
		}
		opens, accepts = 0, 0
		memory := heap()
		for range many - few {
			pair()
		}
		b.ReportMetric(float64(heap()-memory)/(2*(many-few)), "B/socket")
		b.ReportMetric(float64(many-few)/opens.Seconds(), "opens/s")
		b.ReportMetric(float64(many-few)/accepts.Seconds(), "accepts/s")
		b.ReportMetric(float64(timeOf("show").Microseconds())/1000, "show-ms")
		for name, code := range commands {
			b.ReportMetric(float64(timeOf(code))/float64(before[name]), name+"-ratio")
		}
		for _, s := range tab.Sockets() {
			if s != srv {
				s.Close(context.Background(), true)
			}
		}
	}
}

// heap is what the process holds in memory of its own.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}
