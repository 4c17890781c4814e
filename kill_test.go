package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/core/table"
	"github.com/sosh-shell/sosh/plugins/host"
)

// newWorld is a table over real plugin processes.
func newWorld(t *testing.T, form host.Form) (*table.Table, *host.Host) {
	t.Helper()
	h, err := host.New(host.Config{Bundled: bundled, Form: form})
	if err != nil {
		t.Fatal(err)
	}
	tab := table.New(h)
	t.Cleanup(func() {
		tab.Close()
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return tab, h
}

func pluginPID(h *host.Host) int {
	for _, p := range h.Plugins() {
		if p.Name == "tcp" {
			return p.PID
		}
	}
	return 0
}

// Sizes of TestKilledPluginLosesNoConnection.
const (
	pairs = 1000
	kills = 100
)

// TestKilledPluginLosesNoConnection kills the tcp plugin a hundred times under
// a thousand connections that transfer both ways, while others are opened,
// connected and accepted.
func TestKilledPluginLosesNoConnection(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	tab, h := newWorld(t, host.Descriptors)
	srv, err := tab.Open(ctx, table.Spec{Protocol: "tcp", Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	f, _ := srv.Facts()
	addr := f.Local.Text(socket.HostPort)

	var flows []*flow
	for i := range pairs {
		c, err := tab.Open(ctx, table.Spec{Protocol: "tcp", Connect: addr})
		if err != nil {
			t.Fatal(err)
		}
		s, err := srv.Accept(ctx, "")
		if err != nil {
			t.Fatal(err)
		}
		flows = append(flows, &flow{from: c, to: s, seed: uint64(2 * i)}, &flow{from: s, to: c, seed: uint64(2*i + 1)})
	}

	var over atomic.Bool
	var transfer, churn sync.WaitGroup
	for _, f := range flows {
		transfer.Go(func() { f.sendErr = f.send(ctx, &over) })
		transfer.Go(func() { f.recvErr = f.recv(ctx) })
	}
	var cycles, told, givenUp atomic.Int64
	for i := range 4 {
		churn.Go(func() {
			for !over.Load() {
				lost, err := cycle(ctx, tab)
				if err != nil && strings.Contains(err.Error(), "times in a row") {
					givenUp.Add(1) // a call that was killed each time says so; on a slow machine it happens
					continue
				}
				if err != nil {
					t.Errorf("worker %d: %v", i, err)
					return
				}
				cycles.Add(1)
				if lost {
					told.Add(1)
				}
			}
		})
	}

	var restarts []time.Duration
	for n := 0; n < kills && !t.Failed(); n++ {
		pid := pluginPID(h)
		pause := time.Duration(rand.IntN(20)) * time.Millisecond
		select {
		case <-time.After(pause): // a random moment is what is wanted here
		case <-ctx.Done():
			t.Fatal("time is over")
		}
		if pid == 0 || syscall.Kill(pid, syscall.SIGKILL) != nil {
			n--
			continue
		}
		begin := time.Now()
		s, err := tab.Open(ctx, table.Spec{Protocol: "tcp"})
		if err != nil {
			t.Fatalf("the open after kill %d: %v", n, err)
		}
		restarts = append(restarts, time.Since(begin))
		s.Close(ctx, false)
	}
	over.Store(true)
	churn.Wait()
	transfer.Wait()

	var bytes int64
	for i, f := range flows {
		if f.sendErr != nil || f.recvErr != nil {
			t.Errorf("flow %d: send %v, receive %v", i, f.sendErr, f.recvErr)
		} else if f.sent != f.received || f.sentSum != f.receivedSum {
			t.Errorf("flow %d: %d bytes sent, %d received, or of other content", i, f.sent, f.received)
		}
		bytes += f.received
	}
	slices.Sort(restarts)
	if len(restarts) > 0 {
		t.Logf("%d kills under %d connections: %d bytes whole; %d open-connect-accept cycles beside, %d accepts told of a loss, %d calls given up; open after a kill: median %v, longest %v",
			len(restarts), pairs, bytes, cycles.Load(), told.Load(), givenUp.Load(), restarts[len(restarts)/2], restarts[len(restarts)-1])
	}
}

// flow is one direction of one connection.
type flow struct {
	from, to             *table.Socket
	seed                 uint64
	sent, received       int64
	sentSum, receivedSum [32]byte
	sendErr, recvErr     error
}

// send sends pieces of random length and content until it is over.
func (f *flow) send(ctx context.Context, over *atomic.Bool) error {
	r := rand.New(rand.NewPCG(f.seed, 1))
	sum := sha256.New()
	buf := make([]byte, 1024)
	for n := 0; n < 4 || !over.Load(); n++ {
		p := buf[:1+r.IntN(len(buf))]
		for i := 0; i+8 <= len(p); i += 8 {
			binary.LittleEndian.PutUint64(p[i:], r.Uint64())
		}
		if _, err := f.from.Send(ctx, p); err != nil {
			return err
		}
		sum.Write(p)
		f.sent += int64(len(p))
		select { // the connections are to live through kills, not to fill the machine
		case <-time.After(time.Duration(300+r.IntN(600)) * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	f.sentSum = sumOf(sum)
	return f.from.Shutdown(ctx, socket.ShutdownWrite)
}

func (f *flow) recv(ctx context.Context) error {
	turn, err := f.to.Read(ctx)
	if err != nil {
		return err
	}
	defer turn.Done()
	sum := sha256.New()
	buf := make([]byte, 16<<10)
	for {
		n, err := turn.Take(ctx, buf)
		sum.Write(buf[:n])
		f.received += int64(n)
		if errors.Is(err, socket.Ended) {
			f.receivedSum = sumOf(sum)
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func sumOf(h hash.Hash) (sum [32]byte) {
	h.Sum(sum[:0])
	return sum
}

// cycle opens a listener, connects to it step by step, accepts and sends a byte
// through. It reports whether an accept said that its connection may be lost:
// the one thing that a killed plugin may do.
func cycle(ctx context.Context, tab *table.Table) (lost bool, err error) {
	srv, err := tab.Open(ctx, table.Spec{Protocol: "tcp"})
	if err != nil {
		return false, err
	}
	defer srv.Close(ctx, true)
	if err := srv.Bind(ctx, "127.0.0.1:0"); err != nil {
		return false, err
	}
	if err := srv.Listen(ctx, 4); err != nil {
		return false, err
	}
	f, _ := srv.Facts()
	if f.Local.Port == 0 {
		return false, fmt.Errorf("%s is bound to no port", srv.Name())
	}
	c, err := tab.Open(ctx, table.Spec{Protocol: "tcp"})
	if err != nil {
		return false, err
	}
	defer c.Close(ctx, true)
	if err := c.Connect(ctx, f.Local.Text(socket.HostPort)); err != nil {
		return false, err
	}
	s, err := srv.Accept(ctx, "")
	if errors.Is(err, socket.Failed) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	defer s.Close(ctx, true)
	if _, err := c.Send(ctx, []byte("x")); err != nil {
		return false, err
	}
	turn, err := s.Read(ctx)
	if err != nil {
		return false, err
	}
	defer turn.Done()
	got, err := turn.Fill(ctx)
	if err == nil && string(got) != "x" {
		err = fmt.Errorf("%q arrived", got)
	}
	return false, err
}

// TestStreamFormTellsLost kills the plugin that carries the bytes: the sockets
// are lost and say so, and nothing hangs.
func TestStreamFormTellsLost(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tab, h := newWorld(t, host.Stream)
	srv, err := tab.Open(ctx, table.Spec{Protocol: "tcp", Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	f, _ := srv.Facts()
	c, err := tab.Open(ctx, table.Spec{Protocol: "tcp", Connect: f.Local.Text(socket.HostPort)})
	if err != nil {
		t.Fatal(err)
	}
	turn, err := c.Read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	waiting := make(chan error, 2)
	go func() {
		_, err := turn.Fill(ctx)
		waiting <- err
	}()
	first, err := srv.Accept(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_, err := srv.Accept(ctx, "")
		waiting <- err
	}()
	syscall.Kill(pluginPID(h), syscall.SIGKILL)
	for range 2 {
		if err := <-waiting; !errors.Is(err, socket.Lost) && !errors.Is(err, socket.Failed) {
			t.Errorf("a waiting call: %v", err)
		}
	}
	if _, err := first.Send(ctx, make([]byte, 1<<20)); !errors.Is(err, socket.Lost) {
		t.Errorf("send: %v", err)
	}
	if f, _ := c.Facts(); f.State != "lost" {
		t.Errorf("state %s", f.State)
	}
	turn.Done()
	again, err := tab.Open(ctx, table.Spec{Protocol: "tcp", Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	if f, _ := again.Facts(); f.State != "LISTEN" {
		t.Errorf("state %s", f.State)
	}
}
