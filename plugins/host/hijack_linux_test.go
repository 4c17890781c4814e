package host

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
)

// wordsSource is a program of one page: it writes WORD and exits. A libc would make it
// a hundred times as large, and ten thousand starts of it take minutes.
const wordsSource = `
static long call(long n, long a, long b, long c) {
#if defined(__x86_64__)
	long r;
	__asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
	return r;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = n, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c;
	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
	return x0;
#else
#error "how does one call the kernel here?"
#endif
}
#include <sys/syscall.h>
void _start(void) {
	call(SYS_write, 1, (long)WORD, sizeof WORD - 1);
	call(SYS_exit, 0, 0, 0);
	for (;;) {}
}
`

// words compiles a program that prints a word and ends.
func words(t *testing.T, word string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "p")
	gcc := exec.Command("gcc", "-O1", "-static", "-nostdlib", "-fno-stack-protector", "-s", fmt.Sprintf(`-DWORD="%s\n"`, word), "-o", program, "-x", "c", "-")
	gcc.Stdin = strings.NewReader(wordsSource)
	if out, err := gcc.CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	must(t, os.Truncate(program, 64<<10)) // all are of one length
	return program
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// recorded is a host in whose directory the program is an installed plugin named race.
func recorded(t *testing.T, program string) (h *Host, file string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "plugins")
	must(t, os.Mkdir(dir, 0o755))
	h, err := New(Config{Dir: dir})
	must(t, err)
	t.Cleanup(func() { h.Close() })
	content, err := os.ReadFile(program)
	must(t, err)
	file = h.pluginFile("race")
	must(t, os.WriteFile(file, content, 0o755))
	sum := sha256.Sum256(content)
	must(t, h.writeLock(lockFile{Version: 1, Plugins: map[string]lockEntry{"race": {SHA256: hex.EncodeToString(sum[:]),
		Description: socket.Description{Name: "race", Synopsis: "races", Kind: socket.Stream, Address: socket.HostPort}}}}))
	return h, file
}

// run verifies the plugin's file and runs it as a start does: what it printed, or why
// it was not run.
func run(t *testing.T, h *Host) (said string, refused error) {
	t.Helper()
	prog, err := h.verified("race")
	if err != nil {
		return "", err
	}
	defer prog.close()
	log := newRing("race", h.logSink)
	c := newChild(&h.starter, prog, &exec.Cmd{}, t.TempDir(), nil, log, make(chan struct{}))
	must(t, c.Start(context.Background()))
	line := make([]byte, 64)
	n, _ := c.Stdout().Read(line)
	<-c.exited
	return strings.TrimSpace(string(line[:n])), nil
}

// races is how many starts are raced: all of them where everything is tested.
func races() int {
	if os.Getenv("SOSH_TEST_ALL") != "" {
		return 10_000
	}
	return 1000
}

// TestSwappedFileIsNeverRun exchanges the plugin's file with another program all the
// time while it is started: what runs is always what was recorded.
func TestSwappedFileIsNeverRun(t *testing.T) {
	good, rogue := words(t, "good"), words(t, "rogue")
	for name, c := range map[string]struct {
		n      int
		change func(t *testing.T, file string) (once func())
	}{
		"another file": {races(), func(t *testing.T, file string) func() {
			other := filepath.Join(filepath.Dir(file), "other")
			content, err := os.ReadFile(rogue)
			must(t, err)
			must(t, os.WriteFile(other, content, 0o755))
			return func() {
				unix.Renameat2(unix.AT_FDCWD, file, unix.AT_FDCWD, other, unix.RENAME_EXCHANGE)
				unix.Poll(nil, 0)
			}
		}},
		"other content": {races() / 10, func(t *testing.T, file string) func() {
			f, err := os.OpenFile(file, os.O_WRONLY, 0)
			must(t, err)
			t.Cleanup(func() { f.Close() })
			a, err := os.ReadFile(good)
			must(t, err)
			b, err := os.ReadFile(rogue)
			must(t, err)
			turn := 0
			return func() {
				turn++
				f.WriteAt([][]byte{a, b}[turn%2], 0)
				unix.Poll(nil, 1) // so that a start finds it whole now and then
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			h, file := recorded(t, good)
			once := c.change(t, file)
			var over atomic.Bool
			var swaps int
			var swapping sync.WaitGroup
			swapping.Go(func() {
				for !over.Load() {
					once()
					swaps++
				}
			})
			ran, refused := 0, 0
			for range c.n {
				said, err := run(t, h)
				switch {
				case err == nil && said == "good":
					ran++
				case err == nil:
					t.Fatalf("it ran what says %q", said)
				case strings.Contains(err.Error(), "changed since it was installed"):
					refused++
				default:
					t.Fatal(err)
				}
			}
			over.Store(true)
			swapping.Wait()
			t.Logf("%d starts under %d changes: %d ran what was recorded, %d were refused", c.n, swaps, ran, refused)
			if ran == 0 || refused == 0 {
				t.Error("nothing was raced")
			}
		})
	}
}

// TestSealedCopyCannotBeChanged tries from outside, as who has the same rights would.
func TestSealedCopyCannotBeChanged(t *testing.T) {
	h, _ := recorded(t, words(t, "good"))
	prog, err := h.verified("race")
	must(t, err)
	defer prog.close()
	path := fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), prog.file.Fd())
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err == nil {
		defer f.Close()
		if _, err := f.WriteAt([]byte("rogue"), 0); err == nil {
			t.Error("it was written")
		}
		if f.Truncate(0) == nil || f.Truncate(1<<30) == nil {
			t.Error("its size was changed")
		}
		if _, err := unix.Mmap(int(f.Fd()), 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err == nil {
			t.Error("it was mapped for writing")
		}
		if _, err := unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_FUTURE_WRITE); err == nil {
			t.Error("its seals were changed")
		}
	}
	seals, err := unix.FcntlInt(prog.file.Fd(), unix.F_GET_SEALS, 0)
	want := unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
	if err != nil || seals&want != want {
		t.Errorf("seals %x, %v", seals, err)
	}
	if said, err := run(t, h); said != "good" || err != nil {
		t.Errorf("%q, %v", said, err)
	}
}

// TestDigestIsOfWhatIsSealed: who writes to the copy while it is made changes what is
// compared, not only what is run.
func TestDigestIsOfWhatIsSealed(t *testing.T) {
	good, err := os.ReadFile(words(t, "good"))
	must(t, err)
	sum := sha256.Sum256(good)
	sealed, digest, err := seal(&meddling{t: t, content: good}, "race")
	must(t, err)
	defer sealed.Close()
	if digest == hex.EncodeToString(sum[:]) {
		t.Error("the digest is of what was read, not of what was sealed")
	}
}

// meddling is a source that changes the copy as it is read to its end.
type meddling struct {
	t       *testing.T
	content []byte
	off     int
}

func (m *meddling) Read(p []byte) (int, error) {
	n := copy(p, m.content[m.off:])
	m.off += n
	if n > 0 {
		return n, nil
	}
	found := false
	fds, _ := filepath.Glob("/proc/self/fd/*")
	for _, fd := range fds {
		if to, _ := os.Readlink(fd); strings.HasPrefix(to, "/memfd:race") {
			f, err := os.OpenFile(fd, os.O_WRONLY, 0)
			must(m.t, err)
			_, err = f.WriteAt([]byte("rogue"), 100)
			must(m.t, err)
			f.Close()
			found = true
		}
	}
	if !found {
		m.t.Error("the copy was not found")
	}
	return 0, io.EOF
}
