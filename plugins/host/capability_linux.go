package host

import (
	"fmt"
	"strings"

	"kernel.org/pub/linux/libs/security/libcap/cap"

	"github.com/sosh-shell/sosh/core/socket"
)

// DropCapabilities takes each of [socket.Droppable] from this process, all its
// threads: from the effective and the permitted set (capabilities(7)). The bounding
// set stays, so that a plugin which needs one gets it again when it is started: from
// root's rights, or from the file that it is started from.
//
// One in the ambient set came from who started this process, and can come to a plugin
// only from there: it is kept in the permitted set, and dropped from the effective.
// It is to be called once, before anything else has been started.
func DropCapabilities() error {
	left := cap.GetProc()
	change := false
	for _, name := range socket.Droppable {
		v, err := cap.FromName(strings.ToLower(name))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		sets := []cap.Flag{cap.Effective, cap.Permitted}
		if on, err := cap.GetAmbient(v); err == nil && on {
			sets = sets[:1]
		}
		for _, set := range sets {
			on, err := left.GetFlag(set, v)
			if err != nil {
				return err
			}
			if !on {
				continue
			}
			change = true
			if err := left.SetFlag(set, false, v); err != nil {
				return err
			}
		}
	}
	if !change {
		return nil
	}
	return left.SetProc()
}
