package lang

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/sosh-shell/sosh/core/socket"
)

func TestAJobsFailureIsTheScripts(t *testing.T) {
	for code, want := range map[string]int{
		`false & wait; echo never`:                                 1,
		`{ exit 3; } & { exit 4; } & wait; echo never`:             3,
		`{ exit 3; } & wait || { echo "$?"; exit 9; }`:             9,
		`{ exit 3; } & until ! jobs | grep -q running; do :; done`: 3,
		`{ { exit 5; } & wait; } & wait`:                           5,
		`sleep 60 & kill $!`:                                       0,
		`{ sleep 60; } & kill %1`:                                  0,
		`sleep 60 &`:                                               0,
		`{ exit 3; } & wait || :`:                                  0,
		`x=$((1/0)) & wait`:                                        1,
		`echo {1..20000} & wait`:                                   1,
		`wait %7`:                                                  1,
		`kill %7`:                                                  1,
		`wait -n`:                                                  1,
		`{ wait %1; } & wait`:                                      2,
	} {
		status, stdout, stderr := run(t, code)
		if status != want || strings.Contains(stdout, "never") {
			t.Errorf("%s: status %d, not %d; %q, %q", code, status, want, stdout, stderr)
		}
	}
}

func TestAnUnheardFailureIsTold(t *testing.T) {
	_, _, stderr := run(t, `{ exit 3; } & until ! jobs | grep -q running; do :; done`)
	if stderr != "t: job %1 failed with status 3 and was not waited for: { exit 3; }\n" {
		t.Errorf("%q", stderr)
	}
}

func TestTheNewestJobIsItsProgramOrItsNumber(t *testing.T) {
	_, stdout, _ := run(t, `sleep 60 & one=$!; { :; } & echo $!; : & echo $!; f() { :; }; f & echo $!; kill $one; echo "${one//[0-9]/n}"`)
	if !strings.HasPrefix(stdout, "%2\n%3\n%4\nn") {
		t.Errorf("%q", stdout)
	}
}

func TestAJobWaitsForItsOwnJobs(t *testing.T) {
	if status, stdout, stderr := run(t, `{ { exit 5; } & wait || echo "inner $?"; } & wait %1`); status != 0 || stdout != "inner 5\n" {
		t.Errorf("status %d, %q, %q", status, stdout, stderr)
	}
}

func TestJobsListsWhatRunsAndWhatHasEnded(t *testing.T) {
	_, stdout, stderr := run(t, "sleep 60 &\n{ exit 3; } &\nuntil jobs | grep -q failed; do :; done\njobs | sed 's/ [0-9][0-9]* / N /; s/  */ /g'\nkill %1; wait || :")
	if stdout != "%1 running N sleep 60\n%2 failed N - { exit 3; }\n" {
		t.Errorf("%q, %q", stdout, stderr)
	}
}

func TestManyJobsAreManyJobs(t *testing.T) {
	status, stdout, stderr := run(t, `i=0; while [ $i -lt 3000 ]; do : & i=$((i+1)); done; wait; jobs; echo "$i"`)
	if status != 0 || stdout != "3000\n" || stderr != "" {
		t.Errorf("status %d, %q, %q", status, stdout, stderr)
	}
}

func TestTheEndRunsTrapsAndDeferredCommandsTheLastFirst(t *testing.T) {
	for code, want := range map[string]string{
		`defer echo a; defer echo b; trap 'echo t $?' EXIT; exit 4`: "t 4\nb\na\n",
		`defer echo a; false`:                                      "a\n",
		`v=1; f() { echo $v; }; defer f; v=2`:                      "2\n",
		`v=1; defer echo "a  $v"; v=2`:                             "a  1\n",
		`defer false; defer echo a`:                                "a\n",
		`{ defer echo a; v=x; f() { echo $v; }; defer f; } & wait`: "x\na\n",
		`{ trap 'echo t $?' EXIT; exit 2; } & wait || :`:           "t 2\n",
		`{ defer echo a; echo on; sleep 60; } & until jobs | grep -q running; do :; done; kill %1; wait || :`: "",
	} {
		if _, stdout, stderr := run(t, code); stdout != want && (want != "" || !strings.HasSuffix(stdout, "a\n") && stdout != "") {
			t.Errorf("%s: %q, %q", code, stdout, stderr)
		}
	}
	if status, _, _ := run(t, `trap 'exit 9' EXIT; exit 4`); status != 9 {
		t.Errorf("exit in a trap: status %d", status)
	}
}

func TestTheEndOfARunIsHeardEverywhere(t *testing.T) {
	for _, code := range []string{
		`while :; do :; done & wait`, `sleep 60 & wait`, `sleep 60`, `x=$(sleep 60)`, `while :; do :; done`,
		`sh -c 'trap "" INT TERM; sleep 60; sleep 60'`, `{ { sleep 60; } & wait; } & wait`, `sleep 60 | sleep 60`,
	} {
		ctx, cancel := context.WithCancelCause(context.Background())
		status, stdout, stderr := runUntil(t, ctx, "defer echo cleaned; mark\n"+code+"\necho never", func() {
			cancel(socket.Faultf(socket.Timeout, "over"))
		})
		if status != 3 || stdout != "cleaned\n" || !strings.Contains(stderr, "over") {
			t.Errorf("%s: status %d, %q, %q", code, status, stdout, stderr)
		}
	}
}

