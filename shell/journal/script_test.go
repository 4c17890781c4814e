package journal

import (
	"strings"
	"testing"

	"github.com/sosh-shell/sosh/core/table"
)

// told is a journal of lines that succeeded at once.
func told(lines ...string) *Journal {
	j := New()
	for _, l := range lines {
		j.Begin(Unit{Line: l, To: len(l)}, true)
		j.End(0)
	}
	return j
}

// has checks that text stands in the script, or does not.
func has(t *testing.T, script, text string, want bool) {
	t.Helper()
	if strings.Contains(script, text) != want {
		t.Errorf("%q is there: %v\n%s", text, !want, script)
	}
}

// TestMessagesAreTakenApartWhileDataIsGivenUp: what grow does meanwhile neither races
// with the decoding nor takes its data away.
func TestMessagesAreTakenApartWhileDataIsGivenUp(t *testing.T) {
	j := New()
	st := &stream{sock: new(table.Socket)}
	for range 3 {
		p := j.begin(st)
		p.head = []byte("data")
		j.pending = append(j.pending, p)
	}
	j.pending[0].gone = true
	list, messages := j.undecoded()
	done := make(chan bool)
	go func() {
		defer close(done)
		j.mu.Lock()
		defer j.mu.Unlock()
		j.grow(maxData)
	}()
	for _, m := range messages {
		if string(m.Data) != "data" {
			t.Errorf("%q is to be taken apart", m.Data)
		}
	}
	<-done
	if len(list) != 2 || len(messages) != 2 || len(j.pending) != 0 {
		t.Errorf("%d pieces, %d messages, %d left", len(list), len(messages), len(j.pending))
	}
	if !list[0].gone || list[0].head != nil {
		t.Error("nothing was given up")
	}
}

func TestJobsOfSecretLinesAreNotTold(t *testing.T) {
	j := told("sleep 100 &", "{ sleep 7;sleep 8; } &", " sleep 1000 &", " curl -u me:word x &")
	running := func(texts ...string) (jobs []Job) {
		for _, s := range texts {
			jobs = append(jobs, Job{Text: s, Running: true})
		}
		return jobs
	}
	script := j.Script(Options{Jobs: running("sleep 100", "{\n\tsleep 7\n\tsleep 8\n}", "sleep 1000", "curl -u me:word x")})
	has(t, script, "script: sleep 100\n", true)
	has(t, script, "sleep 7", true)
	has(t, script, "word", false)
	has(t, script, "sleep 1000", false)
	has(t, script, "# A job ran when this was saved, whose command is left out.\n", true)
}

// run adds a line that ended so, and sockets that it made.
func (j *Journal) run(line string, status int, born ...string) {
	j.Begin(Unit{Line: line, To: len(line)}, true)
	for range born {
		j.order = append(j.order, &stream{sock: new(table.Socket), name: born[0], born: j.now(), closed: -1, known: -1})
	}
	if status != 0 {
		j.Failed("nothing came")
	}
	e := j.last()
	e.over, e.status = true, status
}

// bare is the script without a look at the sockets, which are none.
func (j *Journal) bare() string { return j.write(Options{}) }

func TestWhatFailedStaysWhereItsSocketsStay(t *testing.T) {
	j := New()
	j.run("open tcp :1 -n a && expect a x", 4, "a")
	j.run("open tcp :1 -n b", 1)
	j.run("set +e", 0)
	j.run("open tcp :1 -n d && false", 1, "d")
	script := j.bare()
	has(t, script, "\nset +e # the next one failed, but its socket stayed\nopen tcp :1 -n a && expect a x\nset -e\n# open tcp :1 -n b\n", true)
	has(t, script, "\nset +e\nopen tcp :1 -n d && false\n", true)
	if n := strings.Count(script, "set -e"); n != 1 {
		t.Errorf("errexit is set %d times:\n%s", n, script)
	}
}
