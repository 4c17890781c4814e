package wire

import (
	"fmt"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto" // registers the codec that this one stands before
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	pb "google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// MaxParts bounds how many messages and list entries one message may have within it.
// A size alone bounds no memory: an empty entry has two bytes on the wire and a
// hundred once it is taken apart.
const MaxParts = 64 << 10

// maxDepth bounds how deep they may be within each other.
const maxDepth = 32

// Codec is gRPC's own, but for a message of more than [MaxParts] parts: that one is an
// error before anything is made of it.
type Codec struct{}

var _ encoding.CodecV2 = Codec{}

// Name implements encoding.CodecV2: on the wire it is the usual one.
func (Codec) Name() string { return proto.Name }

// Marshal implements encoding.CodecV2.
func (Codec) Marshal(v any) (mem.BufferSlice, error) {
	return encoding.GetCodecV2(proto.Name).Marshal(v)
}

// Unmarshal implements encoding.CodecV2.
func (Codec) Unmarshal(data mem.BufferSlice, v any) error {
	m, ok := v.(pb.Message)
	if !ok {
		return encoding.GetCodecV2(proto.Name).Unmarshal(data, v)
	}
	buf := data.MaterializeToBuffer(mem.DefaultBufferPool())
	defer buf.Free()
	b := buf.ReadOnlyData()
	left := MaxParts
	if err := countParts(b, m.ProtoReflect().Descriptor(), &left, maxDepth); err != nil {
		return err
	}
	return pb.Unmarshal(b, m)
}

// countParts takes the parts of b from left. What is malformed is left to Unmarshal.
func countParts(b []byte, d protoreflect.MessageDescriptor, left *int, depth int) error {
	if depth == 0 {
		return fmt.Errorf("messages within messages, %d deep", maxDepth)
	}
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return nil
		}
		b = b[n:]
		if n = protowire.ConsumeFieldValue(number, kind, b); n < 0 {
			return nil
		}
		value := b[:n]
		b = b[n:]
		f := d.Fields().ByNumber(number)
		if f == nil || !f.IsList() && f.Message() == nil {
			continue
		}
		if *left--; *left < 0 {
			return fmt.Errorf("more than %d parts in one message", MaxParts)
		}
		if f.Message() == nil || kind != protowire.BytesType {
			continue
		}
		within, _ := protowire.ConsumeBytes(value)
		if err := countParts(within, f.Message(), left, depth-1); err != nil {
			return err
		}
	}
	return nil
}
