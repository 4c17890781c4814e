package sdk_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

var someFields = []sdk.Field{
	{Name: "op", Type: sdk.IntField, Default: "get", Names: []sdk.FieldName{{Name: "get", Value: 7}, {Name: "set", Value: 1}}},
	{Name: "size", Type: sdk.IntField},
	{Name: "load", Type: sdk.FloatField},
	{Name: "fast", Type: sdk.BoolField, Default: "on"},
	{Name: "key", Type: sdk.TextField},
	{Name: "header.*", Type: sdk.TextField},
	{Name: "error", Type: sdk.TextField, Decoded: true},
}

func TestFieldsHaveTheirValues(t *testing.T) {
	v, err := sdk.CheckFields(someFields, []sdk.Setting{{Name: "size", Value: "0x10"}, {Name: "load", Value: "0.5"}, {Name: "key", Value: ""},
		{Name: "header.a", Value: "1"}, {Name: "header.b", Value: "2"}})
	if err != nil {
		t.Fatal(err)
	}
	if v.Int("op") != 7 || v.Int("size") != 16 || v.Float("load") != 0.5 || !v.Bool("fast") || !v.Has("key") || v.Has("op") || v.Text("op") != "get" {
		t.Errorf("%+v: %d %d %v %v", v, v.Int("op"), v.Int("size"), v.Float("load"), v.Bool("fast"))
	}
	if got := v.Under("header."); !slices.Equal(got, []sdk.Setting{{Name: "header.a", Value: "1"}, {Name: "header.b", Value: "2"}}) {
		t.Errorf("%v", got)
	}
	v, err = sdk.CheckFields(someFields, []sdk.Setting{{Name: "op", Value: "set"}, {Name: "fast", Value: "off"}})
	if err != nil || v.Int("op") != 1 || v.Bool("fast") {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestFieldsThatAreNoneAreUsage(t *testing.T) {
	for text, want := range map[string]string{
		"colour=red":   `no field is named "colour": there is op, size, load, fast, key, header.*`,
		"error=x":      "only read",
		"op=fly":       `op is get, set or a number, not "fly"`,
		"size=big":     `size is a number, not "big"`,
		"size=":        "a number",
		"load=heavy":   "a number",
		"fast=perhaps": "on or off",
		"header.=x":    "no field",
		"key=a key=b":  "key is given twice",
	} {
		var given []sdk.Setting
		for _, one := range strings.Fields(text) {
			name, value, _ := strings.Cut(one, "=")
			given = append(given, sdk.Setting{Name: name, Value: value})
		}
		if _, err := sdk.CheckFields(someFields, given); !errors.Is(err, sdk.Usage) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
