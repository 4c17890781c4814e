package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/core/table"
	"github.com/sosh-shell/sosh/plugins/host"
	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
)

// sshServer is a real sshd of this test's own, with one key that may log in, and a
// home directory that is empty but for a shell that greets.
type sshServer struct {
	home    string
	command []string // that leads there
	pid     int
}

func startSSH(t *testing.T) *sshServer {
	t.Helper()
	sshd, err := exec.LookPath("sshd")
	if err != nil {
		sshd = "/usr/sbin/sshd"
	}
	dir, home := t.TempDir(), t.TempDir()
	for _, name := range []string{"host", "key"} {
		if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(dir, name)).CombinedOutput(); err != nil {
			t.Fatalf("ssh-keygen: %v\n%s", err, out)
		}
	}
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	hostKey, err := os.ReadFile(filepath.Join(dir, "host.pub"))
	if err != nil {
		t.Fatal(err)
	}
	// bash reads this one even when it only runs a command.
	write(filepath.Join(home, ".bashrc"), "echo 'welcome to sosh:0000:want a trap'; printf 'no line end'; printf '\\033[31mnoise' >&2\n")
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
		t.Fatal(err)
	}
	s := &sshServer{home: home, command: []string{"ssh", "-F", filepath.Join(dir, "ssh_config"), "lab"}}
	for try := 0; ; try++ {
		port := plugintest.Port(t)
		write(filepath.Join(dir, "sshd_config"), fmt.Sprintf(`ListenAddress 127.0.0.1
Port %d
HostKey %[2]s/host
AuthorizedKeysFile %[2]s/key.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
LogLevel ERROR
SetEnv HOME=%[3]s
`, port, dir, home))
		write(filepath.Join(dir, "known"), fmt.Sprintf("[127.0.0.1]:%d %s", port, hostKey))
		write(filepath.Join(dir, "ssh_config"), fmt.Sprintf(`Host lab
  HostName 127.0.0.1
  Port %d
  User root
  IdentityFile %[2]s/key
  IdentitiesOnly yes
  UserKnownHostsFile %[2]s/known
  GlobalKnownHostsFile none
`, port, dir))
		c := exec.Command(sshd, "-D", "-e", "-f", filepath.Join(dir, "sshd_config"))
		c.Stderr = testLog{t}
		c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		started, ended := make(chan error), make(chan struct{})
		go func() {
			runtime.LockOSThread() // its end would be sshd's
			err := c.Start()
			started <- err
			if err == nil {
				c.Wait()
			}
			close(ended)
		}()
		if err := <-started; err != nil {
			t.Fatal(err)
		}
		up := false
		until(t, "sshd listens", func() bool {
			select {
			case <-ended:
				return true
			default:
			}
			k, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if err == nil {
				k.Close()
				up = true
			}
			return up
		})
		if up {
			s.pid = c.Process.Pid
			t.Cleanup(func() {
				for _, child := range children(s.pid) {
					syscall.Kill(child, syscall.SIGKILL)
				}
				c.Process.Kill()
				<-ended
			})
			return s
		}
		if try == 3 { // somebody else took the port, each time
			t.Fatal("sshd does not start")
		}
	}
}

// plugins are the processes that run what was carried there.
func (s *sshServer) plugins() []int { return running(s.home + "/.cache/sosh/sosh-") }

func (s *sshServer) carried(t *testing.T) string {
	t.Helper()
	files, _ := filepath.Glob(s.home + "/.cache/sosh/*")
	if len(files) != 1 || !strings.HasPrefix(filepath.Base(files[0]), "sosh-"+version+"-") {
		t.Fatalf("in the cache: %v", files)
	}
	return files[0]
}

