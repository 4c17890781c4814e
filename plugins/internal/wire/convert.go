package wire

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/internal/wire/pb"
)

// maxEntries bounds every list that comes over the wire.
const maxEntries = 1024

// FromAddress is the message of an address, nil for none.
func FromAddress(a socket.Address) *pb.Address {
	if a.IsZero() {
		return nil
	}
	m := &pb.Address{Family: utf8(string(a.Family)), Port: uint32(a.Port), Path: []byte(a.Path)}
	if a.IP.IsValid() {
		m.Ip, m.Zone = a.IP.AsSlice(), utf8(a.IP.Zone())
	}
	return m
}

// ToAddress is the inverse of FromAddress. An address whose family and parts do
// not fit together is an error.
func ToAddress(m *pb.Address) (socket.Address, error) {
	if m == nil {
		return socket.Address{}, nil
	}
	a := socket.Address{Family: socket.Family(m.Family), Path: string(m.Path)}
	if m.Port > 65535 {
		return socket.Address{}, fmt.Errorf("address with port %d", m.Port)
	}
	a.Port = uint16(m.Port)
	var size int
	switch a.Family {
	case socket.FamilyNone:
		if a != (socket.Address{}) || len(m.Ip) > 0 || m.Zone != "" {
			return socket.Address{}, fmt.Errorf("address without a family")
		}
		return a, nil
	case socket.FamilyIP4:
		size = 4
	case socket.FamilyIP6:
		size = 16
	case socket.FamilyUnix, socket.FamilyText:
		longest := map[socket.Family]int{socket.FamilyUnix: 108, socket.FamilyText: socket.MaxText}[a.Family]
		if len(m.Ip) > 0 || a.Port != 0 || m.Zone != "" || len(a.Path) > longest {
			return socket.Address{}, fmt.Errorf("malformed %s address", a.Family)
		}
		return a, nil
	default:
		return socket.Address{}, fmt.Errorf("address of unknown family %q", m.Family)
	}
	if len(m.Ip) != size || a.Path != "" || len(m.Zone) > 64 || size == 4 && m.Zone != "" {
		return socket.Address{}, fmt.Errorf("malformed %s address", a.Family)
	}
	ip, _ := netip.AddrFromSlice(m.Ip)
	if size == 16 {
		ip = ip.WithZone(m.Zone)
	}
	a.IP = ip
	return a, nil
}

// FromAddresses is FromAddress for a list.
func FromAddresses(as []socket.Address) []*pb.Address {
	ms := make([]*pb.Address, 0, len(as))
	for _, a := range as {
		ms = append(ms, FromAddress(a))
	}
	return ms
}

// ToAddresses is the inverse of FromAddresses.
func ToAddresses(ms []*pb.Address) ([]socket.Address, error) {
	if len(ms) > maxEntries {
		return nil, fmt.Errorf("%d addresses", len(ms))
	}
	as := make([]socket.Address, 0, len(ms))
	for _, m := range ms {
		a, err := ToAddress(m)
		if err != nil {
			return nil, err
		}
		if a.IsZero() {
			return nil, fmt.Errorf("empty address")
		}
		as = append(as, a)
	}
	return as, nil
}

// ToFamily checks a family's word.
func ToFamily(s string) (socket.Family, error) {
	switch f := socket.Family(s); f {
	case socket.FamilyNone, socket.FamilyIP4, socket.FamilyIP6, socket.FamilyUnix, socket.FamilyText:
		return f, nil
	}
	return "", socket.Faultf(socket.Usage, "no address family is named %q", s)
}

// FromSettings is the message of settings.
func FromSettings(ss []socket.Setting) []*pb.Setting {
	ms := make([]*pb.Setting, 0, len(ss))
	for _, s := range ss {
		ms = append(ms, &pb.Setting{Name: utf8(s.Name), Value: []byte(s.Value)})
	}
	return ms
}

// ToSettings is the inverse of FromSettings; entries beyond a bound are dropped.
func ToSettings(ms []*pb.Setting) []socket.Setting {
	ss := make([]socket.Setting, 0, min(len(ms), maxEntries))
	for _, m := range ms[:min(len(ms), maxEntries)] {
		ss = append(ss, socket.Setting{Name: m.GetName(), Value: string(m.GetValue())})
	}
	return ss
}

// FromNames makes names fit for the wire.
func FromNames(names []string) []string {
	if len(names) == 0 {
		return nil
	}
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = utf8(n)
	}
	return out
}

// FromReport is the message of a report.
func FromReport(r socket.Report) []*pb.Syscall {
	ms := make([]*pb.Syscall, 0, len(r))
	for _, c := range r {
		ms = append(ms, &pb.Syscall{Call: []byte(c.Call), Result: []byte(c.Result)})
	}
	return ms
}

// ToReport is the inverse of FromReport; entries beyond a bound are dropped.
func ToReport(ms []*pb.Syscall) socket.Report {
	if len(ms) == 0 {
		return nil
	}
	r := make(socket.Report, 0, min(len(ms), maxEntries))
	for _, m := range ms[:min(len(ms), maxEntries)] {
		r = append(r, socket.Syscall{Call: string(m.GetCall()), Result: string(m.GetResult())})
	}
	return r
}

