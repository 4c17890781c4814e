package host

import (
	"fmt"
	"regexp"
	"strconv"

	goplugin "github.com/hashicorp/go-plugin"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/internal/wire"
)

// spoken are the versions of the contract that the host speaks. One service is all of
// them: what a plugin of an earlier version lacks is not asked of it.
func spoken() map[int]goplugin.PluginSet {
	all := map[int]goplugin.PluginSet{}
	for v := wire.Oldest; v <= wire.Version; v++ {
		all[v] = goplugin.PluginSet{wire.PluginName: rpcPlugin{}}
	}
	return all
}

// looks reports whether a socket that the plugin holds can be asked for its facts, and
// have messages: since version 2. Of an earlier one the facts are the last that it told,
// and what it has given to the socket is what it was given.
func (pr *process) looks() bool { return pr.version >= 2 }

// messageless is the error for a socket with messages that cannot be carried.
func (x *proxy) messageless(pr *process) error {
	return &socket.Error{Op: "the " + x.p.name + " plugin", Err: socket.Faultf(socket.Unsupported,
		"cannot carry the messages of %s sockets: it speaks version %d of the contract", pr.desc.Kind, pr.version),
		Hint: "build it anew with this version of sosh"}
}

var toldVersion = regexp.MustCompile(`Plugin version: (-?\d+)`)

// otherVersion says why a plugin is refused whose version of the contract the host
// does not speak. err is go-plugin's.
func otherVersion(err error) (text, hint string) {
	theirs, hint := "", "build it anew with this version of sosh"
	if m := toldVersion.FindStringSubmatch(err.Error()); m != nil {
		theirs = m[1]
		if n, err := strconv.Atoi(m[1]); err == nil && n > wire.Version {
			hint = "it needs a newer sosh"
		}
	}
	return "speaks " + versions(theirs), hint
}

// versions names theirs and ours.
func versions(theirs string) string {
	if _, err := strconv.Atoi(theirs); err != nil {
		theirs = "another version"
	} else {
		theirs = "version " + theirs
	}
	return fmt.Sprintf("%s of the contract, this sosh %d and %d", theirs, wire.Version, wire.Oldest)
}
