package unix

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

func resolve(text string, passive bool) (string, error) {
	as, err := protocol{}.Resolve(context.Background(), sdk.ResolveRequest{Text: text, Passive: passive})
	if err != nil {
		return "", err
	}
	return as[0].Path, nil
}

func TestPathsAndNamesResolve(t *testing.T) {
	for text, want := range map[string]string{
		"/tmp/s": "/tmp/s", "/": "/", "@name": "\x00name", "@/tmp/s": "\x00/tmp/s", "@@": "\x00@", "/tmp/ä ö\n": "/tmp/ä ö\n",
		"/" + strings.Repeat("x", 106): "/" + strings.Repeat("x", 106), "@" + strings.Repeat("x", 107): "\x00" + strings.Repeat("x", 107),
	} {
		for _, passive := range []bool{false, true} {
			if got, err := resolve(text, passive); err != nil || got != want {
				t.Errorf("%q: got %q, %v", text, got, err)
			}
		}
	}
	if got, err := resolve("@", true); err != nil || got != "" {
		t.Errorf("a name of the kernel's choice: got %q, %v", got, err)
	}
	for text, want := range map[string]string{
		"":                             "no address: write a path, or @NAME for the abstract namespace",
		"@":                            "@ names nothing",
		"a/b":                          "no absolute path",
		"/a\x00b":                      "no NUL",
		"@a\x00b":                      "no NUL",
		"/" + strings.Repeat("x", 107): "the address has 108 bytes; a unix socket's has at most 107",
		"@" + strings.Repeat("x", 108): "the address has 108 bytes; a unix socket's has at most 107",
	} {
		if got, err := resolve(text, false); !errors.Is(err, sdk.Usage) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: got %q, %v, want %s", text, got, err, want)
		}
	}
}

// FuzzResolve: what resolves is written as it was, and the kernel can take it.
func FuzzResolve(f *testing.F) {
	for _, s := range []string{"/tmp/s", "@name", "@", "", "x", "/" + strings.Repeat("x", 110), "@" + strings.Repeat("é", 60)} {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, text string, passive bool) {
		as, err := protocol{}.Resolve(context.Background(), sdk.ResolveRequest{Text: text, Passive: passive})
		if err != nil {
			if !errors.Is(err, sdk.Usage) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		a := as[0]
		if len(as) != 1 || len(a.Path) > 108 || text != "@" && a.Text(sdk.PathForm) != text {
			t.Fatalf("%q: got %+v", text, as)
		}
		if _, err := a.Sockaddr(); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
	})
}
