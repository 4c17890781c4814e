package vary

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sosh-shell/sosh/core/expect"
)

var now = time.Date(2026, 10, 5, 12, 0, 0, 0, time.UTC)

func maker() *Maker { return &Maker{Ports: map[uint16]bool{40123: true}, Now: now} }

// matches reports whether the pattern matches the whole text, from its beginning.
func matches(t testing.TB, pattern, text string) bool {
	t.Helper()
	p, err := expect.Compile(`\A(?:` + pattern + `)\z`)
	if err != nil {
		t.Fatalf("%s: %v", pattern, err)
	}
	m := p.Matcher(-1)
	m.Feed([]byte(text))
	m.End()
	_, ok := m.Match()
	return ok
}

func TestWhatVariesMatchesAnotherTime(t *testing.T) {
	for _, c := range []struct{ name, one, other, not string }{
		{"RFC 5322", "Date: Mon, 5 Oct 2026 09:08:07 +0200 (CEST)", "Date: Fri, 25 Dec 2026 19:18:17 +0100 (CET)", "Date: soon"},
		{"HTTP", "Date: Mon, 05 Oct 2026 12:00:00 GMT\r\n", "Date: Tue, 13 Oct 2026 23:59:59 GMT\r\n", "Date: Tue, 13 Oct 2026 23:59:59 CET\r\n"},
		{"RFC 850", "Monday, 05-Oct-26 12:00:00 GMT", "Wednesday, 14-Oct-26 12:00:01 GMT", "Monday, 05-10-26 12:00:00 GMT"},
		{"redis log", "05 Oct 2026 12:00:00.123 # up", "15 Nov 2026 12:00:00.9 # up", "05 Oct 2026 12:00 # up"},
		{"common log", "[05/Oct/2026:12:00:00 +0000]", "[06/Nov/2026:01:02:03 -0500]", "[06/Nov/2026]"},
		{"ISO 8601", "at 2026-10-05T12:00:00.123456Z.", "at 2027-01-31T23:59:59.1Z.", "at 2027-01-31."},
		{"RFC 3339", "2026-10-05T12:00:00+02:00", "2026-12-05T13:00:00-05:00", "2026-12-05T13:00:00Z"},
		{"log", "2026-10-05 12:00:00,123 INFO", "2026-10-06 01:00:00,4 INFO", "2026-10-06 INFO"},
		{"basic", "20261005T120000Z", "20270101T010203Z", "20270101"},
		{"ctime", "Mon Oct  5 12:00:00 2026", "Tue Dec 15 12:00:00 2026", "Mon Oct 5 2026"},
		{"date(1)", "Mon Oct  5 12:00:00 UTC 2026", "Tue Oct 16 12:00:00 UTC 2026", "Mon Oct  5 12:00 UTC"},
		{"syslog", "<34>Oct 11 22:14:15 mymachine su: failed", "<34>Jan  1 00:00:00 mymachine su: failed", "<34>Jan 1 mymachine su: failed"},
		{"date", "Released 2026/10/05", "Released 2027/11/15", "Released 2027"},
		{"time", "up since 12:00:00", "up since 23:14:15", "up since 12:00"},
		{"seconds since 1970", "*2\r\n:1791201600\r\n", "*2\r\n:1791299999\r\n", "*2\r\n:17912016001\r\n"},
		{"milliseconds", "t=1791201600123;", "t=1791201611456;", "t=now;"},
		{"fraction", "1791201600.25", "1791201601.5", "1791201601"},
		{"duration", "done in 12.5 ms", "done in 7.25 ms", "done in 7.25 s"},
		{"short duration", "took 250ms.", "took 9ms.", "took 9s."},
		{"Go duration", "up 1h2m3s", "up 12h44m9s", "up 12h"},
		{"words", "in 5 minutes", "in 12 minutes", "in some minutes"},
		{"UUID", "id: 6ba7b810-9dad-11d1-80b4-00c04fd430c8", "id: 00000000-0000-4000-8000-0123456789ab", "id: 6ba7b810"},
		{"hex", "token deadbeef0123456789", "token 0123456789deadbeef", "token 0123456789deadbee"},
		{"base64", "334 PDE3OTEyMDE2MDAuMTJAaG9zdD4=", "334 PDE3OTEyMDE2NTUuOTk5QGhvc3QuZXhhbXBsZT4=", "334 short"},
		{"pid", "sshd[4711]: listening", "sshd[9]: listening", "sshd[]: listening"},
		{"bare pid", "ready [4711] at last", "ready [22] at last", "ready [] at last"},
		{"message id", "<20261005120000.GA4711@mx.example.org>", "<20270101010101.XY1@mx.example.org>", "<20270101010101.XY1@other>"},
		{"queue id", "250 2.0.0 Ok: queued as 4F2A81C0D3\r\n", "250 2.0.0 Ok: queued as 9Bz81\r\n", "250 2.0.0 Ok: queued as\r\n"},
		{"exim", "250 OK id=1qXyZa-0001Ab-2C\r\n", "250 OK id=1qXyZb-0009Zz-3D\r\n", "250 OK id=\r\n"},
		{"address", "hello 127.0.0.1:51514, welcome", "hello 127.0.0.1:38000, welcome", "hello 127.0.0.2:38000, welcome"},
		{"IPv6 address", "from [::1]:51514 ", "from [::1]:40000 ", "from [::2]:40000 "},
		{"our port", "port 40123 it is", "port 5 it is", "port x it is"},
		{"PASV", "227 Entering Passive Mode (127,0,0,1,200,15).\r\n", "227 Entering Passive Mode (127,0,0,1,9,8).\r\n", "227 Entering Passive Mode (127,0,0,2,9,8).\r\n"},
		{"EPSV", "229 Entering (|||51234|)", "229 Entering (|||40000|)", "229 Entering (||40000|)"},
		{"within a path", "/var/log/app/2026-10-05T12:00:00Z/part", "/var/log/app/2026-11-06T13:01:02Z/part", "/var/log/app/x/part"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, _ := maker().Pattern([]byte(c.one))
			for _, text := range []string{c.one, c.other} {
				if !matches(t, p, text) {
					t.Errorf("%s does not match %q", p, text)
				}
			}
			if matches(t, p, c.not) {
				t.Errorf("%s matches %q", p, c.not)
			}
		})
	}
}

