package unruly

import (
	"strings"
	"time"

	"github.com/sosh-shell/sosh/plugins/internal/wire/pb"
	"github.com/sosh-shell/sosh/plugins/sdk"
)

// described is what a plugin says of itself that is not so. The file's name chooses.
var described = []struct {
	name, does string
	describe   func(*pb.Description)
}{
	{"describe-bundled", "calls itself tcp", func(d *pb.Description) { d.Name = "tcp" }},
	{"describe-path", "has a name that leads elsewhere", func(d *pb.Description) { d.Name = "../../etc/passwd" }},
	{"describe-nothing", "says nothing of itself", func(d *pb.Description) { d.Reset() }},
	{"describe-escapes", "has what a terminal would obey in its synopsis", func(d *pb.Description) {
		d.Synopsis = "fine " + strings.ToValidUTF8(strings.NewReplacer("\n", "", "\r", "").Replace(Escapes), "")
	}},
	{"describe-default", "has what a terminal would obey in an option's default", func(d *pb.Description) {
		d.Options = []*pb.OptionDeclaration{{Name: "x", Type: "string", Default: "\x1b[2J", Help: "fine"}}
	}},
	{"describe-command", "has what a terminal would obey in a command's help", func(d *pb.Description) {
		d.Commands = []*pb.CommandDeclaration{{Name: "fine", Synopsis: "is fine", Usage: []string{"fine"}, Help: "fine\n\u202efine"}}
	}},
	{"describe-flag", "takes a flag that every command has", func(d *pb.Description) {
		d.Commands = []*pb.CommandDeclaration{{Name: "fine", Synopsis: "is fine", Usage: []string{"fine"},
			Flags: []*pb.FlagDeclaration{{Name: "json", Type: "bool", Help: "mine"}}}}
	}},
	{"describe-many", "declares two thousand options", func(d *pb.Description) {
		for i := range 2000 {
			d.Options = append(d.Options, &pb.OptionDeclaration{Name: "o" + strings.Repeat("o", i%60), Type: "string", Help: "fine"})
		}
	}},
	{"describe-parts", "declares half a million options", func(d *pb.Description) {
		for range 500_000 {
			d.Options = append(d.Options, &pb.OptionDeclaration{})
		}
	}},
	{"describe-long", "has a synopsis of 900 KiB", func(d *pb.Description) { d.Synopsis = strings.Repeat("x", 900<<10) }},
	{"describe-hangs", "does not say what it is", func(*pb.Description) { time.Sleep(time.Minute) }},
	{"describe-dies", "dies when it is asked what it is", func(*pb.Description) { die() }},
	{"describe-more", "declares calls that it has not", func(d *pb.Description) { d.Calls = []string{"resolve", "bind", "fly"} }},
	{"describe-kind", "declares another kind than it gives", func(d *pb.Description) { d.Kind = "datagram" }},
}

func serveInstalled(name string) {
	for _, d := range described {
		if d.name != name {
			continue
		}
		serveWild(func() (*pb.Description, error) {
			m := &pb.Description{Name: name, Synopsis: "lies", Version: "0", Kind: "stream", Address: "host:port"}
			d.describe(m)
			return m, nil
		})
		return
	}
	sdk.Serve(Named("installed")())
}
