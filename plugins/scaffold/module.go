package scaffold

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// needed are the modules that a plugin and its tests are built of, apart from sosh: as
// go build wants each named in the plugin's own go.mod.
var needed = []string{
	"github.com/fatih/color",
	"github.com/golang/protobuf",
	"github.com/hashicorp/go-hclog",
	"github.com/hashicorp/go-plugin",
	"github.com/hashicorp/yamux",
	"github.com/mattn/go-colorable",
	"github.com/mattn/go-isatty",
	"github.com/oklog/run",
	"go.uber.org/goleak",
	"golang.org/x/net",
	"golang.org/x/sys",
	"golang.org/x/text",
	"google.golang.org/genproto/googleapis/rpc",
	"google.golang.org/grpc",
	"google.golang.org/protobuf",
	"kernel.org/pub/linux/libs/security/libcap/cap",
	"kernel.org/pub/linux/libs/security/libcap/psx",
}

// requirement is a line of a go.mod that requires a module.
var requirement = regexp.MustCompile(`^(?:require\s+|\t)(\S+)\s+(v\S+)(?:\s+//.*)?$`)

// goMod requires sosh and what it needs, in the versions that it has.
func goMod(p Plugin, sosh Module, source string, files map[string]string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "module example.com/%s\n\n", p.Name)
	var direct, indirect []string
	direct = append(direct, sosh.Path+" "+sosh.Version)
	for line := range strings.SplitSeq(string(sosh.Mod), "\n") {
		if strings.HasPrefix(line, "go ") {
			b.WriteString(line + "\n\n")
		}
		m := requirement.FindStringSubmatch(line)
		switch {
		case m == nil || !slices.Contains(needed, m[1]):
		case imported(files, m[1]):
			direct = append(direct, m[1]+" "+m[2])
		default:
			indirect = append(indirect, m[1]+" "+m[2]+" // indirect")
		}
	}
	for _, list := range [][]string{direct, indirect} {
		slices.Sort(list)
		b.WriteString("require (\n\t" + strings.Join(list, "\n\t") + "\n)\n\n")
	}
	if source != "" {
		fmt.Fprintf(&b, "// Not published: this is the source that it is built against.\nreplace %s => %s\n", sosh.Path, quoted(source))
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// imported reports whether a file imports a package of the module.
func imported(files map[string]string, module string) bool {
	for _, text := range files {
		if strings.Contains(text, "\t\""+module) {
			return true
		}
	}
	return false
}

var bare = regexp.MustCompile(`^[A-Za-z0-9_./+~-]+$`)

// quoted is a path as a go.mod wants it.
func quoted(path string) string {
	if bare.MatchString(path) {
		return path
	}
	return fmt.Sprintf("%q", path)
}

// goSum is sosh's, and, where it was published, its own two lines: the hash of its
// files is known from this program, that of its go.mod is made here, in the form that
// "go help module-auth" tells.
func goSum(sosh Module) string {
	if sosh.Sum == "" {
		return string(sosh.Sums)
	}
	list := fmt.Sprintf("%x  go.mod\n", sha256.Sum256(sosh.Mod))
	h := sha256.Sum256([]byte(list))
	return fmt.Sprintf("%s %s %s\n%s %s/go.mod h1:%s\n%s", sosh.Path, sosh.Version, sosh.Sum,
		sosh.Path, sosh.Version, base64.StdEncoding.EncodeToString(h[:]), sosh.Sums)
}
