//go:build unix

package socket

import (
	"syscall"
	"testing"
)

// TestUnnamedSocketHasNoPath: an abstract name and none at all look alike to package
// syscall.
func TestUnnamedSocketHasNoPath(t *testing.T) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fds[0])
	defer syscall.Close(fds[1])
	sa, err := syscall.Getpeername(fds[0])
	if err != nil {
		t.Fatal(err)
	}
	if a := FromSockaddr(sa); a != (Address{Family: FamilyUnix}) || a.Text(PathForm) != "" {
		t.Errorf("got %+v", a)
	}
}

func TestUnixAddressesComeBack(t *testing.T) {
	for text, path := range map[string]string{"@name": "\x00name", "@@": "\x00@", "/tmp/@s": "/tmp/@s"} {
		a := Address{Family: FamilyUnix, Path: path}
		sa, err := a.Sockaddr()
		if err != nil || FromSockaddr(sa) != a || a.Text(PathForm) != text {
			t.Errorf("%s: %+v, %v", text, sa, err)
		}
	}
}
