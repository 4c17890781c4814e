package host

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/internal/wire"
)

func placesHost(t *testing.T, path string) *Host {
	t.Helper()
	h, err := New(Config{Places: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

func TestPlacesAreKeptAcrossSessions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config", "sosh", "places")
	h := placesHost(t, path)
	pod := []string{"kubectl", "exec", "-i", "my pod", "--"}
	for name, command := range map[string][]string{"lab": {"ssh", "lab"}, "pod": pod} {
		if err := h.AddPlace(name, command); err != nil {
			t.Fatal(err)
		}
	}
	if name, err := h.PlaceOf([]string{"ip", "netns", "exec", "lab"}); err != nil || name != "lab-2" {
		t.Errorf("called %q, %v", name, err) // lab is another place
	}
	if name, err := h.PlaceOf(pod); err != nil || name != "pod" {
		t.Errorf("called %q, %v", name, err)
	}
	fi, err := os.Stat(path)
	if err != nil || fi.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", fi, err)
	}
	later := placesHost(t, path)
	all, err := later.Places()
	if err != nil || len(all) != 2 || all[0].Name != "lab" || !slices.Equal(all[1].Command, pod) || !all[1].Kept {
		t.Errorf("%+v, %v", all, err)
	}
	if err := later.RemovePlace("lab"); err != nil {
		t.Error(err)
	}
	if err := later.RemovePlace("lab"); !errors.Is(err, socket.Usage) {
		t.Errorf("twice: %v", err)
	}
	if all, err := h.Places(); err != nil || len(all) != 2 || all[0].Name != "lab-2" || all[0].Kept {
		t.Errorf("%+v, %v", all, err)
	}
	if left, _ := filepath.Glob(filepath.Dir(path) + "/.*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestFileOfPlacesIsNotTrustedBlindly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "places")
	for text, want := range map[string]string{
		"lab ssh lab\nbad@name x\n": "line 2",
		"lab\n":                     "line 1",
		"lab 'ssh\n":                "line 1",
		strings.Repeat("x", 1<<20):  "too long",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		h := placesHost(t, path)
		_, err := h.Protocol("tcp@lab")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v", text, err)
		}
		if err := h.AddPlace("new", []string{"ssh", "new"}); err == nil {
			t.Errorf("%.20q: was written over", text)
		}
	}
	if err := os.WriteFile(path, []byte("# mine\n\nlab ssh lab\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h := placesHost(t, path)
	if all, err := h.Places(); err != nil || len(all) != 1 {
		t.Errorf("%+v, %v", all, err)
	}
	if err := os.Chmod(path, 0o622); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Places(); err == nil || !strings.Contains(err.Error(), "writable by others") {
		t.Errorf("writable by others: %v", err)
	}
}

func TestPlacesCanBeClosed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "places")
	if err := os.WriteFile(path, []byte("lab ssh lab\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h, err := New(Config{Places: path, NoPlaces: true})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	_, perr := h.Protocol("tcp@lab")
	_, oerr := h.PlaceOf([]string{"ssh", "lab"})
	_, lerr := h.Places()
	for _, err := range []error{perr, oerr, lerr, h.AddPlace("a", []string{"b"}), h.RemovePlace("lab"), h.Reach(t.Context(), "tcp@lab", nil)} {
		if !errors.Is(err, socket.Unsupported) {
			t.Errorf("got %v", err)
		}
	}
}

// TestScriptSuitsEveryShell: what is sent is read to its end before any of it is done,
// and no shell finds fault with it.
func TestScriptSuitsEveryShell(t *testing.T) {
	tr := &traveller{cargo: &executable{path: "/a'b", digest: "d", name: "n", version: "v (1)"}, args: []string{"serve", "it's"}, word: "w"}
	for _, shell := range [][]string{{"dash", "-n"}, {"bash", "--posix", "-n"}, {"busybox", "sh", "-n"}} {
		c := exec.Command(shell[0], shell[1:]...)
		c.Stdin = strings.NewReader(tr.script())
		if out, err := c.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", shell[0], err, out)
		}
	}
	if s := tr.script(); len(s) > 16<<10 || strings.Contains(s, wire.Marker(tr.word)) {
		t.Errorf("%d bytes, or an echo of it would be taken for an answer", len(s))
	}
}

// FuzzPlaceSays: whatever a place prints is bounded, and is an arrival only when it
// says so in order.
func FuzzPlaceSays(f *testing.F) {
	f.Add([]byte("hello\nsosh:w:found /x\r\nsosh:w:serves 1\n\x00\x00binary"))
	f.Add([]byte("no line endsosh:w:want /tmp\nsosh:w:found\nsosh:w:serves 2\n"))
	f.Add([]byte("sosh:w:fail\n"))
	f.Add([]byte("sosh:w:serves 1\n"))
	f.Add([]byte(strings.Repeat("x", maxPrelude+1)))
	f.Fuzz(func(t *testing.T, said []byte) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		defer w.Close()
		c := &child{log: newRing("x", func(string) {}), lifeline: w}
		tr := &traveller{at: &place{name: "lab", command: []string{"x"}}, cargo: &executable{}, file: strings.NewReader(""), word: "w", alive: func() {}}
		err = tr.listen(c, bufio.NewReaderSize(bytes.NewReader(said), maxLine))
		if err == nil && (!bytes.Contains(said, []byte("found")) || !bytes.Contains(said, []byte("serves"))) {
			t.Errorf("%q is an arrival", said)
		}
		if len(said) > maxPrelude+maxLine && err == nil && !bytes.Contains(said[:maxPrelude+maxLine], []byte("serves")) {
			t.Error("it is not bounded")
		}
		c.cmd = exec.Command("x")
		if text, _ := tr.why(c, ""); text == "" {
			t.Error("no reason")
		}
	})
}

// TestPluginAtAPlaceMaySpeakTheVersionBefore: any other is refused with the numbers, and
// one that was built before there were places is refused at once.
func TestPluginAtAPlaceMaySpeakTheVersionBefore(t *testing.T) {
	for said, want := range map[string]string{
		fmt.Sprint("sosh:w:serves ", wire.Version):    "",
		fmt.Sprint("sosh:w:serves ", wire.Oldest):     "",
		fmt.Sprint("sosh:w:serves ", wire.Version+97): fmt.Sprintf("speaks version %d of the contract, this sosh %d and %d", wire.Version+97, wire.Version, wire.Oldest),
		fmt.Sprint("sosh:w:serves ", wire.Oldest-1):   fmt.Sprintf("speaks version %d of the contract, this sosh %d and %d", wire.Oldest-1, wire.Version, wire.Oldest),
		"sosh:w:serves \x1b[2J":                       "speaks another version",
		"sosh:w:serves":                               "speaks another version",
		"1|1|unix|/tmp/plugin1|grpc":                  "to its own machine only",
	} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		defer w.Close()
		c := &child{log: newRing("x", func(string) {}), lifeline: w, cmd: exec.Command("x")}
		tr := &traveller{at: &place{name: "lab", command: []string{"x"}}, cargo: &executable{}, file: strings.NewReader(""), word: "w", alive: func() {}}
		err = tr.listen(c, bufio.NewReaderSize(strings.NewReader("sosh:w:found /x\n"+said+"\n"), maxLine))
		if want == "" {
			if err != nil || !strings.HasSuffix(said, strconv.Itoa(tr.version)) {
				t.Errorf("%q: version %d, %v", said, tr.version, err)
			}
			continue
		}
		if text, _ := tr.why(c, ""); !errors.Is(err, errRefused) || !strings.Contains(text, want) || strings.Contains(text, "\x1b") {
			t.Errorf("%q: %v, %s", said, err, text)
		}
	}
}
