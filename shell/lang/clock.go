package lang

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
)

// clock gives the variables that change by themselves: SECONDS, since the shell
// began or since it was set, EPOCHSECONDS and EPOCHREALTIME.
type clock struct {
	zero atomic.Int64 // when SECONDS was 0, in nanoseconds since 1970
}

func newClock() *clock {
	c := &clock{}
	c.set(0)
	return c
}

// set makes SECONDS n now.
func (c *clock) set(n int64) {
	c.zero.Store(time.Now().Add(-time.Duration(n) * time.Second).UnixNano())
}

func isClock(name string) bool {
	return name == "SECONDS" || name == "EPOCHSECONDS" || name == "EPOCHREALTIME"
}

// clocks are the names.
var clocks = []string{"SECONDS", "EPOCHSECONDS", "EPOCHREALTIME"}

// read is the clock's value, "" when there is no such clock.
func (c *clock) read(name string) string {
	now := time.Now()
	switch name {
	case "SECONDS":
		return strconv.FormatInt((now.UnixNano()-c.zero.Load())/int64(time.Second), 10)
	case "EPOCHSECONDS":
		return strconv.FormatInt(now.Unix(), 10)
	case "EPOCHREALTIME":
		return fmt.Sprintf("%d.%06d", now.Unix(), now.Nanosecond()/1000)
	}
	return ""
}

func (c *clock) variable(name string) expand.Variable {
	return expand.Variable{Set: true, Kind: expand.String, Str: c.read(name)}
}

// tell prints a clock, in the $(...) that rewritten code has in its place.
func (sh *Shell) tell(_ context.Context, hc *interp.HandlerContext, args []string) error {
	if len(args) != 1 || !isClock(args[0]) {
		return interp.ExitStatus(2)
	}
	io.WriteString(hc.Stdout, sh.clock.read(args[0]))
	return nil
}

// setSeconds is SECONDS=N. What is no number is 0, as in bash.
func (sh *Shell) setSeconds(_ context.Context, _ *interp.HandlerContext, args []string) error {
	n, err := strconv.ParseInt(strings.TrimSpace(strings.Join(args, " ")), 10, 33)
	if err != nil {
		n = 0
	}
	sh.clock.set(n)
	return nil
}
