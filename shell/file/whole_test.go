package file_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/sosh-shell/sosh/shell/file"
)

func content(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestLinksAndPermissionsStay(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	if err := errors.Join(os.WriteFile(target, []byte("old"), 0o640), os.Symlink("target", link)); err != nil {
		t.Fatal(err)
	}
	if err := file.WriteWhole(link, 0o600, "new"); err != nil {
		t.Fatal(err)
	}
	if got := content(t, target); got != "new" {
		t.Errorf("behind the link is %q", got)
	}
	if st, err := os.Lstat(link); err != nil || st.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link: %v, %v", st.Mode(), err)
	}
	if st, err := os.Stat(target); err != nil || st.Mode().Perm() != 0o640 {
		t.Errorf("permissions: %v, %v", st.Mode(), err)
	}
}

func TestWhatIsNoFileIsWrittenInPlace(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	// The pipe by its name, as /dev/stdout is one.
	err = file.WriteWhole("/dev/fd/"+strconv.Itoa(int(w.Fd())), 0o600, "text")
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if _, err := got.ReadFrom(r); err != nil || got.String() != "text" {
		t.Errorf("%q, %v", got.String(), err)
	}
}

func TestNothingIsLeftOfWhatFails(t *testing.T) {
	dir := t.TempDir()
	err := file.WriteWhole(filepath.Join(dir, "no", "such"), 0o600, "x")
	if !errors.Is(err, fs.ErrNotExist) || strings.Contains(err.Error(), ".such.") {
		t.Errorf("got %v", err)
	}
	if err := file.WriteWhole(dir, 0o600, "x"); err == nil {
		t.Error("a folder was written to")
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}
