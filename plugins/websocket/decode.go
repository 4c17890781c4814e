package websocket

import (
	"context"
	"strconv"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// Decode implements sdk.Decoder.
func (layer) Decode(_ context.Context, _ sdk.Mark, messages []sdk.Message) ([][]sdk.Setting, error) {
	out := make([][]sdk.Setting, len(messages))
	for i, m := range messages {
		kind := strconv.Itoa(int(m.Type))
		switch m.Type {
		case typeText:
			kind = "text"
		case typeBinary:
			kind = "binary"
		}
		out[i] = []sdk.Setting{
			{Name: "type", Value: kind},
			{Name: "size", Value: strconv.Itoa(len(m.Data))},
			{Name: "data", Value: string(m.Data)},
		}
	}
	return out, nil
}
