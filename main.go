// Command sosh is a shell for live sockets.
//
// This file wires the parts together and does nothing else: it reads the
// command line and starts the prompt, a script, or one bundled plugin.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/adrg/xdg"
	"github.com/mattn/go-isatty"
	"github.com/spf13/pflag"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/core/table"
	"github.com/sosh-shell/sosh/plugins/fault"
	"github.com/sosh-shell/sosh/plugins/host"
	"github.com/sosh-shell/sosh/plugins/http"
	"github.com/sosh-shell/sosh/plugins/icmpraw"
	"github.com/sosh-shell/sosh/plugins/lenprefix"
	"github.com/sosh-shell/sosh/plugins/lines"
	"github.com/sosh-shell/sosh/plugins/proxy"
	"github.com/sosh-shell/sosh/plugins/sdk"
	"github.com/sosh-shell/sosh/plugins/socks5"
	"github.com/sosh-shell/sosh/plugins/tcp"
	"github.com/sosh-shell/sosh/plugins/telnet"
	"github.com/sosh-shell/sosh/plugins/tls"
	"github.com/sosh-shell/sosh/plugins/udp"
	"github.com/sosh-shell/sosh/plugins/unix"
	"github.com/sosh-shell/sosh/plugins/websocket"
	"github.com/sosh-shell/sosh/shell/command"
	"github.com/sosh-shell/sosh/shell/lang"
	"github.com/sosh-shell/sosh/shell/render"
	"github.com/sosh-shell/sosh/shell/repl"
)

// version is the program's; the contract has its own.
const version = "0.1.0"

// bundled are the protocols that come with the program, each run as
// "sosh plugin serve NAME" in a process of its own.
var bundled = map[string]func() socket.Protocol{
	"icmp-raw": icmpraw.New,
	"tcp":      tcp.New,
	"udp":      udp.New,
	"unix":     unix.New,

	"fault":     fault.New,
	"http":      http.New,
	"lenprefix": lenprefix.New,
	"lines":     lines.New,
	"proxy":     proxy.New,
	"socks5":    socks5.New,
	"telnet":    telnet.New,
	"tls":       tls.New,
	"websocket": websocket.New,
}

const synopsis = `usage: sosh [FLAG...] [FILE [ARG...]]
       sosh [FLAG...] -c CODE [ARG...]
       sosh test PATH... [FLAG...]
       sosh plugin list | new | check | install | remove | info | docs | reload

A shell for live sockets. Without FILE it is a prompt at a terminal, else it
runs a script from standard input. help, at the prompt, tells the commands.

`

func main() {
	if len(os.Args) > 3 && os.Args[1] == "plugin" && os.Args[2] == "serve" {
		serve(os.Args[3], os.Args[4:])
		return
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	os.Exit(run(os.Args[1:]))
}

// gcPercent lets garbage grow to a few times the little that the shell keeps: a
// loop of sends and expects spends a tenth of its time collecting otherwise. What
// is large is an inbox, and that makes no garbage.
const gcPercent = 400

// serve is this process as a plugin; with --stdio as one that is far from its host.
func serve(name string, flags []string) {
	make, ok := bundled[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "sosh plugin serve: no plugin is named %q\n", name)
		os.Exit(command.StatusUsage)
	}
	if slices.Equal(flags, []string{"--stdio"}) {
		sdk.ServeStdio(make())
		return
	}
	sdk.Serve(make())
}

// settings is the command line.
type settings struct {
	code       bool
	json       bool
	verbose    bool
	stream     bool
	noExternal bool
	limit      render.Duration
	deadline   render.Duration
	args       []string
}

