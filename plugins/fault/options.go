package fault

import (
	"strconv"
	"time"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

var options = []sdk.Option{
	{Name: "side", Type: sdk.StringOption, Default: "both", Help: "what is harmed: what we send, what we recv, or both"},
	{Name: "delay", Type: sdk.DurationOption, Default: "0s", Help: "how long everything is on its way, at most 1m; a close waits for it, too"},
	{Name: "jitter", Type: sdk.DurationOption, Default: "0s", Help: "how much longer by chance, at most 1m; the order stays"},
	{Name: "rate", Type: sdk.SizeOption, Unit: "bytes a second", Default: "0", Help: "how much passes in a second; 0 for no limit"},
	{Name: "split", Type: sdk.IntOption, Unit: "bytes", Default: "0", Help: "a stream goes out in writes of that length, with nodelay on; 0 leaves them"},
	{Name: "drop", Type: sdk.IntOption, Default: "0", Help: "the N-th byte of a stream, or message, is dropped; the first is 1"},
	{Name: "duplicate", Type: sdk.IntOption, Default: "0", Help: "the N-th byte, or message, is passed twice"},
	{Name: "corrupt", Type: sdk.IntOption, Default: "0", Help: "the N-th byte, or the first byte of the N-th message, has all its bits turned"},
	{Name: "loss", Type: sdk.IntOption, Unit: "percent", Default: "0", Help: "how many messages are dropped by chance; not for streams"},
	{Name: "reset", Type: sdk.IntOption, Default: "0", Help: "the connection is reset after N bytes, or messages"},
	{Name: "close", Type: sdk.IntOption, Default: "0", Help: "the direction ends after N bytes, or messages"},
	{Name: "seed", Type: sdk.IntOption, Default: "1", Help: "what chance begins with: the same seed, the same faults"},
}

// harm is what is done. It is not changed; SetOption makes another.
type harm struct {
	send, recv               bool
	delay, jitter            time.Duration
	rate, split              int
	drop, duplicate, corrupt int64
	reset, close             int64
	loss, seed               int64
}

const (
	longest  = time.Minute // of delay and jitter
	maxSplit = 1 << 20     // bytes
)

// read makes a harm of options by name.
func read(text func(string) string, o sdk.OptionValues, stream bool) (*harm, error) {
	h := &harm{delay: o.Duration("delay"), jitter: o.Duration("jitter"), rate: o.Size("rate"), split: int(o.Int("split")),
		drop: o.Int("drop"), duplicate: o.Int("duplicate"), corrupt: o.Int("corrupt"),
		reset: o.Int("reset"), close: o.Int("close"), loss: o.Int("loss"), seed: o.Int("seed")}
	switch side := text("side"); side {
	case "send":
		h.send = true
	case "recv":
		h.recv = true
	case "both":
		h.send, h.recv = true, true
	default:
		return nil, sdk.Faultf(sdk.Usage, "side is send, recv or both, not %q", side)
	}
	for _, n := range []string{"drop", "duplicate", "corrupt", "reset", "close", "split", "loss"} {
		if v, _ := strconv.ParseInt(text(n), 0, 64); v < 0 {
			return nil, sdk.Faultf(sdk.Usage, "%s is not negative: %s", n, text(n))
		}
	}
	switch {
	case h.delay > longest || h.jitter > longest:
		return nil, sdk.Faultf(sdk.Usage, "delay and jitter are at most %s", sdk.FormatDuration(longest))
	case h.split > maxSplit:
		return nil, sdk.Faultf(sdk.Usage, "split is at most %d", maxSplit)
	case h.loss > 100:
		return nil, sdk.Faultf(sdk.Usage, "loss is 0 to 100 percent, not %d", h.loss)
	case h.loss > 0 && stream:
		return nil, sdk.Faultf(sdk.Usage, "loss is for messages: a stream that lacks bytes is another stream; drop=N drops one byte")
	case h.split > 0 && !stream:
		return nil, sdk.Faultf(sdk.Usage, "split is for streams: a message is whole or lost")
	}
	return h, nil
}
