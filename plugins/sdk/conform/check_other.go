//go:build !linux

package conform

import (
	"context"
	"errors"
	"fmt"
)

func checkAll(context.Context, string, How, func(Result)) (Summary, error) {
	return Summary{}, fmt.Errorf("plugins are checked on Linux only: %w", errors.ErrUnsupported)
}
