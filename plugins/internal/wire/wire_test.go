package wire

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/internal/wire/pb"
)

func TestGeneratedCodeIsUpToDate(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command("go", "run", "./gen", dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range []string{"sosh.pb.go", "sosh_grpc.pb.go"} {
		want, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join("pb", name)); err != nil || string(got) != string(want) {
			t.Errorf("%s is stale: run go generate (%v)", name, err)
		}
	}
}

func TestAddressesTravel(t *testing.T) {
	for _, a := range []socket.Address{
		{},
		socket.AddressOf(netip.MustParseAddrPort("127.0.0.1:80")),
		socket.AddressOf(netip.MustParseAddrPort("[::1]:0")),
		socket.AddressOf(netip.MustParseAddrPort("[fe80::1%eth0]:65535")),
		{Family: socket.FamilyIP6, IP: netip.MustParseAddr("::ffff:1.2.3.4"), Port: 1},
		{Family: socket.FamilyUnix, Path: "/tmp/\xff"},
		{Family: socket.FamilyUnix, Path: "\x00abstract"},
		{Family: socket.FamilyText, Path: strings.Repeat("x", socket.MaxText)},
	} {
		got, err := ToAddress(again(t, FromAddress(a), &pb.Address{}))
		if err != nil || got != a {
			t.Errorf("%+v came as %+v, %v", a, got, err)
		}
	}
}

func TestNonsenseAddressesAreRefused(t *testing.T) {
	for _, m := range []*pb.Address{
		{Family: "ip4", Ip: make([]byte, 16)}, {Family: "ip6", Ip: make([]byte, 4)}, {Family: "ip4"},
		{Family: "ip4", Ip: make([]byte, 4), Port: 65536}, {Family: "ip4", Ip: make([]byte, 4), Zone: "x"},
		{Family: "ip4", Ip: make([]byte, 4), Path: []byte("x")}, {Family: "ip5", Ip: make([]byte, 5)},
		{Ip: make([]byte, 4)}, {Port: 1}, {Family: "unix", Port: 1}, {Family: "unix", Path: make([]byte, 109)},
		{Family: "text", Port: 1}, {Family: "text", Path: make([]byte, socket.MaxText+1)},
	} {
		if a, err := ToAddress(m); err == nil {
			t.Errorf("%v came as %+v", m, a)
		}
	}
}

