package host

import "testing"

func TestLastWordsTellWhyAPluginEnded(t *testing.T) {
	for want, lines := range map[string][]string{
		"": nil,
		"Error: Cannot find module '@grpc/grpc-js'": {"node:internal/modules/cjs/loader:1228", "  throw err;", "  ^",
			"Error: Cannot find module '@grpc/grpc-js'", "Require stack:", "- /x/sosh.js", "  code: 'MODULE_NOT_FOUND',", "}", "", "Node.js v20.20.2"},
		"ModuleNotFoundError: No module named 'grpc'": {"Traceback (most recent call last):", `  File "x.py", line 1`, "ModuleNotFoundError: No module named 'grpc'"},
		"panic: no": {"panic: no", "", "goroutine 1 [running]:", "main.main()"},
		"goodbye":   {"hello", "goodbye"},
	} {
		if got := reasonOf(lines); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
