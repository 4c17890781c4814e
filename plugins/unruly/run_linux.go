package unruly

import (
	"context"
	"strings"
	"time"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// Run implements sdk.Runner: the argument says how, as "run-HOW" in the table.
func (protocol) Run(ctx context.Context, req sdk.RunRequest, out func(sdk.Row) error) error {
	row := func(s string) error {
		return out(sdk.Row{Text: s, Fields: []sdk.Setting{{Name: "text", Value: s}}})
	}
	how := ""
	if len(req.Args) > 0 {
		how = req.Args[0]
	}
	if err := row("begun"); err != nil {
		return err
	}
	switch how {
	case "endless":
		time.Sleep(time.Minute)
	case "flood":
		for {
			if err := row("and one more row"); err != nil {
				return err
			}
		}
	case "dies":
		die()
	case "escapes":
		out(sdk.Row{Text: Escapes, Notice: true})
		return row(Escapes)
	case "huge":
		return row(strings.Repeat("x", 16<<20))
	case "errors":
		return sdk.Faultf(sdk.Failed, "%s", Escapes)
	}
	return ctx.Err()
}