func run(argv []string) int {
	var s settings
	f := pflag.NewFlagSet("sosh", pflag.ContinueOnError)
	f.SetInterspersed(false) // what follows FILE is the script's
	f.SortFlags = false
	f.Usage = func() {}
	f.BoolVarP(&s.code, "command", "c", false, "run CODE, the first argument; the next is $0")
	f.BoolVar(&s.json, "json", false, "print facts as JSON, one object a line")
	f.Var(command.LimitValue(&s.limit), "timeout", "limit of one waiting step: 500ms, 2s, 5 (seconds), none, 0; 10s in scripts, none at the prompt")
	f.Var(command.LimitValue(&s.deadline), "deadline", "limit of the whole run")
	f.BoolVar(&s.noExternal, "no-external", false, "no programs and no files: only the shell and its commands")
	f.BoolVar(&s.stream, "stream", false, "carry data through the plugins instead of passing descriptors")
	f.BoolVarP(&s.verbose, "verbose", "v", false, "show what plugins log, on standard error")
	showVersion := f.Bool("version", false, "print the version")
	if err := f.Parse(argv); err != nil {
		if errors.Is(err, pflag.ErrHelp) {
			fmt.Print(synopsis + f.FlagUsages())
			return command.StatusDone
		}
		return usage("%v", err)
	}
	if *showVersion {
		fmt.Println(programVersion())
		return command.StatusDone
	}
	if err := host.DropCapabilities(); err != nil { // the plugin that needs one gets it again
		fmt.Fprintln(os.Stderr, "sosh: dropping capabilities:", err)
	}
	s.args = f.Args()
	if s.code && len(s.args) == 0 {
		return usage("-c needs CODE")
	}

	ctx, stop := signals()
	defer stop()
	defer mustEnd(ctx)()
	if s.deadline.Set && !s.deadline.None {
		var cancel context.CancelCauseFunc
		ctx, cancel = context.WithCancelCause(ctx)
		defer mustEnd(ctx)()
		limit := time.AfterFunc(s.deadline.D, func() {
			cancel(socket.Faultf(socket.Timeout, "the deadline of %v is over", s.deadline.D))
		})
		defer limit.Stop()
	}
	if len(s.args) > 0 && !s.code && s.args[0] == "test" {
		return tests(ctx, &s, s.args[1:])
	}
	h, err := newHost(&s)
	if err != nil {
		fmt.Fprintln(os.Stderr, "sosh:", err)
		return command.StatusFailed
	}
	defer h.Close()
	if len(s.args) > 0 && !s.code && s.args[0] == "plugin" {
		return plugins(ctx, &s, h, s.args[1:])
	}
	return shell(ctx, &s, h)
}

// programVersion is how the program tells people, and itself elsewhere, what it is.
func programVersion() string {
	return fmt.Sprintf("sosh %s (contract %d)", version, socket.ContractVersion)
}

func usage(format string, args ...any) int {
	fmt.Fprintf(os.Stderr, "sosh: %s\n  sosh --help tells the usage\n", render.Line(fmt.Sprintf(format, args...)))
	return command.StatusUsage
}

// endGrace is how long a run may take to end once it must.
const endGrace = 200 * time.Millisecond

// ending says that deferred commands run: they have time of their own.
var ending atomic.Bool

// told says that the reason of the end is on standard error already.
var told atomic.Bool

// tellTime is how long standard error has to take the reason: it may be a pipe that
// nobody reads.
const tellTime = 20 * time.Millisecond

func tell(cause error) {
	done := make(chan struct{})
	go func() {
		fmt.Fprintf(os.Stderr, "sosh: %v\n", cause)
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(tellTime):
	}
}

// mustEnd ends the process when ctx has ended and the run has not: what it
// waits for then, a terminal that is stopped, a pipe that nobody writes, knows
// no cancel. Plugins end with the process. The returned function calls it off.
func mustEnd(ctx context.Context) (off func()) {
	over := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		select {
		case <-over:
		case <-time.After(endGrace):
			if ending.Load() {
				select {
				case <-over:
					return
				case <-time.After(lang.DeferTime):
				}
			}
			if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
				if !told.Load() {
					tell(cause)
				}
				os.Exit(command.Status(cause))
			}
		}
	})
	return func() { close(over); stop() }
}

// signals ends the run in order, with the status that shells give. A second
// signal does what it does to every process.
func signals() (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		if s, ok := <-c; ok {
			signal.Stop(c)
			name := "SIGTERM"
			if s == syscall.SIGHUP {
				name = "SIGHUP"
			}
			cancel(&command.Signalled{Signal: s.(syscall.Signal), Name: name})
		}
	}()
	return ctx, func() { signal.Stop(c); close(c); cancel(nil) }
}

func newHost(s *settings) (*host.Host, error) {
	cfg := host.Config{Bundled: bundled, Dir: pluginDir(), Version: programVersion(),
		Places: filepath.Join(xdg.ConfigHome, "sosh", "places"), NoPlaces: s.noExternal}
	if s.stream {
		cfg.Form = host.Stream
	}
	if s.verbose {
		cfg.Log = render.NewWriter(os.Stderr)
	}
	return host.New(cfg)
}

