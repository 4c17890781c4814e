package conform

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"strings"
	"time"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/sdk"
)

var describing = []check{
	{"Describe is whole", nil, func(t *trial, s *subject) {
		if err := sdk.CheckDescription(s.desc); err != nil {
			t.Error(err)
		}
	}},
	{"A command takes the arguments that it shows", nil, func(t *trial, s *subject) {
		if len(s.desc.Commands) == 0 {
			t.notApplicable("it adds no command")
		}
		for _, c := range s.desc.Commands {
			if n := len(c.Args); c.Max >= 0 && n > c.Max {
				t.Errorf("%s: Args names %d and Max is %d, so the shell refuses the others", c.Name, n, c.Max)
			}
			for _, form := range c.Usage {
				if n := shown(form); c.Max >= 0 && n > c.Max {
					t.Errorf("%s: Usage shows %d in %q and Max is %d, so the shell refuses the others", c.Name, n, form, c.Max)
				}
			}
		}
	}},
	{"Describe returns the same every time", nil, func(t *trial, s *subject) {
		for range 2 {
			d, err := s.describe(t.Context())
			must(t, err)
			if what := differs(s.desc, d); what != "" {
				t.Fatal(what)
			}
		}
	}},
	{"Describe does not wait", nil, func(t *trial, s *subject) {
		t.within("100 calls", func(context.Context) {
			for range 100 {
				s.Describe()
			}
		})
	}},
	{"Describe makes no system call", nil, func(t *trial, s *subject) {
		if s.remote {
			t.notApplicable("a host has recorded what the plugin said")
		}
		// What can be seen from within is that it reads and writes no file.
		own, err := filesTouched(func() {})
		if err != nil {
			t.notApplicable("this kernel does not count reads: %v", err)
		}
		const calls = 10
		n, err := filesTouched(func() {
			for range calls {
				s.Describe()
			}
		})
		must(t, err)
		if n-own >= calls { // a few may be the runtime's
			t.Errorf("%d calls read or wrote files %d times", calls, n-own)
		}
	}},
}

// differs says in what two descriptions differ.
func differs(a, b socket.Description) string {
	va, vb := reflect.ValueOf(a), reflect.ValueOf(b)
	for i := range va.NumField() {
		x, y := va.Field(i).Interface(), vb.Field(i).Interface()
		if !reflect.DeepEqual(x, y) && fmt.Sprint(x) != fmt.Sprint(y) { // a nil list is an empty one
			return fmt.Sprintf("%s was %.200v, then %.200v", va.Type().Field(i).Name, x, y)
		}
	}
	return ""
}

// filesTouched counts the calls of read(2) and write(2) and their like that f makes
// (proc(5), /proc/PID/io), on the calling thread.
func filesTouched(f func()) (n int, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before, err := threadCalls()
	if err != nil {
		return 0, err
	}
	f()
	after, err := threadCalls()
	return after - before, err
}

func threadCalls() (n int, err error) {
	f, err := os.Open("/proc/thread-self/io")
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var calls int
		for _, key := range []string{"syscr: ", "syscw: "} {
			if text, ok := strings.CutPrefix(lines.Text(), key); ok {
				if _, err := fmt.Sscan(text, &calls); err != nil {
					return 0, err
				}
				n += calls
			}
		}
	}
	return n, nil
}

// within runs f, which must end by itself soon: what it waits for is a peer's or
// nobody's. Where it goes on even when it is cancelled the check ends.
func (t *trial) within(what string, f func(ctx context.Context)) {
	const soon = 3 * time.Second // for a machine that is busy with other things
	ctx, cancel := context.WithCancel(t.ctx)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer t.recovered()
		f(ctx)
	}()
	timer := time.NewTimer(min(soon, t.patience))
	defer timer.Stop()
	select {
	case <-done:
		return
	case <-timer.C:
		t.Errorf("%s waited", what)
	}
	cancel()
	select {
	case <-done:
	case <-t.ctx.Done():
		runtime.Goexit()
	case <-time.After(t.patience):
		runtime.Goexit() // what f has is its own still
	}
}

// shown counts the arguments that a form of Usage cannot do without: words in upper case
// outside brackets, which are no flag's value.
func shown(form string) (n int) {
	depth, flag := 0, false
	for i, w := range strings.Fields(form) {
		outside := depth == 0 && w[0] != '['
		depth += strings.Count(w, "[") - strings.Count(w, "]")
		if i > 0 && outside && !flag && w[0] >= 'A' && w[0] <= 'Z' && w == strings.ToUpper(w) {
			n++
		}
		flag = w[0] == '-'
	}
	return n
}