func TestAssertTellsItsValues(t *testing.T) {
	for code, want := range map[string]string{
		`x='a b'; assert "$x" = c`: `t:1:10: assert: 'a b' = c does not hold`,
		`assert 2 -gt 3`:           `t:1:1: assert: 2 -gt 3 does not hold`,
		`assert -n ""`:             `t:1:1: assert: -n '' does not hold`,
	} {
		if status, _, stderr := run(t, code); status != 1 || strings.TrimSpace(stderr) != want {
			t.Errorf("%s: status %d, %q", code, status, stderr)
		}
	}
	if status, _, stderr := run(t, `assert 1 -foo 2`); status != 2 || !strings.Contains(stderr, "no expression") {
		t.Errorf("status %d, %q", status, stderr)
	}
	if status, _, stderr := run(t, `assert 1 = 1; assert ! -e /nonexistent; assert -z ""`); status != 0 {
		t.Errorf("status %d, %q", status, stderr)
	}
}

func TestSkipEndsWithoutAVerdict(t *testing.T) {
	for _, code := range []string{`defer echo d; skip no peer; echo never`, `f() { skip no peer; }; defer echo d; f; false`, `defer echo d; x=$(skip no peer); false`} {
		if status, stdout, stderr := run(t, code); status != 0 || stdout != "d\n" || !strings.Contains(stderr, "skipped: no peer") {
			t.Errorf("%s: status %d, %q, %q", code, status, stdout, stderr)
		}
	}
}

func TestBuiltinsErrorsBearTheirPlace(t *testing.T) {
	for code, want := range map[string]string{
		"echo a\ncd /nonexistent":          "t:2:1: cd: ",
		"set +e\n  shift x":                "t:2:3: usage: shift",
		"[ 1 -foo 2 ]":                     "t:1:1: not a valid",
		"echo $((1/0))":                    "t:1:10: division by zero",
		"x=3\necho $((x%=0))":              "t:2:10: division by zero",
		"cat < /nonexistent":               "t:1:5: open /nonexistent: ",
		"cd /; : ${gone:?is missing}":      "t:1:9: gone: is missing",
		"readonly x=1; cd /; x=2; echo on": "t: x: readonly variable",
		"echo x > /dev/full":               "t:1:1: echo: write error: no space left on device",
		"printf '%Z' x":                    "t:1:1: printf: %Z is no directive",
		"trap x USR1":                      "t:1:1: trap: USR1 is not supported",
		"type nosuch":                      "t:1:1: type: nosuch: not found",
	} {
		if status, _, stderr := run(t, code); status == 0 || !strings.HasPrefix(stderr, want) {
			t.Errorf("%s: status %d, %q", code, status, stderr)
		}
	}
}

func TestWhatIsNoScriptIsRefused(t *testing.T) {
	for name, code := range map[string]string{
		"1:4: a NUL byte":    "ab \x00echo never",
		"2:1: a NUL byte":    "echo never\n\x00",
		"more than 16 MiB":   "echo never\n" + strings.Repeat("a", maxScript),
		"1:6: invalid UTF-8": "echo \xff\xfe",
	} {
		status, stdout, stderr := run(t, code)
		if status != 2 || stdout != "" || !strings.Contains(stderr, name) || !strings.HasPrefix(stderr, "t:") {
			t.Errorf("%s: status %d, %q, %.200q", name, status, stdout, stderr)
		}
	}
}

func TestEvalAndSourceAreTheSameLanguage(t *testing.T) {
	dir := t.TempDir()
	status, stdout, stderr := run(t, fmt.Sprintf(`cd %s
eval '{ exit 3; } & wait' || echo "$?"
echo 'x=$LINENO; SECONDS=7; { exit 4; } & wait || echo "$? $1 $SECONDS $x"' > f
. ./f arg
eval 'x=$((1/0))'; echo never`, dir))
	if status != 1 || stdout != "3\n4 arg 7 1\n" {
		t.Errorf("status %d, %q, %q", status, stdout, stderr)
	}
	if status, _, stderr := run(t, "eval 'exec 5>f'"); status != 2 || !strings.Contains(stderr, "descriptor 5") {
		t.Errorf("status %d, %q", status, stderr)
	}
}

func TestNoExternalLeavesNoWay(t *testing.T) {
	for _, code := range []string{
		`cat <(echo hi)`, `eval 'cat <(echo hi)'`, `echo x > /tmp/sh-interp-x`, `test -r /etc/passwd`, `[ -e /etc/passwd ]`,
		`x=$(</etc/passwd)`, `cat < /etc/passwd`, `source /etc/passwd`, `/bin/true`, `command -p true`, `exec true`, `kill -0 $PPID`, `cd /`,
	} {
		if status, stdout, stderr := runWith(t, code, func(c *Config) { c.NoExternal = true }); status == 0 {
			t.Errorf("%s: status %d, %q, %q", code, status, stdout, stderr)
		}
	}
}
