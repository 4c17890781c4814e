package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"

	"github.com/mattn/go-isatty"
	"github.com/spf13/pflag"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/core/table"
	"github.com/sosh-shell/sosh/shell/command"
	"github.com/sosh-shell/sosh/shell/lang"
	"github.com/sosh-shell/sosh/shell/render"
	"github.com/sosh-shell/sosh/shell/suite"
)

const testSynopsis = `usage: sosh test PATH... [FLAG...]

Runs scripts as tests, of a folder its *.sosh: each with a table and plugins of its
own, several at once. The status is 0 when all have passed, 1 when some failed.

`

// defaultTestDeadline is what one test may take when nothing is said.
const defaultTestDeadline = "1m"

// tests is "sosh test": files as tests. s is the command line before it.
func tests(ctx context.Context, s *settings, argv []string) int {
	f := pflag.NewFlagSet("sosh test", pflag.ContinueOnError)
	f.SortFlags = false
	f.Usage = func() {}
	var limit, deadline render.Duration
	tap := f.Bool("tap", false, "tell in the Test Anything Protocol")
	junit := f.String("junit", "", "write JUnit XML to `FILE`, too")
	jobs := f.IntP("jobs", "j", runtime.NumCPU(), "run `N` at once")
	filter := f.String("filter", "", "only files whose path has a match of `RE`")
	repeat := f.Int("repeat", 1, "run each `N` times")
	retry := f.Int("retry", 0, "run one that fails again, at most `N` times")
	json := f.Bool("json", s.json, "tell in JSON, one object a line")
	f.Var(command.LimitValue(&limit), "timeout", "limit of one waiting step (10s)")
	f.Var(command.LimitValue(&deadline), "deadline", "limit of one test ("+defaultTestDeadline+")")
	if err := f.Parse(argv); err != nil {
		if errors.Is(err, pflag.ErrHelp) {
			fmt.Print(testSynopsis + f.FlagUsages())
			return command.StatusDone
		}
		return usage("test: %v", err)
	}
	cfg := suite.Config{Paths: f.Args(), Jobs: *jobs, Repeat: *repeat, Retry: *retry}
	switch {
	case len(cfg.Paths) == 0:
		return usage("test: no file and no folder is named")
	case *jobs < 1 || *repeat < 1 || *retry < 0:
		return usage("test: -j and --repeat are at least 1, --retry at least 0")
	case *tap && *json:
		return usage("test: --tap and --json exclude each other")
	}
	var err error
	if *filter != "" {
		if cfg.Filter, err = regexp.Compile(*filter); err != nil {
			return usage("test: --filter: %v", err)
		}
	}
	if !limit.Set {
		limit = s.limit
	}
	if !limit.Set {
		limit = render.Duration{Set: true, D: command.DefaultLimit}
	}
	if !deadline.Set {
		deadline, _ = render.ParseDuration(defaultTestDeadline)
	}
	if !deadline.None {
		cfg.Deadline = deadline.D
	}
	cfg.Report = []suite.Reporter{reporter(*tap, *json)}
	if *junit != "" {
		path, err := filepath.Abs(*junit)
		if err != nil {
			return usage("test: --junit: %v", err)
		}
		cfg.Report = append(cfg.Report, suite.JUnit{Path: path})
	}
	cfg.Run = func(ctx context.Context, path string, out io.Writer) suite.Outcome {
		return oneTest(ctx, s, limit, path, out)
	}

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	defer signal.Stop(interrupts)
	go func() {
		select {
		case <-interrupts:
			signal.Stop(interrupts)
			cancel(socket.Interrupted)
		case <-ctx.Done():
		}
	}()
	sums, err := suite.Execute(ctx, cfg)
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "sosh test:", render.Line(err.Error()))
		return command.Status(err)
	case sums.Failed > 0:
		return command.StatusFailed
	}
	return command.StatusDone
}

func reporter(tap, json bool) suite.Reporter {
	switch {
	case tap:
		return suite.TAP{W: os.Stdout}
	case json:
		return suite.JSON{W: os.Stdout}
	}
	return &suite.People{W: os.Stdout, Live: isatty.IsTerminal(os.Stdout.Fd())}
}

// oneTest runs one file in a world of its own.
func oneTest(ctx context.Context, s *settings, limit render.Duration, path string, out io.Writer) suite.Outcome {
	h, err := newHost(s)
	if err != nil {
		fmt.Fprintln(out, "sosh:", err)
		return suite.Outcome{Status: command.StatusFailed}
	}
	defer h.Close()
	t := table.New(h)
	defer t.Close()
	code, err := os.Open(path)
	if err != nil {
		fmt.Fprintf(out, "sosh: %s: %v\n", render.Line(path), err)
		return suite.Outcome{Status: command.StatusUsage}
	}
	defer code.Close()
	sh, err := lang.New(lang.Config{
		Session: &command.Session{Table: t, Limit: limit, Author: author}, Stdout: out, Stderr: out, Raw: out, Name: path, NoExternal: s.noExternal,
	})
	if err != nil {
		fmt.Fprintln(out, "sosh:", err)
		return suite.Outcome{Status: command.StatusFailed}
	}
	status := sh.Script(ctx, code)
	return suite.Outcome{Status: status, Skip: sh.Skipped()}
}