// TestProgramIsCarriedOnceThroughSSH: into an empty home, past a shell that greets;
// found again the next time, and carried anew when it is not what it was.
func TestProgramIsCarriedOnceThroughSSH(t *testing.T) {
	s := startSSH(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	reach := func(wantTold bool) {
		t.Helper()
		tab, h := elsewhere(t, s.command...)
		var told string
		begin := time.Now()
		if err := h.Reach(ctx, "tcp@lab", func(line string) { told = line }); err != nil {
			t.Fatal(err, hintOf(err))
		}
		t.Logf("reached in %v: %s", time.Since(begin).Round(time.Millisecond), told)
		if (told != "") != wantTold {
			t.Errorf("told %q", told)
		}
		a, b := connection(t, tab, "tcp@lab", "tcp@lab", "127.0.0.1:0")
		if err := bulkThrough(ctx, a, b, 1000); err != nil {
			t.Error(err)
		}
		tab.Close()
		h.Close()
		until(t, "nothing is left there", func() bool { return len(s.plugins()) == 0 })
	}
	reach(true)
	file := s.carried(t)
	first, err := os.Stat(file)
	if err != nil || first.Mode().Perm() != 0o700 {
		t.Fatalf("%v, %v", first, err)
	}
	reach(false)
	again, err := os.Stat(s.carried(t))
	if err != nil || !os.SameFile(first, again) {
		t.Error("it was carried twice")
	}
	// As after a full disk. A process that has only just ended may still hold it.
	until(t, "the file is cut", func() bool { return os.Truncate(file, 1000) == nil })
	reach(true)
}

// TestBulkThroughSSHArrivesWhole.
func TestBulkThroughSSHArrivesWhole(t *testing.T) {
	s := startSSH(t)
	tab, h := world(t, host.Config{}, s.command...)
	if err := h.Reach(t.Context(), "tcp@lab", untold); err != nil {
		t.Fatal(err)
	}
	a, b := connection(t, tab, "tcp@lab", "tcp", "127.0.0.1:0")
	bothWays(t, a, b, 64<<20)
}

// TestConnectionThatIsCutLosesItsSockets: at once, whatever they wait for; the next
// open starts anew.
func TestConnectionThatIsCutLosesItsSockets(t *testing.T) {
	s := startSSH(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tab, h := world(t, host.Config{}, s.command...)
	if err := h.Reach(ctx, "tcp@lab", untold); err != nil {
		t.Fatal(err)
	}
	near, far := connection(t, tab, "tcp@lab", "tcp", "127.0.0.1:0")
	srv, err := tab.Open(ctx, table.Spec{Protocol: "tcp@lab", Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	waiting := make(chan error, 4)
	go func() {
		turn, err := far.Read(ctx)
		if err == nil {
			_, err = turn.Fill(ctx)
			turn.Done()
		}
		waiting <- err
	}()
	go func() {
		_, err := srv.Accept(ctx, "")
		waiting <- err
	}()
	sending := make(chan struct{})
	go func() { // nobody reads: it stands still in mid-stream
		var err error
		for n := 0; err == nil; n++ {
			if n == 1 {
				close(sending)
			}
			_, err = far.Send(ctx, make([]byte, 1<<20))
		}
		waiting <- err
	}()
	<-sending
	for _, child := range children(s.pid) {
		syscall.Kill(child, syscall.SIGKILL)
	}
	for range 3 {
		if err := <-waiting; !errors.Is(err, socket.Lost) && !errors.Is(err, socket.Failed) {
			t.Errorf("a waiting call: %v", err)
		}
	}
	for _, k := range []*table.Socket{far, srv} {
		if f, _ := k.Facts(); f.State != "lost" {
			t.Errorf("%s is %s", k.Name(), f.State)
		}
	}
	// Its peer hears of it, too: the process there has ended.
	if turn, err := near.Read(ctx); err != nil {
		t.Error(err)
	} else {
		for err == nil {
			_, err = turn.Take(ctx, make([]byte, 1<<20))
		}
		turn.Done()
		if !errors.Is(err, socket.Reset) && !errors.Is(err, socket.Ended) {
			t.Errorf("the peer: %v", err)
		}
	}
	again, err := tab.Open(ctx, table.Spec{Protocol: "tcp@lab", Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	if f, _ := again.Facts(); f.State != "LISTEN" {
		t.Errorf("the new one is %s", f.State)
	}
	for _, p := range h.Plugins() {
		if p.Name == "tcp@lab" && p.Starts != 2 {
			t.Errorf("%+v", p)
		}
	}
}

// TestKilledShellLeavesNothingElsewhere: neither sockets nor processes.
func TestKilledShellLeavesNothingElsewhere(t *testing.T) {
	s := startSSH(t)
	bin := t.TempDir()
	// A copy that the place cannot find by its name, as it has gone by then.
	self, err := os.ReadFile("/proc/self/exe")
	if err == nil {
		err = os.WriteFile(bin+"/sosh", self, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(bin+"/sosh", "-c", "rm "+bin+"/sosh; open tcp --via '"+socket.JoinCommand(s.command)+"' --listen 127.0.0.1:0 -n srv; show srv local; accept srv -n d; recv d --timeout none")
	c.Stderr = testLog{t}
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		c.Process.Kill()
		c.Wait()
		t.Fatal(err)
	}
	addr = strings.TrimSpace(addr)
	k, err := net.Dial("tcp", addr)
	if err != nil {
		t.Errorf("before: %v", err)
	} else {
		defer k.Close() // its end would be the script's
	}
	if len(s.plugins()) != 1 {
		t.Errorf("%v run there", s.plugins())
	}
	c.Process.Kill()
	c.Wait()
	until(t, "no process is left there", func() bool { return len(s.plugins()) == 0 && len(children(s.pid)) == 0 })
	if k, err := net.Dial("tcp", addr); err == nil {
		k.Close()
		t.Errorf("somebody listens at %s", addr)
	}
	if left := running(strings.Join(s.command, " ")); len(left) > 0 {
		t.Errorf("left here: %v", left)
	}
}

// TestSSHThatWouldAskIsRefusedWithAReason: there is no terminal to ask at.
func TestSSHThatWouldAskIsRefusedWithAReason(t *testing.T) {
	s := startSSH(t)
	stranger := append([]string{}, s.command[:len(s.command)-1]...)
	for what, flags := range map[string][]string{
		"Permission denied":   {"-o", "IdentityAgent=none", "-o", "PubkeyAuthentication=no"},
		"verification failed": {"-o", "UserKnownHostsFile=/dev/null"},
	} {
		_, h := world(t, host.Config{}, append(append(append([]string{}, stranger...), flags...), "lab")...)
		err := h.Reach(t.Context(), "tcp@lab", untold)
		if !errors.Is(err, socket.Failed) || !strings.Contains(fmt.Sprint(err), what) || !strings.Contains(hintOf(err), "without asking") {
			t.Errorf("%v\n%s", err, hintOf(err))
		}
	}
}
