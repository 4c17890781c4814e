package sdk

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"

	"kernel.org/pub/linux/libs/security/libcap/cap"

	"github.com/sosh-shell/sosh/core/socket"
)

// dropCapabilities takes each of [socket.Droppable] that is not in keep from this
// process, all its threads, for good: from the effective, permitted, inheritable,
// ambient and bounding sets (capabilities(7)). Package syscall can change all threads
// only in programs without C.
//
// Without CAP_SETPCAP the bounding set stays as it is. What a process can lack for good
// without that right is little: a program whose file has the capability gives it back.
func dropCapabilities(keep []string) error {
	var drop []cap.Value
	for _, name := range socket.Droppable {
		if slices.Contains(keep, name) {
			continue
		}
		v, err := cap.FromName(strings.ToLower(name))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		drop = append(drop, v)
	}
	if len(drop) == 0 {
		return nil
	}
	had := cap.GetProc()
	for _, v := range drop {
		if err := dropAmbient(v); err != nil {
			return fmt.Errorf("dropping %v from the ambient set: %w", v, err)
		}
		if err := dropBound(had, v); err != nil {
			return fmt.Errorf("dropping %v from the bounding set: %w", v, err)
		}
	}
	left, err := had.Dup()
	if err != nil {
		return err
	}
	for _, set := range []cap.Flag{cap.Effective, cap.Permitted, cap.Inheritable} {
		if err := left.SetFlag(set, false, drop...); err != nil {
			return err
		}
	}
	if same, err := left.Cf(had); err == nil && same == 0 {
		return nil
	}
	return left.SetProc()
}

func dropAmbient(v cap.Value) error {
	switch on, err := cap.GetAmbient(v); {
	case errors.Is(err, syscall.EINVAL), err == nil && !on:
		return nil // EINVAL: this kernel has no such set or no such capability
	case err != nil:
		return err
	}
	return cap.SetAmbient(false, v)
}

func dropBound(had *cap.Set, v cap.Value) error {
	if may, err := had.GetFlag(cap.Effective, cap.SETPCAP); err != nil || !may {
		return err
	}
	if on, err := cap.GetBound(v); err != nil || !on {
		return err
	}
	return cap.DropBound(v)
}
