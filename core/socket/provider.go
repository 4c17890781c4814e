package socket

// Providers hands out protocols by name and tells of the plugins behind them.
// The shell and the table reach plugins only through it. Safe for concurrent use.
type Providers interface {
	// Protocol returns the protocol of that name; an unknown name is [Usage].
	// It starts nothing: the plugin starts at the first call. The protocol has
	// every method of the contract, and refuses those its description lacks
	// with [Unsupported].
	Protocol(name string) (Complete, error)
	// Descriptions lists the protocols and layers, by name. It starts nothing.
	Descriptions() []Description
	// Plugins lists what is behind them, by name.
	Plugins() []Plugin
}

// Recorder is implemented by providers that take protocols from a record.
type Recorder interface {
	// Unreadable is why what was installed is left out of the lists, nil when it is not:
	// the record cannot be read, or somebody else could have written it.
	Unreadable() error
}

// Complete is a protocol with every method of the contract, as a host gives it.
type Complete interface {
	Protocol
	Resolver
	Binder
	Listener
	Connector
	Accepter
	Shutdowner
	Optioner
	Informer
	Wrapper
	Encoder
	Decoder
	Runner
}

// Plugin is the state of one plugin process.
type Plugin struct {
	Name    string
	PID     int // 0 while it does not run
	Version string
	State   string // idle, running, failed
	Reason  string // why it failed, one line; "" for none
	Starts  int    // how often it was started in this session
	Path    string // "bundled", or the file
	SHA256  string // of the file, in hex; "" for what is bundled
	// Processes counts those that run: an earlier build lives until nothing of it is
	// in use.
	Processes int
	// Holds counts the layers and sockets that live in them and are lost with them.
	Holds int
}
