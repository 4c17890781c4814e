package lang

import (
	"context"

	"github.com/sosh-shell/sosh/shell/command"
	"github.com/sosh-shell/sosh/shell/journal"
)

// notes tells the journal of one typed line: of each statement by itself, where they
// can be told apart.
type notes struct {
	journal *journal.Journal
	text    string
	units   []journal.Unit
	status  int // of a line that is one unit, its first failure's
	open    bool
}

// whole says how many statements the line has.
func (n *notes) whole(statements int) {
	if n.journal == nil {
		return
	}
	if n.units = journal.Split(n.text); len(n.units) != statements {
		n.units = []journal.Unit{{Line: n.text, To: len(n.text)}}
		n.journal.Begin(n.units[0], true)
		n.open = true
	}
}

func (n *notes) begin(i int) {
	if n.journal != nil && !n.open {
		n.journal.Begin(n.units[i], i == 0)
	}
}

func (n *notes) end(status int) {
	if n.journal != nil && !n.open {
		n.journal.End(status)
	} else if n.status == 0 {
		n.status = status
	}
}

// done ends a line that is one unit.
func (n *notes) done() {
	if n.open {
		n.journal.End(n.status)
	}
}

// refused tells of a line that did not run.
func (n *notes) refused(err error) {
	if n.journal != nil {
		n.journal.Begin(journal.Unit{Line: n.text, To: len(n.text)}, true)
		n.journal.Failed(err.Error())
		n.journal.End(command.StatusUsage)
	}
}

// noted tells the journal of a program that failed.
func (sh *Shell) noted(ctx context.Context, err error) error {
	if j := sh.cfg.Session.Journal; err != nil && j != nil && jobOf(ctx) == nil {
		j.Failed("")
	}
	return err
}