// FromFacts is the message of facts.
func FromFacts(f socket.Facts) *pb.Facts {
	return &pb.Facts{Local: FromAddress(f.Local), Remote: FromAddress(f.Remote), State: utf8(f.State), Moved: f.Moved}
}

// ToFacts is the inverse of FromFacts; ok is false for none and for nonsense.
func ToFacts(m *pb.Facts) (f socket.Facts, ok bool) {
	if m == nil || len(m.State) > 64 {
		return f, false
	}
	var err error
	if f.Local, err = ToAddress(m.Local); err != nil {
		return socket.Facts{}, false
	}
	if f.Remote, err = ToAddress(m.Remote); err != nil {
		return socket.Facts{}, false
	}
	f.State, f.Moved = m.State, m.Moved
	return f, true
}

// FromDescription is the message of a description.
func FromDescription(d socket.Description) *pb.Description {
	m := &pb.Description{Name: utf8(d.Name), Synopsis: utf8(d.Synopsis), Version: utf8(d.Version),
		Kind: utf8(string(d.Kind)), Address: utf8(string(d.Address))}
	for _, o := range d.Options {
		m.Options = append(m.Options, &pb.OptionDeclaration{Name: utf8(o.Name), Type: utf8(string(o.Type)),
			Unit: utf8(o.Unit), Default: utf8(o.Default), Help: utf8(o.Help)})
	}
	for _, c := range d.Calls {
		m.Calls = append(m.Calls, utf8(string(c)))
	}
	fromDeclared(m, d)
	return m
}

// ToDescription is the inverse of FromDescription, and checks with
// [CheckDescription].
func ToDescription(m *pb.Description) (socket.Description, error) {
	d := socket.Description{Name: m.GetName(), Synopsis: m.GetSynopsis(), Version: m.GetVersion(),
		Kind: socket.Kind(m.GetKind()), Address: socket.AddressForm(m.GetAddress())}
	for _, o := range m.GetOptions() {
		d.Options = append(d.Options, socket.Option{Name: o.GetName(), Type: socket.OptionType(o.GetType()),
			Unit: o.GetUnit(), Default: o.GetDefault(), Help: o.GetHelp()})
	}
	for _, c := range m.GetCalls() {
		d.Calls = append(d.Calls, socket.Call(c))
	}
	toDeclared(&d, m)
	return d, CheckDescription(d)
}

var (
	kinds        = []socket.Kind{socket.Stream, socket.Datagram, socket.Seqpacket, socket.Raw}
	optionTypes  = []socket.OptionType{socket.BoolOption, socket.IntOption, socket.SizeOption, socket.DurationOption, socket.StringOption, socket.PathOption}
	protocolName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)
	optionName   = regexp.MustCompile(`^[a-z][a-z0-9-]{0,63}$`)
)

// CheckDescription refuses a description that is half declared: help, completion
// and checks of what is typed all come from it.
func CheckDescription(d socket.Description) error {
	if !protocolName.MatchString(d.Name) {
		return fmt.Errorf("%q is no name of a protocol: lower case letters, digits and hyphens", d.Name)
	}
	if d.Synopsis == "" || strings.ContainsAny(d.Synopsis, "\n\r") || len(d.Synopsis) > 200 {
		return fmt.Errorf("%s: the synopsis must be one line of at most 200 bytes", d.Name)
	}
	if len(d.Version) > 64 {
		return fmt.Errorf("%s: the version is longer than 64 bytes", d.Name)
	}
	if !slices.Contains(kinds, d.Kind) {
		return fmt.Errorf("%s: unknown kind %q", d.Name, d.Kind)
	}
	switch d.Address {
	case socket.HostPort, socket.HostOnly, socket.PathForm, socket.TextForm:
	default:
		if !d.Layer || d.Address != "" {
			return fmt.Errorf("%s: unknown address form %q", d.Name, d.Address)
		}
	}
	if d.Layer && d.Held {
		return fmt.Errorf("%s: a layer opens no sockets, so it holds none", d.Name)
	}
	if len(d.Options) > maxEntries || len(d.Calls) > maxEntries {
		return fmt.Errorf("%s: too many options", d.Name)
	}
	seen := map[string]bool{}
	for _, o := range d.Options {
		if !optionName.MatchString(o.Name) || seen[o.Name] {
			return fmt.Errorf("%s: option %q must have a name of its own: lower case letters, digits and hyphens, a letter first", d.Name, o.Name)
		}
		seen[o.Name] = true
		if !slices.Contains(optionTypes, o.Type) {
			return fmt.Errorf("%s: option %s has the unknown type %q", d.Name, o.Name, o.Type)
		}
		if o.Help == "" || strings.ContainsAny(o.Help, "\n\r") {
			return fmt.Errorf("%s: the help of option %s must be one line", d.Name, o.Name)
		}
		if err := checkDefault(o.Type, o.Default); err != nil {
			return fmt.Errorf("%s: the default of option %s: %w", d.Name, o.Name, err)
		}
	}
	return checkDeclared(d)
}

// utf8 makes s fit for a proto3 string, which must be UTF-8.
func utf8(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
