package sdk

import (
	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/internal/wire"
)

// The contract's own words, so that an author needs one import. Each is
// explained, with its MUSTs, in core/socket.
type (
	Protocol   = socket.Protocol
	Resolver   = socket.Resolver
	Binder     = socket.Binder
	Listener   = socket.Listener
	Connector  = socket.Connector
	Accepter   = socket.Accepter
	Shutdowner = socket.Shutdowner
	Optioner   = socket.Optioner
	Informer   = socket.Informer
	Encoder    = socket.Encoder
	Decoder    = socket.Decoder
	Runner     = socket.Runner
	Wrapper    = socket.Wrapper

	Description    = socket.Description
	Option         = socket.Option
	OptionType     = socket.OptionType
	Setting        = socket.Setting
	OpenRequest    = socket.OpenRequest
	ResolveRequest = socket.ResolveRequest
	Handle         = socket.Handle
	Lent           = socket.Lent
	Mark           = socket.Mark
	How            = socket.How
	Report         = socket.Report
	Syscall        = socket.Syscall
	Address        = socket.Address
	AddressForm    = socket.AddressForm
	Family         = socket.Family
	Error          = socket.Error
	Fault          = socket.Fault
	Kind           = socket.Kind
	Message        = socket.Message
	Field          = socket.Field
	FieldName      = socket.FieldName
	FieldType      = socket.FieldType
	Fact           = socket.Fact
	Command        = socket.Command
	Flag           = socket.Flag
	Example        = socket.Example
	RunRequest     = socket.RunRequest
	Row            = socket.Row
	WrapRequest    = socket.WrapRequest
)

// The contract's constants.
const (
	Stream    = socket.Stream
	Datagram  = socket.Datagram
	Seqpacket = socket.Seqpacket
	Raw       = socket.Raw

	HostPort = socket.HostPort
	HostOnly = socket.HostOnly
	PathForm = socket.PathForm
	TextForm = socket.TextForm

	FamilyNone = socket.FamilyNone
	FamilyIP4  = socket.FamilyIP4
	FamilyIP6  = socket.FamilyIP6
	FamilyUnix = socket.FamilyUnix
	FamilyText = socket.FamilyText

	BoolOption     = socket.BoolOption
	IntOption      = socket.IntOption
	SizeOption     = socket.SizeOption
	DurationOption = socket.DurationOption
	StringOption   = socket.StringOption
	PathOption     = socket.PathOption

	IntField   = socket.IntField
	FloatField = socket.FloatField
	BoolField  = socket.BoolField
	TextField  = socket.TextField
	BytesField = socket.BytesField

	ShutdownRead  = socket.ShutdownRead
	ShutdownWrite = socket.ShutdownWrite
	ShutdownBoth  = socket.ShutdownBoth

	Usage       = socket.Usage
	Unsupported = socket.Unsupported
	Unresolved  = socket.Unresolved
	Failed      = socket.Failed
	Reset       = socket.Reset
	Truncated   = socket.Truncated
	Malformed   = socket.Malformed
	Refused     = socket.Refused
	Interrupted = socket.Interrupted
	Timeout     = socket.Timeout
)

// Faultf returns an error that is fault and reads as the given text.
func Faultf(fault Fault, format string, args ...any) error {
	return socket.Faultf(fault, format, args...)
}

// CheckDescription refuses a description that is half declared. Serve refuses such
// a protocol to start.
func CheckDescription(d Description) error { return wire.CheckDescription(d) }
