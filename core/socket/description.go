package socket

import "slices"

// Kind is the sort of a socket: what its reads and writes mean.
type Kind string

// The kinds, after the SOCK_ types of socket(2).
const (
	Stream    Kind = "stream"    // bytes in order, without bounds
	Datagram  Kind = "datagram"  // messages, each with its sender
	Seqpacket Kind = "seqpacket" // messages in order over a connection
	Raw       Kind = "raw"       // packets of a protocol beneath the ports
)

// AddressForm is how a protocol's addresses are written, and which parts they have.
type AddressForm string

// The forms.
const (
	HostPort AddressForm = "host:port" // an IP address and a port
	HostOnly AddressForm = "host"      // an IP address: the protocol has no ports
	PathForm AddressForm = "path"      // a path in the file system
	TextForm AddressForm = "text"      // any words: only the protocol knows what they mean
)

// Description is what a protocol says of itself. It is data: it is kept at
// install and shown by help without starting anything.
type Description struct {
	Name     string // the word after open, [a-z][a-z0-9-]*
	Synopsis string // one line, begins in lower case, no full stop
	Version  string // the plugin's own
	Kind     Kind   // of its sockets, or what a layer gives
	// Kinds are other kinds that Open may give, by an option or for want of a right.
	Kinds   []Kind
	Address AddressForm // empty for a layer
	Options []Option
	// Facts are what [Informer] knows, by name: shown as PROTOCOL.NAME.
	Facts    []Fact
	Fields   []Field   // of its messages; it is an [Encoder] or a [Decoder] then
	Commands []Command // that it adds to the shell
	// Layer says that it wraps sockets and opens none.
	Layer bool
	// Held says that its sockets live in the plugin's process and die with it: they
	// are no descriptors of the kernel's that could be given away.
	Held bool
	// Capabilities are those of capabilities(7) that the plugin keeps; it drops all
	// others of [Droppable] at its start.
	Capabilities []string
	Calls        []Call // filled in by [Describe]
	// Place is where its sockets are, "" for here; filled in by the host, see [Places].
	Place string `json:"-"`
}

// Word is the protocol as it stands after open: NAME, or NAME@PLACE.
func (d Description) Word() string {
	if d.Place == "" {
		return d.Name
	}
	return d.Name + "@" + d.Place
}

// Droppable are the capabilities that a process of sosh drops unless it needs them.
var Droppable = []string{"CAP_NET_RAW"}

// Fact declares a fact of a socket that the protocol's plugin knows.
type Fact struct {
	Name string // [a-z][a-z0-9-]*, or such words with dots between
	Help string // one line
}

// Option declares one socket option.
type Option struct {
	Name    string // [a-z][a-z0-9-]*
	Type    OptionType
	Unit    string // "bytes", "seconds", or empty
	Default string // as the system gives it, a value of the type or "off"; empty where that varies
	Help    string // one line
}

// OptionType says what values an option takes.
type OptionType string

// The types. A bool is on or off.
const (
	BoolOption     OptionType = "bool"
	IntOption      OptionType = "int"
	SizeOption     OptionType = "size"
	DurationOption OptionType = "duration"
	StringOption   OptionType = "string"
	PathOption     OptionType = "path" // of a file; the shell makes it absolute
)

// A Setting is an option or a fact by name, its value in words.
type Setting struct{ Name, Value string }

// Call names a method of the contract that a protocol may lack.
type Call string

// The calls.
const (
	CallResolve  Call = "resolve"
	CallBind     Call = "bind"
	CallListen   Call = "listen"
	CallConnect  Call = "connect"
	CallAccept   Call = "accept"
	CallShutdown Call = "shutdown"
	CallOption   Call = "option"
	CallInfo     Call = "info"
	CallWrap     Call = "wrap"
	CallEncode   Call = "encode"
	CallDecode   Call = "decode"
	CallRun      Call = "run"
)

// Can reports whether the protocol has the call.
func (d Description) Can(c Call) bool { return slices.Contains(d.Calls, c) }

// Option returns the option of that name.
func (d Description) Option(name string) (Option, bool) {
	i := slices.IndexFunc(d.Options, func(o Option) bool { return o.Name == name })
	if i < 0 {
		return Option{}, false
	}
	return d.Options[i], true
}

// A Chooser is a protocol that has more methods than it means: one that was made
// around another type, which may lack some.
type Chooser interface {
	// Can reports whether the call is meant. It MUST return the same every time.
	Can(Call) bool
}

// Describe returns p's description with Calls as p implements them.
func Describe(p Protocol) Description {
	d := p.Describe()
	d.Calls = nil
	has := func(c Call, ok bool) {
		if ok {
			d.Calls = append(d.Calls, c)
		}
	}
	if c, made := p.(Chooser); made {
		all := has
		has = func(call Call, ok bool) { all(call, ok && c.Can(call)) }
	}
	_, ok := p.(Resolver)
	has(CallResolve, ok)
	_, ok = p.(Binder)
	has(CallBind, ok)
	_, ok = p.(Listener)
	has(CallListen, ok)
	_, ok = p.(Connector)
	has(CallConnect, ok)
	_, ok = p.(Accepter)
	has(CallAccept, ok)
	_, ok = p.(Shutdowner)
	has(CallShutdown, ok)
	_, ok = p.(Optioner)
	has(CallOption, ok)
	_, ok = p.(Informer)
	has(CallInfo, ok)
	_, ok = p.(Wrapper)
	has(CallWrap, ok)
	_, ok = p.(Encoder)
	has(CallEncode, ok)
	_, ok = p.(Decoder)
	has(CallDecode, ok)
	_, ok = p.(Runner)
	has(CallRun, ok)
	return d
}

// Gives reports whether sockets of that kind may come from the protocol.
func (d Description) Gives(k Kind) bool { return d.Kind == k || slices.Contains(d.Kinds, k) }

// Messages reports whether sockets of the kind keep the bounds of messages.
func (k Kind) Messages() bool { return k != Stream }
