package conform_test

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/host"
	"github.com/sosh-shell/sosh/plugins/sdk"
	"github.com/sosh-shell/sosh/plugins/sdk/conform"
	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
)

func TestMain(m *testing.M) {
	if name, ok := strings.CutPrefix(filepath.Base(os.Args[0]), "sosh-plugin-"); ok {
		sdk.Serve(executables[name]())
		return
	}
	var all []func() socket.Protocol
	for _, b := range allBroken() {
		if b.form != "" {
			all = append(all, b.construct)
		}
	}
	plugintest.Main(m, all...)
}

// broken is a protocol that breaks one thing.
type broken struct {
	does string // what it does that it must not, or does not that it must
	// construct returns it. Its name is its own where a plugin process serves it.
	construct func() socket.Protocol
	how       conform.How
	peer      func(net.Conn) // who serves the address that it is told; nil for none
	form      string         // "" for in process
	fails     []string       // the checks, exactly; the one that is meant for it first
	may       []string       // those that fail by luck, too
}

func (b broken) perhaps(may ...string) broken {
	b.may = may
	return b
}

// patience is that of the checks here: most of their time is spent waiting in vain.
const patience = 1500 * time.Millisecond

func allBroken() []broken {
	return slices.Concat(brokenDescriptions, brokenOpens, brokenResolvers, brokenCalls, brokenOptions,
		brokenMessages, brokenPaths, brokenHosts, brokenFields, brokenPlugins, brokenLayers, brokenPeers)
}

// slow is left out but where a broken one is meant for it: it waits for seconds.
const slow = "A peer that does not read does not keep a closed layer"

// shards is how many processes share the broken ones: most of their time is spent
// waiting in vain, and what is left behind can be told in a process of one's own only.
const shards = 6

// shardKey is the environment variable that tells such a process which it is.
const shardKey = "CONFORM_SHARD"

// Each broken protocol fails the check that is meant for it, and those alone that
// look at the same thing.
func TestBrokenOnesFailTheCheckMeantForThem(t *testing.T) {
	if shard, err := strconv.Atoi(os.Getenv(shardKey)); err == nil {
		for i, b := range allBroken() {
			if i%shards == shard {
				t.Run(b.does, b.test)
			}
		}
		return
	}
	_, which, _ := strings.Cut(flag.Lookup("test.run").Value.String(), "/")
	var wg sync.WaitGroup
	for i := range shards {
		wg.Go(func() {
			run := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.v", "-test.run=^"+t.Name()+"$/"+which)
			run.Env = append(os.Environ(), shardKey+"="+strconv.Itoa(i))
			switch out, err := run.CombinedOutput(); {
			case err != nil:
				t.Errorf("shard %d: %v\n%s", i, err, out)
			case testing.Verbose():
				t.Logf("shard %d:\n%s", i, out)
			}
		})
	}
	wg.Wait()
}

func (b broken) test(t *testing.T) {
	b.how.Patience = cmp.Or(b.how.Patience, patience)
	b.how.Limit = 10 * max(b.how.Patience, patience)
	if b.peer != nil {
		b.how.Address, b.how.Echo = served(t, b.peer), true
	}
	x := b.suite(t)
	found := map[string][]string{}
	for _, p := range x.Promises {
		if (p.Text == slow || unbroken[p.Text] != "") && !slices.Contains(b.fails, p.Text) {
			continue
		}
		if r := x.Keep(t.Context(), p); r.Outcome == conform.Broken {
			found[p.Text] = append(r.Reasons, r.Log...)
			if strings.Contains(fmt.Sprint(r.Reasons), "<nil>") {
				t.Errorf("%s: no words for an author who writes no Go: %q", p.Text, r.Reasons)
			}
		}
	}
	want := slices.Sorted(slices.Values(b.fails))
	for _, lucky := range b.may {
		delete(found, lucky)
	}
	if got := slices.Sorted(maps.Keys(found)); !slices.Equal(got, want) {
		for _, promise := range got {
			t.Logf("%s:\n\t%s", promise, strings.Join(found[promise], "\n\t"))
		}
		t.Errorf("failed are\n\t%s\nand should have been\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func (b broken) suite(t *testing.T) *conform.Suite {
	t.Helper()
	var x *conform.Suite
	var err error
	switch b.form {
	case "":
		x, err = conform.InProcess(t.Context(), b.construct(), b.how)
	case conform.FormDescriptors:
		h := plugintest.Host(t, host.Descriptors, func(c *host.Config) { c.CallTimeout, c.Log = 4*time.Second, nil }, b.construct)
		x, err = conform.InHost(t.Context(), h, b.construct().Describe().Name, host.Descriptors, b.how)
	}
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// unbroken are the checks that no broken protocol fails, and why.
var unbroken = map[string]string{
	"A slow reader stops the writer":         "the kernel's buffers are bounded, whoever made the socket",
	"A wrap that is given up leaves nothing": "what it leaves is told by the last check",
	"Every call that it lacks is refused":    "a host refuses for it",
}

// Every check has a protocol that fails it.
func TestEveryCheckCanFail(t *testing.T) {
	fails := map[string]bool{}
	for _, b := range allBroken() {
		for _, f := range b.fails {
			fails[f] = true
		}
	}
	known := map[string]bool{}
	for _, promise := range conform.Promises() {
		known[promise] = true
		if why := unbroken[promise]; fails[promise] == (why != "") {
			t.Errorf("%q: failed by a broken one: %v; why it need not be: %q", promise, fails[promise], why)
		}
	}
	for f := range fails {
		if !known[f] {
			t.Errorf("no check is named %q", f)
		}
	}
}
