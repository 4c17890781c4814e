package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/sosh-shell/sosh/plugins/scaffold"
)

// workshop is an empty folder, with sosh on the PATH and a plugin directory of its own.
type workshop struct {
	*testing.T
	dir string
	env []string
}

func newWorkshop(t *testing.T) workshop {
	t.Helper()
	dir := t.TempDir()
	return workshop{t, dir, append(os.Environ(),
		"PATH="+filepath.Dir(builtProgram(t))+":"+os.Getenv("PATH"), "SOSH_PLUGIN_DIR="+dir+"/plugins", "GOFLAGS=")}
}

// sh runs shell code in a folder of the workshop; the code must succeed.
func (w workshop) sh(folder, code string) string {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/bin/sh", "-ec", code)
	cmd.Dir, cmd.Env = filepath.Join(w.dir, folder), w.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.Fatalf("%s\n%s\n%v", code, out, err)
	}
	return string(out)
}

// edit changes a file of the plugin's, as its author does.
func (w workshop) edit(file string, changes ...string) {
	w.Helper()
	path := filepath.Join(w.dir, file)
	text, err := os.ReadFile(path)
	if err != nil {
		w.Fatal(err)
	}
	changed := strings.NewReplacer(changes...).Replace(string(text))
	if changed == string(text) {
		w.Fatalf("%s has nothing of %q", file, changes)
	}
	if err := os.WriteFile(path, []byte(changed), 0o644); err != nil {
		w.Fatal(err)
	}
}

// codeBlock is one of a README's, perhaps indented.
var codeBlock = regexp.MustCompile("(?ms)^ *```sh\n(.*?)^ *```$")

// TestPluginFromAnEmptyFolder does what the docs say, word by word: it makes a plugin of
// each kind and follows its README, builds, tests, checks, installs and uses it.
func TestPluginFromAnEmptyFolder(t *testing.T) {
	for _, kind := range scaffold.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := newWorkshop(t)
			if kind == scaffold.Node {
				w.nodeFromAnEmptyFolder()
				return
			}
			w.sh("", "sosh plugin new shout "+"--"+kind)
			readme, err := os.ReadFile(w.dir + "/shout/README.md")
			if err != nil {
				t.Fatal(err)
			}
			blocks := codeBlock.FindAllStringSubmatch(string(readme), -1)
			if len(blocks) != 5 {
				t.Fatalf("%d steps in\n%s", len(blocks), readme)
			}
			out := ""
			for _, b := range blocks {
				out = w.sh("shout", b[1])
			}
			if !strings.Contains(out, "it works") {
				t.Errorf("the last step printed\n%s", out)
			}
			if out := w.sh("shout", "gofmt -l .; go vet; sosh plugin check ./shout --json"+kindFlags(string(readme))); strings.Contains(out, `"outcome":"broken"`) {
				t.Errorf("%s", out)
			}
			if kind != "layer" {
				w.changeAtThePrompt()
			}
		})
	}
}

// nodeFromAnEmptyFolder does so in Node.js.
func (w workshop) nodeFromAnEmptyFolder() {
	if _, err := inNodeFolder(); err != nil && os.Getenv("CI") == "" {
		w.Skip("npm does not install what it needs: ", err)
	}
	w.sh("", "sosh plugin new shout --lang node")
	readme, err := os.ReadFile(w.dir + "/shout/README.md")
	if err != nil {
		w.Fatal(err)
	}
	steps := codeBlock.FindStringSubmatch(string(readme))
	if out := w.sh("shout", steps[1]); !strings.HasSuffix(out, "it works\n") {
		w.Errorf("the last step printed\n%s", out)
	}
}

// kindFlags are the flags of the check, as the README has them.
func kindFlags(readme string) string {
	m := regexp.MustCompile(`plugin check ./shout(.*)`).FindStringSubmatch(readme)
	return m[1]
}

