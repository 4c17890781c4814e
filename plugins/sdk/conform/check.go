package conform

import "context"

// Check holds the plugin in the executable at path, or in a script, or in a folder with
// one, to every promise that it makes, by descriptors and by stream, and reports each
// result as it is known, in order, from the calling goroutine. It installs nothing: a
// copy is run from a directory of its own, which is gone afterwards.
//
// A broken promise is no error: the results and the summary tell. An error says that
// the plugin could not be checked at all, as it does not start or is no plugin, that
// ctx was cancelled, or that this system has no checks (they need Linux). It is safe
// to call from several goroutines at once.
func Check(ctx context.Context, path string, how How, report func(Result)) (Summary, error) {
	return checkAll(ctx, path, how, report)
}
