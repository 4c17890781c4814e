package conform_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sosh-shell/sosh/plugins/sdk"
	"github.com/sosh-shell/sosh/plugins/sdk/conform"
	"github.com/sosh-shell/sosh/plugins/tcp"
)

// executables are what this program is when it is started as sosh-plugin-NAME.
var executables = map[string]func() sdk.Protocol{
	"tcp":    tcp.New,
	"blocks": func() sdk.Protocol { return sdk.NewLayer(blocks{}) },
	"dumb":   func() sdk.Protocol { os.Exit(0); return nil },
	"moody": badTCP(func(f *faulty) {
		f.describe = func(d sdk.Description) sdk.Description {
			d.Name, d.Synopsis = "moody", fmt.Sprint("process ", os.Getpid())
			return d
		}
	}),
	"hanging": badTCP(named("hanging", atWord(func() {
		fmt.Println("I hang")
		select {}
	}))),
	"needy": badTCP(named("needy", func(f *faulty) {
		f.open = func(ctx context.Context, r sdk.OpenRequest) (sdk.Handle, error) {
			for i, o := range r.Options {
				if o.Name == "nodelay" && o.Value == "on" {
					return f.good.Open(ctx, sdk.OpenRequest{Family: r.Family, Options: slices.Delete(slices.Clone(r.Options), i, i+1)})
				}
			}
			return sdk.Handle{FD: -1}, sdk.Faultf(sdk.Usage, "nodelay must be on")
		}
	})),
}

// executable is the path of a plugin's file.
func executable(t *testing.T, name string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "sosh-plugin-"+name)
	if err := os.Symlink(self, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// results is what Check reports of an executable, by form and promise.
func results(t *testing.T, name string, how conform.How) (map[string]conform.Result, conform.Summary) {
	t.Helper()
	all := map[string]conform.Result{}
	sum, err := conform.Check(t.Context(), executable(t, name), how, func(r conform.Result) {
		if _, twice := all[r.Form+": "+r.Promise]; twice {
			t.Errorf("%s: %s: reported twice", r.Form, r.Promise)
		}
		all[r.Form+": "+r.Promise] = r
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := sum.Kept + sum.Broken + sum.NotApplicable; n != len(all) || n < 20 {
		t.Errorf("%d results were reported, %d are counted", len(all), n)
	}
	return all, sum
}

func broke(all map[string]conform.Result) (out []string) {
	for name, r := range all {
		if r.Outcome == conform.Broken {
			out = append(out, fmt.Sprint(name, " ", r.Reasons))
		}
	}
	slices.Sort(out)
	return out
}

func TestCheckOfAGoodExecutableFindsEveryPromiseKept(t *testing.T) {
	for name, forms := range map[string][]string{"tcp": {conform.FormDescriptors, conform.FormStream}, "blocks": {conform.FormDescriptors}} {
		all, sum := results(t, name, conform.How{})
		if b := broke(all); len(b) > 0 || sum.Description.Name != name {
			t.Errorf("%s: %s", sum.Description.Name, strings.Join(b, "\n"))
		}
		for _, f := range forms {
			if all[f+": "+left].Outcome != conform.Kept {
				t.Errorf("%s was not checked %s", name, f)
			}
		}
	}
}

// A script is checked with the files of its folder, when it is given the folder.
func TestCheckTakesAScriptAndAFolder(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "sosh-plugin-script")
	if err := os.WriteFile(script, []byte("#!/bin/sh\nexec '"+executable(t, "blocks")+"'\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "beside"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{script, dir} {
		sum, err := conform.Check(t.Context(), path, conform.How{Alone: true}, func(r conform.Result) {
			if r.Outcome == conform.Broken {
				t.Errorf("%s: %s: %v", path, r.Promise, r.Reasons)
			}
		})
		if err != nil || sum.Kept < 5 || sum.Description.Name != "blocks" {
			t.Errorf("%s: %+v, %v", path, sum, err)
		}
	}
}

func TestCheckNamesWhatIsBrokenAndShowsTheLog(t *testing.T) {
	all, _ := results(t, "hanging", conform.How{Limit: 3 * time.Second})
	for name, r := range all {
		if want := r.Promise == hostile; (r.Outcome == conform.Broken) != want {
			t.Errorf("%s: %s %v", name, r.Outcome, r.Reasons)
		}
	}
	r := all[conform.FormDescriptors+": "+hostile]
	if !slices.Contains(r.Reasons, "did not end within 3s, and was ended") || !slices.Contains(r.Log, "I hang") {
		t.Errorf("reasons %q, log %q", r.Reasons, r.Log)
	}
}

func TestCheckStartsThePluginAnewToCompareItsDescriptions(t *testing.T) {
	all, _ := results(t, "moody", conform.How{})
	want := conform.FormDescriptors + ": Describe returns the same every time"
	if b := broke(all); len(b) != 2 || !strings.HasPrefix(b[0], want) {
		t.Errorf("broken: %s", strings.Join(b, "\n"))
	}
}

// A plugin whose sockets cannot be opened is told what is wrong once.
func TestCheckUsesTheOptionsThatItIsTold(t *testing.T) {
	all, _ := results(t, "needy", conform.How{})
	if b := broke(all); len(b) != 2 || !strings.Contains(b[0], "nodelay must be on") {
		t.Errorf("broken: %s", strings.Join(b, "\n"))
	}
	all, _ = results(t, "needy", conform.How{Options: []sdk.Setting{{Name: "nodelay", Value: "on"}}})
	if b := broke(all); len(b) > 0 {
		t.Errorf("broken: %s", strings.Join(b, "\n"))
	}
}

func TestCheckOfWhatIsNoPluginIsAnError(t *testing.T) {
	never := func(r conform.Result) { t.Errorf("%+v", r) }
	for _, path := range []string{executable(t, "dumb"), "/bin/true", "/nonexistent", t.TempDir()} {
		if _, err := conform.Check(t.Context(), path, conform.How{}, never); err == nil {
			t.Errorf("%s was checked", path)
		}
	}
}

func TestCheckEndsWhenItIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	_, err := conform.Check(ctx, executable(t, "tcp"), conform.How{}, func(conform.Result) {
		if n++; n == 5 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || n != 5 {
		t.Errorf("%d results, %v", n, err)
	}
}

func TestSeveralChecksMayRunAtOnce(t *testing.T) {
	path := executable(t, "blocks")
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			sum, err := conform.Check(t.Context(), path, conform.How{Alone: true}, func(r conform.Result) {
				if r.Outcome == conform.Broken {
					t.Errorf("%s: %v", r.Promise, r.Reasons)
				}
			})
			if err != nil || sum.Kept < 5 || sum.NotApplicable < 5 {
				t.Errorf("%+v, %v", sum, err)
			}
		})
	}
	wg.Wait()
}
