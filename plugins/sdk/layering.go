package sdk

import (
	"context"
	"fmt"
	"slices"
	"syscall"

	"github.com/sosh-shell/sosh/core/socket"
)

// NewLayer makes a protocol of a layer: what is left to do is Wrap and the
// connection that it returns. The protocol has Encode and Decode when l has them.
//
// Every such layer has the facts "sent" and "received": the bytes that it wrote to
// and read from the socket beneath; and "refused", once a message was. Its options can be read, and set where the
// connection is an [OptionSetter].
func NewLayer(l Layer) Protocol {
	p := layerProtocol{l}
	e, encodes := l.(Encoder)
	d, decodes := l.(Decoder)
	switch {
	case encodes && decodes:
		return struct {
			layerProtocol
			Encoder
			Decoder
		}{p, e, d}
	case encodes:
		return struct {
			layerProtocol
			Encoder
		}{p, e}
	case decodes:
		return struct {
			layerProtocol
			Decoder
		}{p, d}
	}
	return p
}

// layerProtocol is a layer as a protocol.
type layerProtocol struct{ layer Layer }

// counted are the facts of every layer.
var counted = []Fact{
	{Name: "sent", Help: "bytes that the layer wrote to the socket beneath"},
	{Name: "received", Help: "bytes that the layer read from the socket beneath"},
	{Name: "refused", Help: "messages that the layer or the socket beneath did not take, and why the last was not"},
}

// Describe implements Protocol.
func (p layerProtocol) Describe() Description {
	d := p.layer.Describe()
	d.Layer = true
	d.Facts = append(slices.Clone(counted), d.Facts...)
	return d
}

// Open implements Protocol.
func (p layerProtocol) Open(context.Context, OpenRequest) (Handle, error) {
	name := p.layer.Describe().Name
	return Handle{FD: -1}, Faultf(Unsupported, "%s is a layer, which opens no socket: wrap SOCK %s", name, name)
}

// above is the kind that comes out over the kind beneath.
func above(d Description, beneath Kind) Kind {
	if beneath.Messages() && d.Gives(beneath) {
		return beneath
	}
	return d.Kind
}

// Unwrap implements Wrapper.
func (p layerProtocol) Unwrap(ctx context.Context, s Lent) ([]byte, error) {
	l, err := p.find(s)
	if err != nil {
		return nil, err
	}
	return l.unwrap(ctx)
}

// Option implements Optioner.
func (p layerProtocol) Option(_ context.Context, s Lent, set []Setting, get []string) ([]Setting, Report, error) {
	l, err := p.find(s)
	if err != nil {
		return nil, nil, err
	}
	d := p.layer.Describe()
	setter, _ := l.conn.(OptionSetter)
	for _, o := range set {
		if err := checkOption(d.Options, o); err != nil {
			return nil, nil, err
		}
		if setter == nil {
			return nil, nil, Faultf(Unsupported, "the options of %s are fixed when it is put on", d.Name)
		}
		if err := setter.SetOption(o.Name, o.Value); err != nil {
			return nil, nil, err
		}
	}
	var out []Setting
	for _, name := range get {
		if _, ok := d.Option(name); !ok {
			return nil, nil, noOption(d.Options, name)
		}
		value := l.options.Text(name)
		if setter != nil {
			if value, err = setter.GetOption(name); err != nil {
				return nil, nil, err
			}
		}
		out = append(out, Setting{Name: name, Value: value})
	}
	return out, nil, nil
}

// Info implements Informer. A fact that the layer has nothing to say of is left
// out when all are asked for, and empty when it is asked for by name.
func (p layerProtocol) Info(_ context.Context, s Lent, names []string) ([]Setting, error) {
	l, err := p.find(s)
	if err != nil {
		return nil, err
	}
	return tell(p.Describe(), l.facts(), names)
}

// find returns the layer that the host means.
func (p layerProtocol) find(s Lent) (*layered, error) {
	l, ok := s.Carrier.(*layered)
	if !ok || l.name != p.layer.Describe().Name {
		return nil, fmt.Errorf("no layer %s of this process is on the socket: %w", p.layer.Describe().Name, syscall.EBADF)
	}
	return l, nil
}

var (
	_ Protocol            = layerProtocol{}
	_ Wrapper             = layerProtocol{}
	_ Optioner            = layerProtocol{}
	_ Informer            = layerProtocol{}
	_ socket.LayerCarrier = (*layered)(nil)
)
