package unruly

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/sosh-shell/sosh/plugins/internal/wire"
)

// atStart is what it does instead of greeting, or with its greeting. do returns where
// the start is to go on.
var atStart = []struct {
	name, does string
	do         func()
}{
	{"dies", "prints a word and exits before the greeting", func() {
		fmt.Fprintln(os.Stderr, "cannot go on")
		os.Exit(3)
	}},
	{"killed", "kills itself before the greeting", die},
	{"segfaults", "dies of a signal before the greeting", segfault},
	{"prints", "prints what is no greeting, and stays", func() {
		fmt.Println("hello, I am no plugin")
		time.Sleep(time.Minute)
	}},
	{"hangs", "says nothing", func() { time.Sleep(time.Minute) }},
	{"stops", "stops itself before the greeting", stop},
	{"half", "prints half a greeting, and stays", func() {
		fmt.Print("1|1|unix|/tm")
		time.Sleep(time.Minute)
	}},
	{"endless", "greets with one line of 1 MiB", func() {
		os.Stdout.WriteString(strings.Repeat("1|", 1<<19) + "\n")
		time.Sleep(time.Minute)
	}},
	{"escapes", "greets with what a terminal would obey, and exits", func() {
		fmt.Println(Escapes)
		fmt.Fprintln(os.Stderr, Escapes)
		os.Exit(3)
	}},
	{"elsewhere", "greets with a socket that is not its own", func() {
		fmt.Printf("1|%d|unix|/run/systemd/private|grpc|\n", wire.Version)
		time.Sleep(time.Minute)
	}},
	{"version", "speaks another version of the contract", func() {
		fmt.Printf("1|%d|unix|%s|grpc|\n", wire.Version+7, filepath.Join(socketDir(), "s"))
		time.Sleep(time.Minute)
	}},
	{"deaf", "greets, and answers nothing", func() {
		greet(listen())
		time.Sleep(time.Minute)
	}},
	{"closes", "greets, and closes the connection", func() {
		l := listen()
		greet(l)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}},
	{"garbles", "greets, and speaks no HTTP/2", func() {
		l := listen()
		greet(l)
		c, err := l.Accept()
		for err == nil {
			_, err = c.Write([]byte("HTTP/1.1 200 OK\r\n\r\n" + strings.Repeat("\x00\xff", 1000)))
		}
		time.Sleep(time.Minute)
	}},
	{"babbles", "prints without end and never greets", func() {
		for line := []byte(strings.Repeat("x", 70) + "\n"); ; {
			os.Stderr.Write(line)
		}
	}},
	{"orphans", "leaves a child with its pipes and exits before the greeting", func() {
		c := exec.Command("sleep", "60")
		c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
		c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		c.Start()
		os.Exit(3)
	}},
}

// socketDir is where the host wants the plugin's socket.
func socketDir() string { return os.Getenv("PLUGIN_UNIX_SOCKET_DIR") }

func listen() net.Listener {
	l, err := net.Listen("unix", filepath.Join(socketDir(), "s"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return l
}

// greet is what go-plugin's server prints.
func greet(l net.Listener) { fmt.Printf("1|%d|unix|%s|grpc|\n", wire.Version, l.Addr()) }

func segfault() {
	syscall.Kill(os.Getpid(), syscall.SIGSEGV) // Go's runtime takes it for its own and dies
	time.Sleep(time.Second)
	os.Exit(139)
}