func TestDescriptionsTravel(t *testing.T) {
	d := socket.Description{Name: "x-1", Synopsis: "does x", Version: "2", Kind: socket.Raw, Address: socket.HostOnly,
		Options: []socket.Option{{Name: "ttl", Type: socket.IntOption, Unit: "hops", Default: "64", Help: "hops"}},
		Calls:   []socket.Call{socket.CallInfo}, Held: true}
	got, err := ToDescription(again(t, FromDescription(d), &pb.Description{}))
	if err != nil || !reflect.DeepEqual(got, d) {
		t.Errorf("%+v, %v", got, err)
	}
	for name, harm := range map[string]func(*socket.Description){
		"name":     func(d *socket.Description) { d.Name = "../x" },
		"no name":  func(d *socket.Description) { d.Name = "" },
		"synopsis": func(d *socket.Description) { d.Synopsis = "" },
		"kind":     func(d *socket.Description) { d.Kind = "x" },
		"address":  func(d *socket.Description) { d.Address = "x" },
		"type":     func(d *socket.Description) { d.Options[0].Type = "x" },
		"twice":    func(d *socket.Description) { d.Options = append(d.Options, d.Options[0]) },
		"held":     func(d *socket.Description) { d.Layer = true },
		"help":     func(d *socket.Description) { d.Options[0].Help = "a\nb" },
		"path":     func(d *socket.Description) { d.Options[0].Name = "time.live" },
		"letters":  func(d *socket.Description) { d.Options[0].Name = "time_live" },
		"no int":   func(d *socket.Description) { d.Options[0].Default = "many" },
		"no bool": func(d *socket.Description) {
			d.Options[0].Type, d.Options[0].Default = socket.BoolOption, "yes"
		},
		"no size": func(d *socket.Description) {
			d.Options[0].Type, d.Options[0].Default = socket.SizeOption, "-1"
		},
		"no duration": func(d *socket.Description) {
			d.Options[0].Type, d.Options[0].Default = socket.DurationOption, "soon"
		},
		"no field's call": func(d *socket.Description) {
			d.Fields = []socket.Field{{Name: "op", Type: socket.IntField, Help: "which"}}
		},
		"fact twice": func(d *socket.Description) {
			d.Facts = []socket.Fact{{Name: "a", Help: "x"}, {Name: "a", Help: "x"}}
		},
		"fact of an empty word": func(d *socket.Description) { d.Facts = []socket.Fact{{Name: "a..b", Help: "x"}} },
		"fact that ends so":     func(d *socket.Description) { d.Facts = []socket.Fact{{Name: "a.", Help: "x"}} },
		"fact's letters":        func(d *socket.Description) { d.Facts = []socket.Fact{{Name: "a_b", Help: "x"}} },
		"flag's default": func(d *socket.Description) {
			d.Commands = []socket.Command{{Name: "x", Synopsis: "does x", Usage: []string{"x"},
				Flags: []socket.Flag{{Name: "count", Type: socket.IntOption, Default: "few", Help: "how many"}}}}
		},
	} {
		bad := d
		bad.Options = append([]socket.Option(nil), d.Options...)
		harm(&bad)
		if err := CheckDescription(bad); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
	d.Facts = []socket.Fact{{Name: "peer.subject", Help: "x"}, {Name: "rtt", Help: "x"}}
	d.Fields, d.Calls = []socket.Field{{Name: "op_code", Type: socket.IntField, Help: "which"}}, []socket.Call{socket.CallDecode}
	d.Options = append(d.Options, socket.Option{Name: "linger", Type: socket.DurationOption, Default: "off", Help: "x"},
		socket.Option{Name: "room", Type: socket.SizeOption, Default: "16M", Help: "x"},
		socket.Option{Name: "pause", Type: socket.DurationOption, Default: "0.5", Help: "x"})
	if err := CheckDescription(d); err != nil {
		t.Error(err)
	}
}

// Every command has --json and --help; a flag of that name would be a second one.
func TestFlagsThatNoCommandCanHaveAreRefused(t *testing.T) {
	check := func(name, short string) error {
		return checkCommand(socket.Command{Name: "x", Synopsis: "does x", Usage: []string{"x"}, Flags: []socket.Flag{
			{Name: "first", Short: "f", Type: socket.BoolOption, Help: "a flag"},
			{Name: name, Short: short, Type: socket.BoolOption, Help: "a flag"}}})
	}
	for _, bad := range [][2]string{{"json", ""}, {"help", ""}, {"host", "h"}, {"x", "-"}, {"x", "="}, {"x", "\xff"}, {"x", " "}, {"x", "ab"}, {"x", "f"}, {"first", ""}, {"", "x"}} {
		if check(bad[0], bad[1]) == nil {
			t.Errorf("--%s -%s: accepted", bad[0], bad[1])
		}
	}
	for _, good := range [][2]string{{"ip4", "4"}, {"ip6", "6"}, {"count", "c"}, {"all", "A"}, {"long", ""}} {
		if err := check(good[0], good[1]); err != nil {
			t.Error(err)
		}
	}
}

func TestSettingsAndReportsTravelAsTheyAre(t *testing.T) {
	ss := []socket.Setting{{Name: "a", Value: "\xff\x00"}, {Name: "b"}}
	if got := ToSettings(FromSettings(ss)); !reflect.DeepEqual(got, ss) {
		t.Errorf("%+v", got)
	}
	r := socket.Report{{Call: "bind(fd, \xff)", Result: "0"}}
	if got := ToReport(FromReport(r)); !reflect.DeepEqual(got, r) {
		t.Errorf("%+v", got)
	}
	f := socket.Facts{Local: socket.AddressOf(netip.MustParseAddrPort("1.2.3.4:5")), State: "LISTEN"}
	if got, ok := ToFacts(FromFacts(f)); !ok || got != f {
		t.Errorf("%+v", got)
	}
	if _, ok := ToFacts(nil); ok {
		t.Error("facts from nothing")
	}
}

func TestErrorsKeepTheirIdentity(t *testing.T) {
	for _, err := range []error{
		syscall.ECONNREFUSED, syscall.EAGAIN, syscall.EINPROGRESS, socket.Usage, socket.Reset,
		socket.Faultf(socket.Unresolved, "nosuch.invalid does not resolve"),
		fmt.Errorf("setsockopt x: %w", syscall.EPERM),
		&socket.Error{Op: "connect", Place: "tcp1", Err: syscall.ETIMEDOUT, Hint: "wait"},
		fmt.Errorf("first: %w", &socket.Error{Op: "bind", Err: socket.Faultf(socket.Usage, "no"), Hint: "do"}),
		errors.Join(socket.Failed, syscall.EIO),
		context.Canceled, fmt.Errorf("x: %w", context.DeadlineExceeded),
		errors.New("plain \xff"),
		os.ErrNotExist,
	} {
		got := arrived(t, err)
		if got.Error() != err.Error() {
			t.Errorf("%q came as %q", err, got)
		}
		for _, id := range []error{syscall.ECONNREFUSED, syscall.EAGAIN, syscall.EINPROGRESS, syscall.EPERM, syscall.EIO,
			syscall.ETIMEDOUT, socket.Usage, socket.Reset, socket.Unresolved, socket.Failed, socket.Lost,
			context.Canceled, context.DeadlineExceeded} {
			if errors.Is(err, id) != errors.Is(got, id) {
				t.Errorf("%q: errors.Is %v is %v", err, id, errors.Is(got, id))
			}
		}
		var a, b *socket.Error
		if errors.As(err, &a) != errors.As(got, &b) || a != nil && (a.Hint != b.Hint || a.Place != b.Place || a.Op != b.Op) {
			t.Errorf("%q: %+v came as %+v", err, a, b)
		}
	}
}

func TestErrorWithoutWordsSaysSo(t *testing.T) {
	if got := arrived(t, errors.New("")); got.Error() != "failed without a reason" {
		t.Errorf("%q", got)
	}
	if got := arrived(t, &socket.Error{Op: "connect", Err: errors.New("")}); got.Error() != "connect: failed without a reason" {
		t.Errorf("%q", got)
	}
}

// arrived is an error as the far side has it.
func arrived(t *testing.T, err error) error {
	t.Helper()
	s := status.Convert(Status(err, nil, nil)).Proto()
	b, merr := proto.Marshal(s)
	if merr != nil {
		t.Fatal(merr)
	}
	if merr := proto.Unmarshal(b, s); merr != nil {
		t.Fatal(merr)
	}
	f, ok := FromStatus(status.FromProto(s).Err())
	if !ok {
		t.Fatalf("%q did not arrive", err)
	}
	return ToError(f.Error)
}

func TestErrorsAreBounded(t *testing.T) {
	var err error = syscall.EIO
	for range 100 {
		err = &socket.Error{Op: "op", Err: err}
	}
	if n := proto.Size(FromError(err)); n > 20<<10 {
		t.Errorf("%d bytes", n)
	}
	if n := len(arrived(t, errors.New(strings.Repeat("x", 1<<20))).Error()); n > 1024 {
		t.Errorf("%d bytes", n)
	}
}

func TestWhatIsNotOursIsNoFailure(t *testing.T) {
	for _, err := range []error{status.Error(codes.Unavailable, "gone"), status.Error(codes.Aborted, "no detail"), errors.New("x")} {
		if f, ok := FromStatus(err); ok {
			t.Errorf("%v: %v", err, f)
		}
	}
}

// again is a message after the wire.
func again[M proto.Message](t *testing.T, m, into M) M {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := proto.Unmarshal(b, into); err != nil {
		t.Fatal(err)
	}
	return into
}

// FuzzConversions: whatever comes is taken or refused, and what was taken travels
// back as it came.
func FuzzConversions(f *testing.F) {
	seed := func(m proto.Message) { b, _ := proto.Marshal(m); f.Add(b) }
	seed(FromAddress(socket.AddressOf(netip.MustParseAddrPort("[fe80::1%eth0]:80"))))
	seed(FromError(&socket.Error{Op: "a", Err: syscall.EIO, Hint: "b"}))
	seed(FromDescription(socket.Description{Name: "x", Synopsis: "y", Kind: socket.Stream, Address: socket.HostPort}))
	seed(FromFacts(socket.Facts{State: "x"}))
	f.Fuzz(func(t *testing.T, b []byte) {
		var a pb.Address
		if proto.Unmarshal(b, &a) == nil {
			if got, err := ToAddress(&a); err == nil {
				if back, err := ToAddress(FromAddress(got)); err != nil || back != got {
					t.Errorf("%+v, then %+v, %v", got, back, err)
				}
			}
		}
		var e pb.Error
		if proto.Unmarshal(b, &e) == nil {
			if err := ToError(&e); err != nil {
				_ = err.Error()
				errors.Is(err, socket.Usage)
				FromError(err)
			}
		}
		var d pb.Description
		if proto.Unmarshal(b, &d) == nil {
			if got, err := ToDescription(&d); err == nil {
				if back, err := ToDescription(FromDescription(got)); err != nil || !reflect.DeepEqual(back, got) {
					t.Errorf("%+v, then %+v, %v", got, back, err)
				}
			}
		}
		var facts pb.Facts
		if proto.Unmarshal(b, &facts) == nil {
			ToFacts(&facts)
		}
		var o pb.OptionRequest
		if proto.Unmarshal(b, &o) == nil {
			FromSettings(ToSettings(o.Set))
		}
	})
}
