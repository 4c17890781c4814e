package command

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sosh-shell/sosh/core/expect"
	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/core/table"
	"github.com/sosh-shell/sosh/shell/journal"
	"github.com/sosh-shell/sosh/shell/render"
)

// Session is what the commands of one shell share. Safe for concurrent use:
// jobs run commands beside each other.
type Session struct {
	Table *table.Table
	// Limit is the time that a waiting step gets when the command does not say.
	Limit render.Duration
	// JSON makes every command that prints facts print JSON.
	JSON bool
	// Notices makes commands tell what they did: at a prompt, not in a script.
	Notices bool
	// Colour allows colour at a terminal.
	Colour bool
	// History lists what was typed, the oldest first; nil where nothing is kept.
	History func() []string
	// Journal remembers what is done, for save; nil where nothing is remembered.
	Journal *journal.Journal

	// Author is what authors of plugins need and only main can give; may be nil.
	Author *Author

	parent *Session // of a job's; nil for the shell's

	making   sync.Mutex // of commands
	commands atomic.Pointer[Set]

	mu       sync.Mutex
	current  string
	patterns map[pattern]*expect.Pattern
	matched  []string // variables that the last match set
}

// DefaultLimit is the time that a waiting step gets in a script.
const DefaultLimit = 10 * time.Second

// ForJob is the session as a job has it: the same sockets and settings, but a
// current socket and a last match of its own. The current one is the same at first.
func (s *Session) ForJob() *Session {
	shell := s.shell()
	return &Session{
		Table: shell.Table, Limit: shell.Limit, JSON: shell.JSON, Notices: shell.Notices, Colour: shell.Colour,
		History: shell.History, Journal: shell.Journal, Author: shell.Author, parent: shell, current: s.Current(),
	}
}

// shell is the session that the jobs' come from.
func (s *Session) shell() *Session {
	if s.parent != nil {
		return s.parent
	}
	return s
}

// Commands are those of sosh and those that the session's plugins add.
func (s *Session) Commands() *Set {
	s = s.shell()
	if set := s.commands.Load(); set != nil {
		return set
	}
	return s.refresh()
}

// refresh asks the plugins again for the commands that they add.
func (s *Session) refresh() *Set {
	s = s.shell()
	s.making.Lock()
	defer s.making.Unlock()
	set := All().With(s.Table.Providers())
	s.commands.Store(set)
	return set
}

// Current is the name of the current socket, "" when there is none.
func (s *Session) Current() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

// SetCurrent makes name the current socket: only open, accept and use do.
func (s *Session) SetCurrent(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = name
}

// socket finds the socket that a word names; "." is the current one.
func (s *Session) socket(op, word string) (*table.Socket, error) {
	name := word
	if word == "." {
		if name = s.Current(); name == "" {
			return nil, &socket.Error{Op: op, Place: ".", Err: socket.Faultf(socket.NoSocket, "there is no current socket"),
				Hint: "open, accept and use set it"}
		}
	}
	sock, err := s.Table.Socket(name)
	if err != nil {
		return nil, &socket.Error{Op: op, Err: err, Hint: "show lists the sockets that are open"}
	}
	return sock, nil
}

// step gives ctx the time allowed for one waiting step: the flag's, else the
// session's.
func (s *Session) step(ctx context.Context, limit render.Duration) (context.Context, context.CancelFunc) {
	if !limit.Set {
		limit = s.Limit
	}
	if limit.None || !limit.Set {
		return context.WithCancel(ctx)
	}
	return table.WithLimit(ctx, limit.D)
}

// idle gives ctx the time allowed for each single wait, for what may go on for
// long as long as it moves.
func (s *Session) idle(ctx context.Context, limit render.Duration) context.Context {
	if !limit.Set {
		limit = s.Limit
	}
	if limit.None || !limit.Set {
		return ctx
	}
	return table.WithIdle(ctx, limit.D)
}

// notice tells a person what was done.
func (c *Call) notice(format string, args ...any) {
	if c.Session.Notices {
		fmt.Fprintf(c.Stderr, format+"\n", args...)
	}
}

// warn tells what a person would want to know in a script, too.
func (c *Call) warn(format string, args ...any) {
	fmt.Fprintf(c.Stderr, c.Where()+format+"\n", args...)
}
