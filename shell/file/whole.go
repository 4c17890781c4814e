// Package file writes files for people: whole, or not at all.
package file

import (
	"io/fs"
	"os"
	"path/filepath"
)

// WriteWhole puts text into the file at path, with the permissions perm if it is new. A
// regular file is replaced at once, so that a reader, and a full disk, never see half
// of it; the links to it are followed and stay. What is no regular file (a FIFO, a
// terminal, /dev/stdout) is written to as it is. A folder must be there.
func WriteWhole(path string, perm fs.FileMode, text string) error {
	if to, err := filepath.EvalSymlinks(path); err == nil {
		path = to
	}
	st, err := os.Stat(path)
	switch {
	case err == nil && !st.Mode().IsRegular():
		return inPlace(path, text)
	case err == nil:
		perm = st.Mode().Perm()
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return &fs.PathError{Op: "create", Path: path, Err: cause(err)}
	}
	defer os.Remove(f.Name()) // when it has not taken its place
	_, err = f.WriteString(text)
	if err == nil {
		err = f.Chmod(perm)
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return &fs.PathError{Op: "write", Path: path, Err: cause(err)}
	}
	return nil
}

func inPlace(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

// cause leaves out the name of the file that is only on its way.
func cause(err error) error {
	switch e := err.(type) {
	case *fs.PathError:
		return e.Err
	case *os.LinkError:
		return e.Err
	}
	return err
}
