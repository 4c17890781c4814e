package suite

import (
	"encoding/xml"
	"path/filepath"
	"strconv"
	"time"

	"github.com/sosh-shell/sosh/shell/file"
	"github.com/sosh-shell/sosh/shell/render"
)

// JUnit writes the XML that CI servers read, at the end, to the file of that name. The
// file comes to be whole or not at all.
type JUnit struct{ Path string }

type junitSuites struct {
	XMLName xml.Name   `xml:"testsuites"`
	Suite   junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Time     string      `xml:"time,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Time    string        `xml:"time,attr"`
	Failure *junitFailure `xml:"failure,omitempty"`
	Skipped *junitSkipped `xml:"skipped,omitempty"`
	Out     string        `xml:"system-out,omitempty"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

type junitSkipped struct {
	Message string `xml:"message,attr"`
}

// Begin implements Reporter.
func (JUnit) Begin(int) {}

// Start implements Reporter.
func (JUnit) Start(string) {}

// Result implements Reporter.
func (JUnit) Result(Result) {}

// End implements Reporter.
func (j JUnit) End(s Sums) error {
	seconds := func(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 3, 64) }
	suite := junitSuite{Name: "sosh", Tests: len(s.Results), Failures: s.Failed, Skipped: s.Skipped, Time: seconds(s.Took)}
	for _, r := range s.Results {
		out := string(render.Escape(nil, []byte(r.Output))) // XML has no control characters
		c := junitCase{Class: filepath.Dir(r.Path), Name: render.Line(filepath.Base(r.Name)), Time: seconds(r.Took)}
		switch {
		case r.Skip != "":
			c.Skipped = &junitSkipped{render.Line(r.Skip)}
		case !r.Passed():
			c.Failure = &junitFailure{"status " + strconv.Itoa(r.Status), out}
		default:
			c.Out = out
		}
		suite.Cases = append(suite.Cases, c)
	}
	text, err := xml.MarshalIndent(junitSuites{Suite: suite}, "", "  ")
	if err != nil {
		return err
	}
	return file.WriteWhole(j.Path, 0o644, xml.Header+string(text)+"\n")
}