func TestWhatStaysIsKept(t *testing.T) {
	for _, text := range []string{
		"HTTP/1.1 200 OK\r\n", "Server: nginx/1.22.1\r\n", "Content-Length: 4711\r\n", "ETag: \"68e3c1a2-267\"\r\n",
		"220 mail.example.org ESMTP Postfix (Debian/GNU)\r\n", "250-SIZE 33554432\r\n", "$11\r\nhello world\r\n", ":42\r\n",
		"+PONG\r\n", "<alice@example.org>", "127.0.0.1:25", "334 VXNlcm5hbWU6\r\n", "application/x-www-form-urlencoded; charset=utf-8",
		"deadbeefcafe", "1.2.3", "a[x] = 5", "it's 100% (sure) [yes] {no} ^$ a|b \\d", "12345678901234567",
	} {
		if p, open := maker().Pattern([]byte(text)); p != Exact([]byte(text)) || open {
			t.Errorf("%q became %s", text, p)
		}
	}
}

func TestAnOpenEndIsTold(t *testing.T) {
	for text, want := range map[string]bool{
		"port 40123": true, "port 40123\n": false, "at 12:00:00.123": true, "at 12:00:00": false, "login: ": false,
		"queued as 4F2A81C0D3": true, "1791201600": false,
	} {
		if p, open := maker().Pattern([]byte(text)); open != want {
			t.Errorf("%q: %s: open is %v", text, p, open)
		}
	}
}

// harmless checks that the pattern may stand between single quotes on a line.
func harmless(t testing.TB, pattern string) {
	t.Helper()
	if strings.ContainsAny(pattern, "'\x00\n\r\x1b") {
		t.Errorf("%q cannot stand between quotes", pattern)
	}
}

func check(t testing.TB, text []byte) {
	t.Helper()
	m := maker()
	p, _ := m.Pattern(text)
	harmless(t, p)
	if !matches(t, p, string(text)) {
		t.Errorf("%s does not match its source %q", p, text)
	}
	if exact := Exact(text); !matches(t, exact, string(text)) {
		t.Errorf("%s does not match its source %q", exact, text)
	}
}

func TestPatternMatchesItsSource(t *testing.T) {
	pieces := []string{"Mon, ", "05 Oct 2026 ", "12:00:00", " GMT", "+0200", " (CEST)", ".123", "Oct  5 ", "2026-10-05", "T", "Z", "Oct", "40123", "1791201600",
		"127.0.0.1:", "[::1]:", "51514", "deadbeef0123456789", "sshd[", "42]", "'", "\\", "\r\n", "\xff", "é", "<", "@h>", "id=", "queued as ", "ms", " ", ",", "(", ")", "|||", "=", "h5m", "\x00", "\u202e"}
	rapid.Check(t, func(rt *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 12).Draw(rt, "pieces"), "")
		check(t, []byte(text))
	})
}

func FuzzPattern(f *testing.F) {
	f.Add([]byte("Date: Mon, 05 Oct 2026 12:00:00 GMT\r\n"))
	f.Add([]byte("220 mx ESMTP; Mon Oct  5 12:00:00 2026 [127.0.0.1]:51514 sshd[12] 4F2A81C0D3"))
	f.Add([]byte("\x00\xff'\\\u202e <a1b2c3d4e5f6@h> queued as 12ab."))
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 1000 {
			return // a pattern has a bound of its own
		}
		check(t, text)
	})
}

func TestLongTextTakesNoLongTime(t *testing.T) {
	for _, piece := range []string{"a/-1", "0123456789abcdeg", "Mon, 05 Oct 2026 12:00:00 ", "<", "1.1.1.", "x[", "aB3_"} {
		text := bytes.Repeat([]byte(piece), 1<<20/len(piece))
		p, _ := maker().Pattern(text)
		harmless(t, p)
	}
}
