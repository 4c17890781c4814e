package conform_test

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/sosh-shell/sosh/plugins/sdk"
	"github.com/sosh-shell/sosh/plugins/udp"
)

// numbered is udp with messages of one field, and a command that counts.
type numbered struct {
	*faultyPackets
	encode func(fields []sdk.Setting) (sdk.Message, error)
	decode func(m sdk.Message) []sdk.Setting
	run    func(ctx context.Context, r sdk.RunRequest, out func(sdk.Row) error) error
	whole  func(messages []sdk.Message) error // of the call
}

func (n *numbered) Encode(_ context.Context, _ sdk.Mark, fields []sdk.Setting) (sdk.Message, error) {
	return or(n.encode, goodEncode)(fields)
}

func goodEncode(fields []sdk.Setting) (sdk.Message, error) {
	var m sdk.Message
	for _, f := range fields {
		v, err := strconv.ParseUint(f.Value, 0, 8)
		if f.Name != "number" || err != nil {
			return m, sdk.Faultf(sdk.Usage, "number is a number up to 255")
		}
		m.Data = []byte{byte(v)}
	}
	return m, nil
}

func (n *numbered) Decode(_ context.Context, _ sdk.Mark, messages []sdk.Message) ([][]sdk.Setting, error) {
	var out [][]sdk.Setting
	for _, m := range messages {
		out = append(out, or(n.decode, goodDecode)(m))
	}
	if n.whole != nil {
		return out, n.whole(messages)
	}
	return out, nil
}

func goodDecode(m sdk.Message) []sdk.Setting {
	if len(m.Data) != 1 {
		return []sdk.Setting{{Name: "error", Value: "not one byte"}}
	}
	return []sdk.Setting{{Name: "number", Value: strconv.Itoa(int(m.Data[0]))}}
}

func (n *numbered) Run(ctx context.Context, r sdk.RunRequest, out func(sdk.Row) error) error {
	return or(n.run, goodRun)(ctx, r, out)
}

func goodRun(ctx context.Context, r sdk.RunRequest, out func(sdk.Row) error) error {
	if r.Command != "count" {
		return sdk.Faultf(sdk.Usage, "no command is named %q", r.Command)
	}
	for i := range 1000 {
		if err := out(sdk.Row{Text: strconv.Itoa(i)}); err != nil {
			return err
		}
		select {
		case <-r.Interrupt:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		default:
		}
	}
	return nil
}

func badNumbered(fault func(*numbered)) func() sdk.Protocol {
	return func() sdk.Protocol {
		n := &numbered{faultyPackets: &faultyPackets{good: udp.New().(packets)}}
		n.describe = func(d sdk.Description) sdk.Description {
			d.Fields = []sdk.Field{{Name: "number", Type: sdk.IntField, Help: "a number"},
				{Name: "error", Type: sdk.TextField, Help: "what is wrong", Decoded: true}}
			d.Commands = []sdk.Command{{Name: "count", Synopsis: "counts", Usage: []string{"count"}}}
			return d
		}
		fault(n)
		return n
	}
}

const (
	encodeField = "Encode refuses a field that is not declared as wrong usage"
	encodeValue = "Encode refuses a value that the field cannot take as wrong usage"
	decodeAny   = "Decode answers each message, also a hostile one, with declared fields"
	codecOnce   = "Encode and Decode may be called at once"
)

var brokenFields = []broken{
	{does: "Nothing: numbered is good", construct: badNumbered(func(*numbered) {})},
	{does: "Encode takes any field", construct: badNumbered(func(n *numbered) {
		n.encode = func(fields []sdk.Setting) (sdk.Message, error) {
			return goodEncode(slices.DeleteFunc(slices.Clone(fields), func(f sdk.Setting) bool { return f.Name != "number" }))
		}
	}), fails: []string{encodeField}},
	{does: "Encode takes any value", construct: badNumbered(func(n *numbered) {
		n.encode = func(fields []sdk.Setting) (sdk.Message, error) {
			if len(fields) > 0 && fields[0].Name == "number" {
				return sdk.Message{}, nil
			}
			return goodEncode(fields)
		}
	}), fails: []string{encodeValue}},
	{does: "Encode fails without fields, and does not say what it lacks", construct: badNumbered(func(n *numbered) {
		n.encode = func(fields []sdk.Setting) (sdk.Message, error) {
			if len(fields) == 0 {
				return sdk.Message{}, errPlain
			}
			return goodEncode(fields)
		}
	}), fails: []string{"Encode makes a message of no fields, or says as wrong usage what it lacks"}},
	{does: "Decode answers with a field that is not declared", construct: badNumbered(func(n *numbered) {
		n.decode = func(m sdk.Message) []sdk.Setting { return append(goodDecode(m), sdk.Setting{Name: "secret"}) }
	}), fails: []string{decodeAny, codecOnce}},
	{does: "Decode fails at a malformed message", construct: badNumbered(func(n *numbered) {
		n.whole = func(messages []sdk.Message) error {
			for _, m := range messages {
				if len(m.Data) > 60000 {
					return errPlain
				}
			}
			return nil
		}
	}), fails: []string{decodeAny}},
	{does: "Decode panics at an empty message", construct: badNumbered(func(n *numbered) {
		n.decode = func(m sdk.Message) []sdk.Setting {
			if len(m.Data) == 1500 {
				return []sdk.Setting{{Name: "number", Value: string(m.Data[1500])}}
			}
			return goodDecode(m)
		}
	}), fails: []string{decodeAny}},
	{does: "Encode fails when Decode is called meanwhile", construct: badNumbered(func(n *numbered) {
		busy := make(chan struct{}, 1)
		n.decode = func(m sdk.Message) []sdk.Setting {
			select {
			case busy <- struct{}{}:
				defer func() { <-busy }()
				time.Sleep(100 * time.Microsecond)
				return goodDecode(m)
			default:
				return []sdk.Setting{{Name: "busy"}}
			}
		}
	}), fails: []string{codecOnce}},
	{does: "Run goes on when its rows are not taken", construct: badNumbered(func(n *numbered) {
		n.run = func(ctx context.Context, r sdk.RunRequest, out func(sdk.Row) error) error {
			err := goodRun(ctx, r, func(row sdk.Row) error { out(row); return nil })
			return err
		}
	}), fails: []string{"A run ends with the error of who takes its rows"}},
	{does: "Run hears no interrupt and no cancel", construct: badNumbered(func(n *numbered) {
		n.run = func(ctx context.Context, r sdk.RunRequest, out func(sdk.Row) error) error {
			if r.Interrupt != nil {
				time.Sleep(2 * patience)
			}
			return goodRun(ctx, r, out)
		}
	}), fails: []string{"A run that is interrupted ends"}},
	{does: "Run takes any command", construct: badNumbered(func(n *numbered) {
		n.run = func(ctx context.Context, r sdk.RunRequest, out func(sdk.Row) error) error {
			if r.Command != "count" {
				return nil
			}
			return goodRun(ctx, r, out)
		}
	}), fails: []string{"Run refuses what is no command"}},
}
