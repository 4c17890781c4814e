package conform_test

import (
	"context"
	"errors"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// optionedBy replaces Option, given the good one.
func optionedBy(change func(ctx context.Context, s sdk.Lent, set []sdk.Setting, get []string, good sdk.Optioner) ([]sdk.Setting, sdk.Report, error)) func(*faulty) {
	return func(f *faulty) {
		f.option = func(ctx context.Context, s sdk.Lent, set []sdk.Setting, get []string) ([]sdk.Setting, sdk.Report, error) {
			return change(ctx, s, set, get, f.good)
		}
	}
}

const (
	optionUnknown = "Option refuses what it does not know as wrong usage"
	optionStops   = "Option stops at the first failure"
	optionReads   = "Option reads every option that is declared"
	optionSets    = "Option sets, and reads what it set"
	infoAll       = "Info without names reads every fact that is declared, and each by its name"
)

var brokenOptions = []broken{
	{does: "Option sets nothing", construct: badTCP(optionedBy(func(ctx context.Context, s sdk.Lent, set []sdk.Setting, get []string, good sdk.Optioner) ([]sdk.Setting, sdk.Report, error) {
		if len(set) == 1 && (set[0].Value == "on" || set[0].Value == "off") {
			set = nil
		}
		return good.Option(ctx, s, set, get)
	})), fails: []string{optionSets}},
	{does: "Option reads another option's value", construct: badTCP(optionedBy(func(ctx context.Context, s sdk.Lent, set []sdk.Setting, get []string, good sdk.Optioner) ([]sdk.Setting, sdk.Report, error) {
		v, r, err := good.Option(ctx, s, set, get)
		if len(set) == 0 && len(v) == 1 && v[0].Name == "keepalive" {
			v[0].Value = "on"
		}
		return v, r, err
	})), fails: []string{optionReads}},
	{does: "Option takes malformed values", construct: badTCP(optionedBy(func(ctx context.Context, s sdk.Lent, set []sdk.Setting, get []string, good sdk.Optioner) ([]sdk.Setting, sdk.Report, error) {
		v, r, err := good.Option(ctx, s, set, get)
		if len(set) == 1 && set[0].Value == "x\x00\xff" {
			err = nil
		}
		return v, r, err
	})), fails: []string{optionUnknown, hostile}},
	{does: "Option panics at a long name", construct: badTCP(optionedBy(func(ctx context.Context, s sdk.Lent, set []sdk.Setting, get []string, good sdk.Optioner) ([]sdk.Setting, sdk.Report, error) {
		if len(get) == 1 && len(get[0]) > 1000 {
			panic("too long")
		}
		return good.Option(ctx, s, set, get)
	})), fails: []string{hostile}},
	{does: "Option goes on after a failure", construct: badTCP(optionedBy(func(ctx context.Context, s sdk.Lent, set []sdk.Setting, get []string, good sdk.Optioner) ([]sdk.Setting, sdk.Report, error) {
		var first error
		for _, one := range set {
			if _, _, err := good.Option(ctx, s, []sdk.Setting{one}, nil); err != nil && first == nil {
				first = err
			}
		}
		if first != nil {
			return nil, nil, first
		}
		v, _, err := good.Option(ctx, s, nil, get)
		return v, make(sdk.Report, len(set)), err
	})), fails: []string{optionStops}},
	{does: "Info forgets a fact", construct: badTCP(func(f *faulty) {
		f.info = func(ctx context.Context, s sdk.Lent, names []string) ([]sdk.Setting, error) {
			v, err := f.good.Info(ctx, s, names)
			if len(names) == 0 && len(v) > 1 {
				v = v[1:]
			}
			return v, err
		}
	}), fails: []string{infoAll}},
	{does: "Info makes facts up", construct: badTCP(func(f *faulty) {
		f.info = func(ctx context.Context, s sdk.Lent, names []string) ([]sdk.Setting, error) {
			v, err := f.good.Info(ctx, s, names)
			if errors.Is(err, sdk.Usage) {
				return []sdk.Setting{{Name: names[0]}}, nil
			}
			return v, err
		}
	}), fails: []string{infoAll, hostile}},
}
