package conform

import (
	"bytes"
	"context"

	"golang.org/x/sys/unix"
)

// exchange sends much both ways at once.
func (s *subject) exchange(t *trial, c, k *wrapped) {
	const pieces = 24
	data := make([][]byte, pieces)
	for i := range data {
		data[i] = s.message([]int{1, 100, 1460, 16 << 10, 100 << 10}[i%5])
	}
	sent := make(chan error, 2)
	for _, w := range []*wrapped{c, k} {
		t.Go(func() {
			for _, p := range data {
				if err := w.write(p); err != nil {
					sent <- err
					return
				}
			}
			sent <- nil
		})
	}
	wg := t.group()
	for _, w := range []*wrapped{c, k} {
		wg.Go(func() {
			for i, p := range data {
				if got, err := w.read(len(p)); err != nil || !bytes.Equal(got, p) {
					t.Errorf("piece %d: %d bytes of %d, %v", i, len(got), len(p), err)
					return
				}
			}
		})
	}
	for range 2 {
		must(t, <-sent)
	}
	wg.Wait()
}

// unwrap takes the layer off as a host does: the upper descriptor is read to its end
// later.
func (w *wrapped) unwrap() []byte {
	ctx, cancel := context.WithTimeout(context.Background(), w.t.patience)
	defer cancel()
	rest, err := w.s.Unwrap(ctx, w.lent())
	if err != nil {
		w.t.Errorf("unwrap: %v", err)
	}
	return rest
}

// readRaw reads n bytes of a socket, or all to the end when n is negative.
func readRaw(t *trial, fd, n int) []byte {
	var got []byte
	buf := make([]byte, 4096)
	for n < 0 || len(got) < n {
		b := buf
		if n >= 0 {
			b = buf[:min(len(buf), n-len(got))]
		}
		m, _, err := unix.Recvfrom(fd, b, unix.MSG_DONTWAIT)
		switch {
		case err == unix.EAGAIN:
			must(t, t.waitFor(fd, unix.POLLIN))
		case err == unix.EINTR:
		case err != nil:
			t.Fatal(err)
		case m == 0:
			return got
		default:
			got = append(got, b[:m]...)
		}
	}
	return got
}