// changeAtThePrompt changes the plugin while somebody talks to it.
func (w workshop) changeAtThePrompt() {
	tm := openTerminal(w.T, setup{home: w.dir, cols: 200, rows: 40, env: []string{"SOSH_PLUGIN_DIR=" + w.dir + "/plugins"}})
	tm.prompt("sosh> ")
	tm.run("open shout anywhere -n old", "sosh old> ")
	tm.run("send old before", "sosh old> ")
	tm.waitRow("old < BEFORE")
	w.edit("shout/main.go", "bytes.ToUpper", "bytes.ToTitle", `"0.1.0"`, `"0.2.0"`)
	w.sh("shout", "go build")
	tm.typeKeys("plugin install ./shout/shout\r")
	tm.waitScreen("install it? [y/N]")
	tm.waitScreen("replaces shout 0.1.0")
	tm.typeKeys("y\r")
	tm.waitScreen("installed shout 0.2.0")
	tm.prompt("sosh old> ")
	tm.run("plugin reload shout", "sosh old> ")
	tm.waitScreen("reloaded shout 0.2.0")
	tm.run("send old after", "sosh old> ")
	tm.waitRow("old < AFTER")
	tm.run("plugin reload shout --watch ./shout/shout", "sosh old> ")
	w.edit("shout/main.go", `"0.2.0"`, `"0.3.0"`)
	w.sh("shout", "go build")
	tm.waitScreen("reloaded shout 0.3.0")
	tm.run("send old still", "sosh old> ")
	tm.waitRow("old < STILL")
	w.edit("shout/main.go", `Name:     "shout"`, `Name:     "loud"`)
	w.sh("shout", "go build")
	tm.waitScreen("calls itself loud")
	tm.run("send old there", "sosh old> ")
	tm.waitRow("old < THERE")
}

// TestReloadLosesNoConnection lets two builds of a plugin take over from each other two
// hundred times, under a hundred connections that all go on. Those of a dialer live in the
// process that made them: some are made anew all the time, so that they live in many.
func TestReloadLosesNoConnection(t *testing.T) {
	for _, kind := range []string{"dialer", "descriptor"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := newWorkshop(t)
			w.sh("", "sosh plugin new shout --"+kind)
			w.sh("shout", "go build -o build0")
			w.edit("shout/main.go", `"0.1.0"`, `"0.2.0"`)
			w.sh("shout", "go build -o build1")
			if err := os.WriteFile(w.dir+"/shout/reload.sosh", []byte(manyReloads), 0o644); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			out := w.sh("shout", "sosh reload.sosh")
			for _, want := range []string{`"version":"0.1.0"`, `"starts":201`, "100 live"} {
				if !strings.Contains(out, want) {
					t.Errorf("not %s in %s", want, out)
				}
			}
			t.Logf("%v", time.Since(began))
		})
	}
}

const manyReloads = `plugin install --yes ./build0
for i in {1..100}; do open shout anywhere -n c$i; done
for r in {1..200}; do
  if [ $((r % 10)) = 0 ]; then
    plugin install --yes ./build$((r / 10 % 2))
  fi
  plugin reload shout
  for i in {0..9}; do
    n=$((1 + (r * 10 + i) % 100))
    send c$n "round $r\n"; expect c$n "^ROUND $r$"
  done
  open shout anywhere -n new; send new 'x\n'; expect new '^X$'; close new
  if [ $((r % 20)) = 0 ]; then
    close c$((r / 20)); open shout anywhere -n c$((r / 20))
  fi
done
for i in {1..100}; do send c$i 'the end'; expect c$i 'THE END'; done
echo "$i live"
plugin info shout --json
`

// TestManPagesAreCleanRoff: groff has nothing to say of any, whatever a plugin declares.
func TestManPagesAreCleanRoff(t *testing.T) {
	w := newWorkshop(t)
	for name := range bundled {
		if said := w.sh("", "sosh plugin docs "+name+" --man > page.7; groff -man -ww -Tutf8 -z page.7 2>&1"); said != "" {
			t.Errorf("%s: groff says\n%s", name, said)
		}
		page := w.sh("", "man -l page.7 | cat")
		if !strings.Contains(strings.Join(strings.Fields(page), " "), "sosh-"+name+" - ") {
			t.Errorf("%s:\n%s", name, page)
		}
	}
}

// TestPluginSessions runs what people type about plugins, with one that was built.
func TestPluginSessions(t *testing.T) {
	w := newWorkshop(t)
	w.sh("", "sosh plugin new shout --descriptor")
	w.sh("shout", "go build")
	testscript.Run(t, testscript.Params{
		Dir: "testdata/plugin",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": exitStatus,
		},
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("SOSH_PLUGIN_DIR", env.WorkDir+"/plugins")
			env.Setenv("TMPDIR", os.TempDir())
			return copyFile(w.dir+"/shout/shout", env.WorkDir+"/built")
		},
	})
}

func copyFile(from, to string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(dst, src); err != nil {
		dst.Close()
		return fmt.Errorf("copying %s: %w", from, err)
	}
	return dst.Close()
}