// pluginDir is where installed plugins are.
func pluginDir() string {
	if d := os.Getenv("SOSH_PLUGIN_DIR"); d != "" {
		return d
	}
	if _, err := os.UserHomeDir(); err != nil && os.Getenv("XDG_DATA_HOME") == "" {
		return "" // it would be in the root directory
	}
	return filepath.Join(xdg.DataHome, "sosh", "plugins")
}

// shell is the prompt or a script.
func shell(ctx context.Context, s *settings, h *host.Host) int {
	t := table.New(h)
	defer t.Close()
	session := &command.Session{Table: t, Limit: s.limit, JSON: s.json, Author: author}
	terminal := isatty.IsTerminal(os.Stdout.Fd())
	session.Colour = terminal && os.Getenv("NO_COLOR") == ""
	if len(s.args) == 0 && terminal && isatty.IsTerminal(os.Stdin.Fd()) {
		return prompt(ctx, s, session)
	}
	if !session.Limit.Set {
		session.Limit = render.Duration{Set: true, D: command.DefaultLimit}
	}
	return script(ctx, s, session, terminal)
}

func prompt(ctx context.Context, s *settings, session *command.Session) int {
	session.Notices = true
	status, err := repl.Run(ctx, repl.Config{
		In: os.Stdin, Out: os.Stdout, Session: session,
		History:    filepath.Join(xdg.StateHome, "sosh", "history"),
		Greeting:   repl.Greeting(version),
		NoExternal: s.noExternal, Ending: func() { ending.Store(true) },
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "sosh:", err)
	}
	return status
}

func script(ctx context.Context, s *settings, session *command.Session, terminal bool) int {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	defer signal.Stop(interrupts)
	defer mustEnd(ctx)()
	go func() {
		select {
		case <-interrupts:
			signal.Stop(interrupts)
			cancel(socket.Interrupted)
		case <-ctx.Done():
		}
	}()
	cfg := lang.Config{
		Session: session, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Raw: os.Stdout,
		NoExternal: s.noExternal, Ending: func() { ending.Store(true) }, Told: func() { told.Store(true) },
	}
	if terminal {
		w := render.NewWriter(os.Stdout)
		defer w.Flush()
		cfg.Stdout, cfg.OutTerminal = w, os.Stdout
	}
	if isatty.IsTerminal(os.Stderr.Fd()) {
		w := render.NewWriter(os.Stderr)
		defer w.Flush()
		cfg.Stderr, cfg.ErrTerminal = w, os.Stderr
		session.Notices = true
	}
	code, status := source(s, &cfg)
	if code == nil {
		return status
	}
	defer code.Close()
	sh, err := lang.New(cfg)
	if err != nil {
		fmt.Fprintln(os.Stderr, "sosh:", err)
		return command.StatusFailed
	}
	if len(s.args) == 0 {
		return sh.Stream(ctx, code)
	}
	return sh.Script(ctx, code)
}

// source opens the script and names it; nil and a status when it cannot be opened.
func source(s *settings, cfg *lang.Config) (io.ReadCloser, int) {
	switch {
	case s.code:
		cfg.Name = "-c"
		if len(s.args) > 1 {
			cfg.Name, cfg.Args = s.args[1], s.args[2:]
		}
		return io.NopCloser(lang.Text(s.args[0])), 0
	case len(s.args) == 0:
		// The script is standard input: its commands get none.
		cfg.Name, cfg.Zero, cfg.Stdin = "stdin", "sosh", nil
		return os.Stdin, 0
	}
	cfg.Name, cfg.Args = s.args[0], s.args[1:]
	f, err := os.Open(s.args[0])
	if err == nil {
		if st, serr := f.Stat(); serr == nil && st.IsDir() {
			f.Close()
			err = &os.PathError{Op: "open", Path: s.args[0], Err: syscall.EISDIR}
		}
	}
	if err != nil {
		var pe *os.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		fmt.Fprintf(os.Stderr, "sosh: %s: %v\n", render.Line(s.args[0]), err)
		return nil, command.StatusUsage
	}
	return f, 0
}
