// Package suite runs scripts as tests: files in parallel, each with a world of its
// own, and tells how they went: to people, as TAP, as JUnit XML, as JSON.
//
// It knows no language and no socket: what runs a file is handed to it.
package suite

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sosh-shell/sosh/core/socket"
)

// Outcome is how one run of a file ended.
type Outcome struct {
	Status int    // 0 passed
	Skip   string // why it was skipped; empty when it was not
}

// Run runs one file until it has ended or ctx is done. What it prints goes to out.
type Run func(ctx context.Context, path string, out io.Writer) Outcome

// Config says what is run, and how.
type Config struct {
	Paths  []string       // files, or folders whose *.sosh are meant, at any depth
	Filter *regexp.Regexp // of paths; nil for all
	Jobs   int            // how many at once; 1 when less
	Repeat int            // how often each; 1 when less
	Retry  int            // how often one that failed is run again
	// Deadline is the time that one run may take; 0 for none.
	Deadline time.Duration
	Run      Run
	Report   []Reporter
}

// Result is one test: a file, or one of its repetitions.
type Result struct {
	Number   int    // from 1, in the order of the files
	Name     string // the path, and the repetition where there are several
	Path     string
	Status   int
	Skip     string
	Output   string // what the last run printed, at most [MaxOutput] bytes of its end
	Cut      bool   // Output is not all
	Took     time.Duration
	Attempts int // runs, at least 1
}

// Passed reports whether the test passed, or was skipped.
func (r Result) Passed() bool { return r.Status == 0 }

// Flaky reports whether it passed, but not at once.
func (r Result) Flaky() bool { return r.Passed() && r.Attempts > 1 }

// MaxOutput bounds what is kept of a test's output, in bytes.
const MaxOutput = 256 << 10

// Reporter is told of a run as it goes, by one goroutine at a time.
type Reporter interface {
	// Begin tells how many tests there will be.
	Begin(tests int)
	// Start tells of a test that begins; Result of one that has ended, in the order
	// in which they end.
	Start(name string)
	Result(Result)
	// End tells the sums. An error fails the whole run.
	End(Sums) error
}

// Sums are a run's.
type Sums struct {
	Passed, Failed, Skipped, Flaky int
	Took                           time.Duration
	Results                        []Result // in the order of their numbers
}

// Find lists the files of the paths, in their order, those of a folder by name. A path
// that is not there, and a folder without a test, are [socket.Usage].
func Find(paths []string, filter *regexp.Regexp) ([]string, error) {
	var out []string
	for _, p := range paths {
		st, err := os.Stat(p)
		if err != nil {
			return nil, socket.Faultf(socket.Usage, "%s: no such file or folder", p)
		}
		if !st.IsDir() {
			out = append(out, p)
			continue
		}
		before := len(out)
		err = filepath.WalkDir(p, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() && strings.HasSuffix(path, ".sosh") {
				out = append(out, path)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		if len(out) == before {
			return nil, socket.Faultf(socket.Usage, "%s: no *.sosh in it", p)
		}
	}
	if filter == nil {
		return out, nil
	}
	out = slices.DeleteFunc(out, func(p string) bool { return !filter.MatchString(p) })
	if len(out) == 0 {
		return nil, socket.Faultf(socket.Usage, "--filter %s fits none of the files", filter)
	}
	return out, nil
}

// Execute runs the tests. The error is a reporter's, or ctx's end.
func Execute(ctx context.Context, cfg Config) (Sums, error) {
	files, err := Find(cfg.Paths, cfg.Filter)
	if err != nil {
		return Sums{}, err
	}
	begin := time.Now()
	jobs := make(chan Result)
	go func() {
		defer close(jobs)
		n := 0
		for i := range max(cfg.Repeat, 1) {
			for _, f := range files {
				n++
				name := f
				if cfg.Repeat > 1 {
					name = fmt.Sprintf("%s (%d of %d)", f, i+1, cfg.Repeat)
				}
				select {
				case jobs <- Result{Number: n, Name: name, Path: f}:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	t := &teller{reporters: cfg.Report}
	t.each(func(r Reporter) { r.Begin(len(files) * max(cfg.Repeat, 1)) })
	var workers sync.WaitGroup
	for range max(cfg.Jobs, 1) {
		workers.Go(func() {
			for r := range jobs {
				t.each(func(p Reporter) { p.Start(r.Name) })
				one(ctx, &cfg, &r)
				t.result(r)
			}
		})
	}
	workers.Wait()
	sums := t.sums()
	sums.Took = time.Since(begin)
	for _, r := range cfg.Report {
		if e := r.End(sums); err == nil {
			err = e
		}
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return sums, err
}

// one runs a test, again while it fails and may.
func one(ctx context.Context, cfg *Config, r *Result) {
	begin := time.Now()
	for r.Attempts = 1; ; r.Attempts++ {
		run, cancel := ctx, context.CancelFunc(func() {})
		if cfg.Deadline > 0 {
			run, cancel = within(ctx, cfg.Deadline)
		}
		var out tail
		o := cfg.Run(run, r.Path, &out)
		cancel()
		r.Status, r.Skip = o.Status, o.Skip
		r.Output, r.Cut = out.text()
		if r.Passed() || r.Attempts > cfg.Retry || ctx.Err() != nil {
			r.Took = time.Since(begin)
			return
		}
	}
}

// within gives ctx a deadline that ends it by a cancel: a context's own deadline is
// that of a waiting step, after which the script would go on.
func within(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	run, cancel := context.WithCancelCause(ctx)
	t := time.AfterFunc(d, func() { cancel(socket.Faultf(socket.Timeout, "the deadline of %v is over", d)) })
	return run, func() { t.Stop(); cancel(nil) }
}

// teller lets reporters have one call at a time.
type teller struct {
	reporters []Reporter

	mu      sync.Mutex
	results []Result
}

func (t *teller) each(f func(Reporter)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range t.reporters {
		f(r)
	}
}

func (t *teller) result(r Result) {
	t.each(func(p Reporter) { p.Result(r) })
	t.mu.Lock()
	defer t.mu.Unlock()
	t.results = append(t.results, r)
}

func (t *teller) sums() (s Sums) {
	s.Results = t.results
	slices.SortFunc(s.Results, func(a, b Result) int { return a.Number - b.Number })
	for _, r := range s.Results {
		switch {
		case r.Skip != "":
			s.Skipped++
		case r.Passed():
			s.Passed++
		default:
			s.Failed++
		}
		if r.Flaky() {
			s.Flaky++
		}
	}
	return s
}

// tail keeps the end of what is written. Jobs of a test write at once.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
	cut bool
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf.Write(p)
	if over := t.buf.Len() - 2*MaxOutput; over > 0 {
		t.buf.Next(t.buf.Len() - MaxOutput)
		t.cut = true
	}
	return len(p), nil
}

func (t *tail) text() (string, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if over := t.buf.Len() - MaxOutput; over > 0 {
		t.buf.Next(over)
		t.cut = true
	}
	return t.buf.String(), t.cut
}
