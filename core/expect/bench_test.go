package expect

import (
	"regexp"
	"strings"
	"testing"
)

func BenchmarkReply(b *testing.B) {
	for _, c := range []struct{ pattern, in string }{
		{`^OK`, "OK 123456\n"},
		{`PONG`, "+PONG\r\n"},
		{`^HTTP/1\.[01] ([0-9]+)`, "HTTP/1.1 200 OK\r\n"},
		{`([0-9]+)$`, "value: 12345\r\n"},
	} {
		b.Run(c.pattern, func(b *testing.B) {
			m := mustCompile(b, c.pattern).Matcher(-1)
			in := []byte(c.in)
			b.ReportAllocs()
			for b.Loop() {
				m.Reset(-1)
				if !m.Feed(in) {
					b.Fatal("undecided")
				}
				if _, ok := m.Match(); !ok {
					b.Fatal("no match")
				}
			}
		})
	}
}

func BenchmarkNewMatcher(b *testing.B) {
	p := mustCompile(b, `^HTTP/1\.[01] ([0-9]+)`)
	b.ReportAllocs()
	for b.Loop() {
		p.Matcher(-1).Feed([]byte("HTTP/1.1 200 OK\r\n"))
	}
}

func BenchmarkCompile(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		mustCompile(b, `^HTTP/1\.[01] ([0-9]+)`)
	}
}

// A flood without a match, in pieces as they come from a socket. Package
// regexp, which sees it whole, is there to compare.
func BenchmarkFlood(b *testing.B) {
	flood := []byte(strings.Repeat("2024-01-02 12:00:00 host app[123]: GET /index.html took 12 ms\r\n", 1000))
	for _, pattern := range []string{
		`login: `, `^ERROR (\w+)`, `(?i)error: ([0-9]+)`, `\btook [0-9]+ s$`, `[^ ]+@[^ ]+`, `.*zzz`, `(x?){30}x{30}`,
	} {
		b.Run(pattern, func(b *testing.B) {
			m := mustCompile(b, pattern).Matcher(-1)
			b.SetBytes(int64(len(flood)))
			b.ReportAllocs()
			for b.Loop() {
				for rest := flood; len(rest) > 0; {
					n := min(16<<10, len(rest))
					m.Feed(rest[:n])
					rest = rest[n:]
				}
			}
		})
		b.Run("regexp/"+pattern, func(b *testing.B) {
			re := regexp.MustCompile("(?m)" + pattern)
			b.SetBytes(int64(len(flood)))
			for b.Loop() {
				re.FindSubmatchIndex(flood)
			}
		})
	}
}
